#pragma once

#include <string>
#include <vector>

#include "model/block.hpp"

namespace sluice::model {

/// One kind of error over the whole run.
struct ErrorSummary {
  ErrorKind kind = ErrorKind::Other;
  std::uint64_t count = 0;
  std::int64_t first_ns = 0, last_ns = 0;
  std::vector<ErrorSample> examples;  ///< at most three
};

/// What is known of one stage: the fold over its blocks.
struct StageSummary {
  StageStarted started;
  std::optional<StageEnded> ended;  ///< absent while it runs, and after a kill
  OpStatsSet ops;                   ///< warm-up excluded
  OpStatsSet warmup;
  std::vector<SlowOp> slowest;       ///< at most 10, slowest first
  std::int64_t window_ns = 0;        ///< of the intervals seen so far, or the stage's own once it has ended
  std::int64_t window_from_ns = -1;  ///< start of the first measured interval, since the stage's start; -1: none yet
  std::int64_t wall_ns = 0;          ///< from its start to the end of the last interval seen, or to its own end
  double cpu_user_s = 0, cpu_system_s = 0;  ///< of this process, over all intervals of the stage
  double measured_cpu_s = 0;                ///< user and system, over the measured intervals only
  std::int64_t max_stall_ns = 0;
  std::uint64_t done = 0;
  std::optional<std::uint64_t> total;
};

/// The op-log, as far as there is one.
struct OpLogSummary {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  ///< of their chunks
  std::uint64_t lost = 0;   ///< operations that could not be kept
};

/// Everything a run's results say; the fold over its log (report/fold.hpp).
struct Summary {
  RunStarted run;
  std::vector<StageSummary> stages;
  std::vector<ErrorSummary> errors;
  std::vector<std::string> notes;
  OpLogSummary op_log;
  std::optional<RunEnded> ended;  ///< absent while it runs, and after a kill
};

}  // namespace sluice::model
