#pragma once

#include <cstdint>
#include <span>

#include "base/error.hpp"
#include "journal/sqlite/connection.hpp"

namespace sluice::journal {

/// What the header of a database of ours says in its application_id: "SLUJ".
inline constexpr std::int64_t kApplicationId = 0x534c554a;

/// A step from one version of the schema to the next, which is `version`. Fixed text.
struct Migration {
  std::int64_t version;
  const char* script;
};
/// All steps there are, ascending from 1. What has been released is never changed: a change is a new step.
std::span<const Migration> migrations();
/// The version that this program reads and writes: that of the last step.
std::int64_t schema_version();

/// May the file be used? Nothing is changed. Errors: InvalidArgument (it belongs to another program), Unsupported (a
/// newer schema; an older one when `is_read_only`), Corrupt.
base::Result<void> check_schema(Connection& connection, bool is_read_only);

/// Makes the schema in an empty file, or brings an older one up to date, in one transaction: wholly or not at all.
/// Errors: those of check_schema(), and the connection's.
base::Result<void> bring_up_to_date(Connection& connection, std::span<const Migration> steps = migrations());

}  // namespace sluice::journal
