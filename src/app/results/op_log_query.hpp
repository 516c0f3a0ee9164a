#pragma once

#include <cstddef>
#include <vector>

#include "app/results/run_source.hpp"
#include "base/error.hpp"
#include "journal/tiers/backend.hpp"

namespace sluice::app {

/// Does the run have operation records? Errors: of the read.
base::Result<bool> has_op_log(RunSource& source);

/// Every operation of a run's op-log that the filter lets pass, in the order of its blocks; only blocks are read whose
/// bounds say that they may have one. `slowest_first`: the `records_max` slowest of them, the slowest first. Progress
/// is told on stderr. Errors: ResourceExhausted where more match than `records_max`; NotFound where the run has no
/// op-log; Corrupt where a chunk cannot be read: an answer is whole or none; of the reads.
base::Result<std::vector<journal::FoundRecord>> find_in_op_log(RunSource& source, journal::Filter filter,
                                                               std::size_t records_max, bool slowest_first);

}  // namespace sluice::app
