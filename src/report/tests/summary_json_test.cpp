#include "report/summary_json.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "report/tests/sample_run.hpp"

namespace sluice::report {
namespace {

using Json = nlohmann::json;

Json parsed(const model::Summary& summary, LogState log = LogState::Final) {
  return Json::parse(summary_json(summary, log));
}

TEST(SummaryJson, says_what_was_measured) {
  const Json document = parsed(testing::folded(testing::completed_run()));
  EXPECT_EQ(document["schema"], "sluice.summary/1");
  EXPECT_EQ(document["run"]["status"], "completed");
  EXPECT_EQ(document["run"]["started"], "2026-11-21T04:04:21.123Z");
  const Json& get = document["stages"][1]["operations"][0];
  EXPECT_EQ(get["operation"], "get");
  EXPECT_EQ(get["count"], 30'033);
  EXPECT_EQ(get["errors_by_kind"], Json({{"not_found", 5}}));
  EXPECT_EQ(get["ops_per_s"], 10'010.0);
  EXPECT_EQ(get["service_ns"]["max"], 45'000'000);
  EXPECT_EQ(get["size_classes"].size(), 2U);
  EXPECT_FALSE(get.contains("response_ns")) << "a closed loop has none";
  EXPECT_FALSE(get.contains("percentiles_are_lower_bounds"));
  EXPECT_EQ(document["stages"][1]["warmup"]["operations"][0]["count"], 10'010);
  EXPECT_EQ(document["stages"][1]["slowest"][0]["host"], "lab1");
  EXPECT_EQ(document["errors"][0]["examples"].size(), 3U);
  EXPECT_EQ(document["client"]["limited_by"], "storage");
  EXPECT_EQ(document["client"]["workers"].size(), 3U);
  EXPECT_TRUE(document["error"].is_null());
}

TEST(SummaryJson, a_run_without_an_end_is_running_until_its_log_is_final) {
  std::vector<model::Block> blocks = testing::completed_run();
  blocks.pop_back();
  const model::Summary summary = testing::folded(blocks);
  EXPECT_EQ(parsed(summary, LogState::Open)["run"]["status"], "running");
  EXPECT_TRUE(parsed(summary, LogState::Open)["run"]["ended"].is_null());
  EXPECT_EQ(parsed(summary, LogState::Final)["run"]["status"], "interrupted");
}

TEST(SummaryJson, an_op_log_is_counted_and_none_is_null) {
  model::Summary summary = testing::folded(testing::completed_run());
  EXPECT_TRUE(parsed(summary)["op_log"].is_null());
  summary.run.keeps_operations = true;
  EXPECT_EQ(parsed(summary)["op_log"], Json({{"records", 0}, {"bytes", 0}, {"lost", 0}}));
  fold(summary, model::OperationRecords{.records = 1000, .lost = 7, .chunk = std::vector<std::byte>(8200)});
  EXPECT_EQ(parsed(summary)["op_log"], Json({{"records", 1000}, {"bytes", 8200}, {"lost", 7}}));
}

TEST(SummaryJson, an_error_has_its_parts) {
  model::Summary summary;
  summary.ended = testing::run_ended(model::RunStatus::Failed);
  summary.ended->error = base::from_errno(28, "cannot write x", "/mnt/t");
  const Json error = parsed(summary)["error"];
  EXPECT_EQ(error["code"], "ResourceExhausted");
  EXPECT_EQ(error["what"], "cannot write x");
  EXPECT_EQ(error["likely"].size(), 1U);
  EXPECT_EQ(error["try_next"].size(), 1U);
}

TEST(SummaryJson, a_failed_run_without_an_error_of_its_own_has_its_stage_s) {
  model::Summary summary = testing::folded(testing::completed_run());
  summary.ended->status = model::RunStatus::Failed;
  summary.stages[1].ended->error = base::Error{.code = base::Code::Cancelled, .what = "too many errors"};
  EXPECT_EQ(parsed(summary)["error"]["what"], "too many errors");
}

TEST(SummaryJson, keys_that_are_not_utf8_do_not_break_the_document) {
  model::Summary summary = testing::folded(testing::completed_run());
  summary.stages[1].slowest[0].key = "\xff\xfe";
  EXPECT_EQ(parsed(summary)["stages"][1]["slowest"][0]["key"], "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(SummaryJson, arrivals_that_never_started_mark_the_percentiles) {
  model::Summary summary = testing::folded(testing::completed_run());
  summary.stages[1].ops[0].unstarted = 2;
  summary.stages[1].ops[0].unstarted_wait.record(5'000'000'000, 2);
  const Json get = parsed(summary)["stages"][1]["operations"][0];
  EXPECT_EQ(get["percentiles_are_lower_bounds"], true);
  EXPECT_EQ(get["response_ns"]["max"], 5'000'000'000);
}

}  // namespace
}  // namespace sluice::report
