#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace sluice::journal {

/// An attempt of a stage of one run that is no result.
struct DiscardedAttempt {
  std::uint32_t stage = 0;  ///< from 0, as in blocks
  std::uint32_t attempt = 0;
  auto operator<=>(const DiscardedAttempt&) const = default;
};

/// `<results_dir>/discards.tsv`: a header, then stage and attempt, a line each. It stands beside the log because a
/// journal that is made again from the log has to know of them.
std::string discards_path(std::string_view results_dir);

/// What is in it; nothing where there is no such file. Blocks. Errors: what the system says; Corrupt (the line is
/// named).
base::Result<std::vector<DiscardedAttempt>> read_discards(std::string_view results_dir);

/// Adds one; the same a second time changes nothing. The file is replaced as a whole, and durable after it. Blocks.
/// Errors: as read_discards().
base::Result<void> add_discard(std::string_view results_dir, const DiscardedAttempt& discarded);

}  // namespace sluice::journal
