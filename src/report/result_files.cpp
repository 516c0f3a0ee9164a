#include "report/result_files.hpp"

#include <algorithm>
#include <utility>

#include "report/errors_tsv.hpp"
#include "report/histogram_log.hpp"
#include "report/stage_tsv.hpp"
#include "report/summary_json.hpp"

namespace sluice::report {

std::vector<ResultFile> result_files(const model::Summary& summary, LogState log) {
  std::vector<ResultFile> files;
  files.push_back({"summary.json", summary_json(summary, log)});
  files.push_back({"errors.tsv", errors_tsv(summary)});
  files.push_back({"histograms.hlog", histogram_log(summary)});
  for (const model::StageSummary& stage : summary.stages) {
    const bool did_something =
        std::any_of(stage.ops.begin(), stage.ops.end(), [](const auto& op) { return !op.empty(); });
    if (!did_something) continue;
    files.push_back({stage_tsv_name(stage.started.stage, stage.started.name), stage_tsv(stage)});
  }
  return files;
}

ResultFold::ResultFold(const std::string& agent_id, base::Nanos interval, std::string perf_log_name)
    : perf_log_(agent_id, interval), perf_log_name_(std::move(perf_log_name)) {}

void ResultFold::add(const model::Block& block) {
  fold(summary_, block);
  perf_log_text_ += perf_log_.add(block);
}

std::vector<ResultFile> ResultFold::finish(LogState log) {
  perf_log_text_ += perf_log_.finish();
  std::vector<ResultFile> files = result_files(summary_, log);
  files.push_back({perf_log_name_, std::move(perf_log_text_)});
  return files;
}

}  // namespace sluice::report
