#pragma once

#include <string>
#include <vector>

#include "model/block.hpp"
#include "model/summary.hpp"
#include "report/fold.hpp"
#include "report/perf_log.hpp"

namespace sluice::report {

/// A file of a results directory; the name is relative to it.
struct ResultFile {
  std::string name;
  std::string content;
};

/// The files that a summary alone makes: summary.json, errors.tsv, histograms.hlog, and NN_<stage>_results.tsv for each
/// stage that did operations.
std::vector<ResultFile> result_files(const model::Summary& summary, LogState log);

/// Makes every derived file of a results directory from its log, block by block: at the end of a run and in
/// `sluice results rebuild`. It holds the summary and the time series' text, never the intervals. What the files say
/// adds up: rows of perf_log.tsv to the totals in summary.json (and its warm-up), those to the histograms. One thread.
class ResultFold {
 public:
  explicit ResultFold(const std::string& agent_id = "local", base::Nanos interval = base::Nanos{1'000'000'000},
                      std::string perf_log_name = "perf_log.tsv");

  /// Takes the next block of the log.
  void add(const model::Block& block);
  const model::Summary& summary() const { return summary_; }

  /// result_files() of all blocks so far, and the time series with its last, incomplete row. For the end of the log:
  /// call it once.
  std::vector<ResultFile> finish(LogState log);

 private:
  model::Summary summary_;
  PerfLog perf_log_;
  std::string perf_log_name_;
  std::string perf_log_text_ = PerfLog::header();
};

}  // namespace sluice::report
