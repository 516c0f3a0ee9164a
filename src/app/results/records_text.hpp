#pragma once

#include <string>

#include "journal/tiers/stored_block.hpp"

namespace sluice::app {

/// "success", or the names of the kinds of error, with a comma between them.
std::string status_words(journal::StatusSet status);
/// All statuses that are errors.
journal::StatusSet all_errors();

/// Times of a run as people read them: "12.345 s" since it began.
std::string seconds_words(std::int64_t ns);

}  // namespace sluice::app
