#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/results/results_options.hpp"
#include "base/error.hpp"
#include "base/time.hpp"
#include "model/summary.hpp"
#include "report/fold.hpp"

namespace sluice::app {

/// A run as the list shows it.
struct ListedRun {
  base::WallTime started;
  std::string plan, id, target;
  std::string status;  ///< as summary.json has it, or "killed", "unreadable"
  std::string dir;     ///< "": in a database alone
  double duration_s = 0;
  double ops_per_s = 0, bytes_per_s = 0;  ///< of its load stages
  std::string operation;                  ///< the busiest of one stage; "": none
  std::uint64_t p99_ns = 0;               ///< of that one
  std::uint64_t errors = 0;
};

/// The run of a results directory, from its summary.json, or from its log where that cannot be read. One that cannot be
/// read at all is "unreadable". Blocks.
ListedRun listed_run(const std::string& dir);
/// From a summary that was folded.
ListedRun listed_run(const model::Summary& summary, report::LogState log);

}  // namespace sluice::app
