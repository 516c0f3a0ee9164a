#pragma once

#include <vector>

#include "journal/tiers/filter.hpp"

struct sqlite3;

namespace sluice::journal {

/// What Statement::bind_pointer() is told of a `std::vector<TargetMatch>`.
inline constexpr const char* kTargetsType = "sluice targets";

/// Gives the connection the function sluice_matches(targets, text): 1 where the text is one of the bound targets, byte
/// by byte, as TargetMatch::has() says. Returns SQLite's code.
int add_target_matching(sqlite3* handle);

}  // namespace sluice::journal
