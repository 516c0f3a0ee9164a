#pragma once

#include <cstddef>
#include <string>

#include "model/summary.hpp"
#include "report/fold.hpp"

namespace sluice::report {

/// How the final table is laid out.
struct TableOptions {
  std::string results_dir;     ///< named in the last line; "" leaves it out
  std::size_t width = 110;     ///< keys and messages are cut to fit; the figures need about 105
  bool drops_columns = false;  ///< the least important figures are left out where they do not fit: for a terminal
  bool colour = false;         ///< ANSI colours, for terminals only
  LogState log = LogState::Final;
  bool error = true;  ///< end with the run's error; the caller may want to say it elsewhere
};

/// What a person reads at the end of a run, for a terminal: the run; each stage with its operations; the slowest ten;
/// errors by kind with an example; thresholds; what limited the run, the page cache's share, the longest hold, which
/// workers were taken and why; notes; the error, where there is one; where the results are. Lines end in a line feed.
std::string final_table(const model::Summary& summary, const TableOptions& options);

}  // namespace sluice::report
