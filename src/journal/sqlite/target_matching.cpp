#include "journal/sqlite/target_matching.hpp"

#include <algorithm>
#include <string_view>

#include <sqlite3.h>

namespace sluice::journal {

namespace {

void matches(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  const auto* targets = static_cast<const std::vector<TargetMatch>*>(sqlite3_value_pointer(values[0], kTargetsType));
  const auto* data = reinterpret_cast<const char*>(sqlite3_value_text(values[1]));
  const auto size = static_cast<std::size_t>(sqlite3_value_bytes(values[1]));
  const std::string_view text(data != nullptr ? data : "", data != nullptr ? size : 0);
  const bool found =
      targets != nullptr && std::ranges::any_of(*targets, [&](const TargetMatch& target) { return target.has(text); });
  sqlite3_result_int(context, found ? 1 : 0);
}

}  // namespace

int add_target_matching(sqlite3* handle) {
  return sqlite3_create_function_v2(handle, "sluice_matches", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
                                    nullptr, &matches, nullptr, nullptr, nullptr);
}

}  // namespace sluice::journal
