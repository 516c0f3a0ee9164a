#include <cstdio>

#include "app/results/commands.hpp"
#include "app/results/results_json.hpp"
#include "app/results/run_choice.hpp"
#include "app/results_dir.hpp"
#include "base/units.hpp"
#include "config/plan_reader.hpp"
#include "journal/run_log.hpp"
#include "report/result_files.hpp"

namespace sluice::app {

namespace {

/// The run's plan, which says where its time series is; the defaults where it is lost or of another version.
model::RunPlan plan_of(const ResultsDir& results) {
  const base::Result<std::string> resolved = read_file(results.path() + "/plan.resolved.yaml");
  if (!resolved) return {};
  return config::read_plan(*resolved, {.allow_unknown_keys = true}).value_or(model::RunPlan{});
}

}  // namespace

int rebuild_command(const ResultsOptions& options) {
  const auto chosen = choose_run(options);
  if (!chosen) return report_failure(chosen.error(), options);
  const std::string& dir = chosen->dir;
  const ResultsDir results(dir);
  if (auto ended = journal::check_not_written(dir); !ended) {
    std::fprintf(stderr, "%s\n", base::to_text(ended.error()).c_str());
    return 1;
  }
  const model::RunPlan plan = plan_of(results);
  report::ResultFold fold("local", plan.perf_interval, plan.perf_log_path);
  auto read = journal::read_run_log(dir, [&](std::string_view, model::Block&& block) { fold.add(block); });
  if (!read) {
    std::fprintf(stderr, "%s\n", base::to_text(read.error()).c_str());
    return 1;
  }
  for (const journal::LogFlaw& flaw : read->flaws) {
    std::fprintf(stderr, "%s: %s: %s\n", flaw.torn_tail ? "note" : "warning", flaw.file.c_str(), flaw.text.c_str());
  }
  if (read->blocks == 0) {
    base::Error error{.code = base::Code::Corrupt,
                      .what = "the log of results has nothing that can be read, so nothing was replaced",
                      .where = dir + "/log"};
    error.add_likely("the run was killed before it began to measure").add_likely("the log was emptied or not copied");
    error.add_try("look at summary.json and perf_log.tsv, which are as the run left them");
    std::fprintf(stderr, "%s\n", base::to_text(error).c_str());
    return 1;
  }
  results.release_reserve();  // a run that was killed has left it
  for (const report::ResultFile& file : fold.finish(report::LogState::Final)) {
    if (auto written = results.replace(file.name, file.content); !written) {
      std::fprintf(stderr, "%s\n", base::to_text(written.error()).c_str());
      return 1;
    }
    std::printf("%s/%s\n", dir.c_str(), file.name.c_str());
  }
  std::fprintf(stderr, "rebuilt from %s blocks\n", base::format_count(read->blocks).c_str());
  return 0;
}

}  // namespace sluice::app
