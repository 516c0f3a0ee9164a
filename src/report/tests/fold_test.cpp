#include "report/fold.hpp"

#include <gtest/gtest.h>

#include "report/tests/sample_run.hpp"

namespace sluice::report {
namespace {

using model::ErrorKind;
using model::OpKind;
using model::Phase;
using model::StageType;
using testing::completed_run;
using testing::folded;
using testing::kSecond;

const model::OpStats& op(const model::OpStatsSet& set, OpKind kind) { return set[static_cast<std::size_t>(kind)]; }

TEST(Fold, a_stage_that_does_one_thing_after_the_other_has_done_no_more_than_its_last_total) {
  model::Summary summary = testing::folded({});
  const auto told = [&](std::uint64_t done, std::optional<std::uint64_t> total) {
    model::Interval interval = testing::interval(0, model::Phase::Measured, 0, kSecond);
    interval.done = done;
    interval.total = total;
    fold(summary, interval);
    return std::pair(summary.stages[0].done, summary.stages[0].total);
  };
  using Total = std::optional<std::uint64_t>;
  EXPECT_EQ(told(2103, 2223), (std::pair{std::uint64_t{2103}, Total{2223}}));
  EXPECT_EQ(told(364, 1111), (std::pair{std::uint64_t{364}, Total{1111}}));
  EXPECT_EQ(told(300, 1111), (std::pair{std::uint64_t{364}, Total{1111}})) << "blocks may come out of order";
  EXPECT_EQ(told(5, std::nullopt), (std::pair{std::uint64_t{5}, Total{}}));
}

TEST(Fold, warm_up_is_kept_apart_from_the_totals) {
  const model::Summary summary = folded(completed_run());
  EXPECT_EQ(op(summary.stages[1].warmup, OpKind::Stat).count, 5'000U);
  EXPECT_EQ(op(summary.stages[1].ops, OpKind::Stat).count, 15'000U);
}

TEST(Fold, the_drain_counts_in_latency_and_number_but_not_in_the_window) {
  const model::Summary summary = folded(completed_run());
  const model::OpStats& get = op(summary.stages[1].ops, OpKind::Get);
  EXPECT_EQ(get.count, 3U * 10'010 + 3);
  EXPECT_EQ(get.window_count, 3U * 10'010);
  EXPECT_EQ(get.service().max(), 45'000'000U);
  EXPECT_EQ(get.service().count(), get.count);
}

TEST(Fold, a_running_stage_has_the_window_its_intervals_have_covered) {
  std::vector<model::Block> blocks = completed_run();
  blocks.resize(8);  // warm-up and two measured seconds of the load
  const model::Summary summary = folded(blocks);
  ASSERT_FALSE(summary.stages[1].ended);
  EXPECT_EQ(summary.stages[1].window_ns, 2 * kSecond);
  EXPECT_EQ(summary.stages[1].wall_ns, 3 * kSecond);
  EXPECT_EQ(status_of(summary.stages[1], LogState::Open), model::RunStatus::Running);
  EXPECT_EQ(status_of(summary, LogState::Final), model::RunStatus::Interrupted);
}

TEST(Fold, intervals_of_one_window_do_not_widen_it_in_any_order) {
  model::Summary summary;
  fold(summary, testing::stage_started(0, "load", StageType::Execute, 0));
  fold(summary, testing::interval(0, Phase::Measured, 2 * kSecond, 3 * kSecond));
  fold(summary, testing::interval(0, Phase::Measured, kSecond, 2 * kSecond));
  fold(summary, testing::interval(0, Phase::Measured, kSecond, 3 * kSecond));
  EXPECT_EQ(summary.stages[0].window_from_ns, kSecond);
  EXPECT_EQ(summary.stages[0].window_ns, 2 * kSecond);
}

TEST(Fold, an_ended_stage_has_its_own_window_and_wall_time) {
  const model::Summary summary = folded(completed_run());
  EXPECT_EQ(summary.stages[1].window_ns, 3 * kSecond);
  EXPECT_EQ(summary.stages[1].wall_ns, 4 * kSecond + 50'000'000);
  EXPECT_EQ(status_of(summary.stages[1], LogState::Final), model::RunStatus::Completed);
}

TEST(Fold, only_the_slowest_ten_are_kept_the_slowest_first) {
  std::vector<model::SlowOp> kept;
  for (int i = 0; i < 25; ++i) merge_slowest(kept, {{.service_ns = (i * 7) % 25, .at_ns = i}});
  ASSERT_EQ(kept.size(), kSlowestMax);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(kept[static_cast<std::size_t>(i)].service_ns, 24 - i);
}

TEST(Fold, errors_are_grouped_by_kind_with_three_examples_and_their_times) {
  const model::Summary summary = folded(completed_run());
  ASSERT_EQ(summary.errors.size(), 1U);
  const model::ErrorSummary& errors = summary.errors[0];
  EXPECT_EQ(errors.kind, ErrorKind::NotFound);
  EXPECT_EQ(errors.count, 5U);
  EXPECT_EQ(errors.examples.size(), kExamplesMax);
  EXPECT_EQ(errors.first_ns, 4'500'000'000);
  EXPECT_EQ(errors.last_ns, 2 * kSecond + 3 * kSecond)
      << "five errors, four samples: the last is somewhere in the second";
}

TEST(Fold, errors_without_a_sample_still_have_the_times_of_their_interval) {
  model::Summary summary;
  fold(summary, testing::stage_started(0, "load", StageType::Execute, 10 * kSecond));
  model::Interval interval = testing::interval(0, Phase::Measured, kSecond, 2 * kSecond);
  interval.ops[0].errors[static_cast<std::size_t>(ErrorKind::Io)] = 2;
  fold(summary, interval);
  ASSERT_EQ(summary.errors.size(), 1U);
  EXPECT_EQ(summary.errors[0].first_ns, 11 * kSecond);
  EXPECT_EQ(summary.errors[0].last_ns, 12 * kSecond);
}

TEST(Fold, an_interval_of_a_stage_that_never_started_is_not_lost) {
  model::Summary summary;
  model::Interval interval = testing::interval(7, Phase::Measured, 0, kSecond);
  testing::add_ops(interval, OpKind::Get, 3, 10, 100);
  fold(summary, interval);
  ASSERT_EQ(summary.stages.size(), 1U);
  EXPECT_EQ(summary.stages[0].started.stage, 7U);
  EXPECT_EQ(op(summary.stages[0].ops, OpKind::Get).count, 3U);
}

TEST(Fold, a_log_that_goes_on_after_its_end_is_running_again) {
  std::vector<model::Block> blocks = completed_run();
  blocks.emplace_back(testing::run_started());
  EXPECT_EQ(status_of(folded(blocks), LogState::Open), model::RunStatus::Running);
}

TEST(Fold, the_cost_of_a_running_run_is_that_of_its_intervals) {
  std::vector<model::Block> blocks = completed_run();
  blocks.pop_back();
  const model::ClientCost cost = client_cost(folded(blocks));
  EXPECT_DOUBLE_EQ(cost.cpu_user_s, 4 * 0.25);
  EXPECT_DOUBLE_EQ(cost.cpu_system_s, 4 * 0.75);
  EXPECT_EQ(cost.max_stall_ns, 400'000);
}

}  // namespace
}  // namespace sluice::report
