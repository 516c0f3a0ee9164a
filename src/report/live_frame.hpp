#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "model/operation.hpp"
#include "model/run_plan.hpp"

namespace sluice::report {

/// One operation in its last complete second.
struct LiveOp {
  model::OpKind kind = model::OpKind::Get;
  double ops_per_s = 0, bytes_per_s = 0;
  std::int64_t p50_ns = 0, p99_ns = 0;  ///< 0: nothing completed in that second
};

/// What the live display shows at one moment. LiveFold fills in what was measured, ProgressRate gives rate and time
/// left, the caller the rest.
struct LiveFrame {
  base::Nanos run_elapsed{0};  ///< since the run began
  std::string stage;
  model::StageType type = model::StageType::Execute;
  std::size_t index = 1, stages = 1;  ///< "2 of 3"
  base::Nanos elapsed{0};             ///< since the stage began
  std::uint64_t done = 0;
  std::optional<std::uint64_t> total;
  std::string unit = "operations";  ///< of done and total: "operations", "objects", "directories", "s"
  double rate = 0;                  ///< done a second
  std::optional<base::Nanos> eta;   ///< time left
  std::vector<LiveOp> operations;
  std::uint64_t ops = 0, bytes = 0;  ///< completed so far in this stage
  std::uint64_t errors = 0;          ///< so far in the run
  double cpu_cores = 0;              ///< used by this process in the last complete second; 0: not known
  std::int64_t max_stall_ns = 0;     ///< longest hold so far
  std::string activity;              ///< what the stage is doing: "creating directories, level 2 of 4"; may be ""
  std::string remark;                ///< backing off, a warning; "" where all is well
};

}  // namespace sluice::report
