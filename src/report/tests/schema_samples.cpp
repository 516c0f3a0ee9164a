// Writes documents of every state into the directory given, for tests/schema/validate.py: summary_*.json and
// progress_*.json (lines). Exit code 1: a file could not be written; 2: not called with one directory.
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <variant>

#include "report/live.hpp"
#include "report/summary_json.hpp"
#include "report/tests/sample_run.hpp"

namespace {

using namespace sluice;
using report::LogState;
using report::testing::kSecond;

bool write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  return static_cast<bool>(file.flush());
}

model::Summary cut_after(std::size_t count) {
  std::vector<model::Block> blocks = report::testing::completed_run();
  blocks.resize(count);
  return report::testing::folded(blocks);
}

model::Summary failed() {
  std::vector<model::Block> blocks = report::testing::completed_run();
  blocks.resize(6);
  const base::Error error = base::from_errno(28, "cannot write \xff.dat", "/mnt/t").add_try("free some space");
  model::StageEnded stage{.stage = 1, .status = model::RunStatus::Failed, .at_ns = 4 * kSecond, .error = error};
  stage.output = "last words\n";
  blocks.emplace_back(stage);
  model::RunEnded ended = report::testing::run_ended(model::RunStatus::Failed);
  ended.error = error;
  ended.error->chain.push_back("open: " + error.where);
  ended.client.page_cache_share.reset();
  ended.client.limited_by.clear();
  blocks.emplace_back(ended);
  return report::testing::folded(blocks);
}

model::Summary with_op_log() {
  std::vector<model::Block> blocks = report::testing::completed_run();
  blocks.emplace_back(model::OperationRecords{.records = 1000, .lost = 7, .chunk = std::vector<std::byte>(8200)});
  std::get<model::RunStarted>(blocks.front()).keeps_operations = true;
  return report::testing::folded(blocks);
}

model::Summary open_loop() {
  std::vector<model::Block> blocks = report::testing::completed_run();
  model::Interval late = report::testing::interval(1, model::Phase::Measured, 3 * kSecond, 4 * kSecond);
  report::testing::add_ops(late, model::OpKind::Get, 7, 100, 1000);
  model::OpStats& get = late.ops[0];
  get.in_class(1).response.record(5000, 7);
  get.unstarted = 3;
  get.unstarted_wait.record(9'000'000, 3);
  get.starved = 2;
  get.retries = 4;
  blocks.insert(blocks.begin() + 6, std::move(late));
  return report::testing::folded(blocks);
}

std::string progress_lines() {
  report::LiveFrame frame;
  std::string lines = report::render_json(frame);
  frame.stage = "load \"x\"\n";
  frame.total = 100;
  frame.eta = base::Nanos{1'500'000'000};
  frame.operations = {{.kind = model::OpKind::List, .ops_per_s = 1.5, .p50_ns = 10, .p99_ns = 20}};
  frame.remark = "backing off for 5 s";
  return lines + report::render_json(frame);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path directory = argv[1];
  const std::size_t all = report::testing::completed_run().size();
  const std::pair<const char*, std::string> documents[] = {
      {"summary_empty.json", report::summary_json({}, LogState::Open)},
      {"summary_just_started.json", report::summary_json(cut_after(1), LogState::Open)},
      {"summary_running.json", report::summary_json(cut_after(7), LogState::Open)},
      {"summary_killed.json", report::summary_json(cut_after(7), LogState::Final)},
      {"summary_between_stages.json", report::summary_json(cut_after(4), LogState::Open)},
      {"summary_completed.json", report::summary_json(cut_after(all), LogState::Final)},
      {"summary_failed.json", report::summary_json(failed(), LogState::Final)},
      {"summary_open_loop.json", report::summary_json(open_loop(), LogState::Final)},
      {"summary_op_log.json", report::summary_json(with_op_log(), LogState::Final)},
      {"progress_lines.json", progress_lines()},
  };
  for (const auto& [name, text] : documents) {
    if (!write(directory / name, text)) return 1;
  }
  return 0;
}
