#pragma once

#include <memory>
#include <string>

#include "load/run_context.hpp"
#include "load/stage_control.hpp"

namespace sluice::load {

/// What a selection is for: files, or directories themselves.
enum class Wanted : std::uint8_t { Files, Directories };

/// On null:// every key exists, all with the same size.
bool is_null(const Place& place);

/// Resolves a path of the workload to the names it stands for: by arithmetic inside the plan's datasets, a literal name
/// as it is, everything on null://, and else by listing the target, with progress. Blocks. A path that matches nothing
/// is an empty set. Errors: a malformed pattern, a directory that cannot be read, Cancelled.
base::Result<std::unique_ptr<model::Names>> select_names(RunContext& context, StageControl& control, const Place& place,
                                                         Wanted wanted);

}  // namespace sluice::load
