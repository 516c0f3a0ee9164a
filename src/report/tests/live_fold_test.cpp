#include "report/live_fold.hpp"

#include <gtest/gtest.h>

#include "report/tests/sample_run.hpp"

namespace sluice::report {
namespace {

using model::OpKind;
using model::Phase;
using testing::kSecond;

class Live : public ::testing::Test {
 protected:
  void SetUp() override { live.add(testing::stage_started(0, "load", model::StageType::Execute, 0)); }

  void record_gets(int second, std::uint64_t count) {
    model::Interval made = testing::interval(0, Phase::Measured, second * kSecond, (second + 1) * kSecond);
    testing::add_ops(made, OpKind::Get, count, 100, 5'000);
    made.cpu_user_s = 0.5;
    live.add(made);
  }

  LiveFrame at(double elapsed_s) {
    LiveFrame frame;
    frame.elapsed = base::Nanos{static_cast<std::int64_t>(elapsed_s * 1e9)};
    live.fill(frame);
    return frame;
  }

  LiveFold live;
};

TEST_F(Live, shows_the_last_complete_second_of_all_parties) {
  record_gets(0, 10);
  record_gets(0, 20);
  const LiveFrame frame = at(1.1);
  ASSERT_EQ(frame.operations.size(), 1U);
  EXPECT_DOUBLE_EQ(frame.operations[0].ops_per_s, 30);
  EXPECT_DOUBLE_EQ(frame.operations[0].bytes_per_s, 3000);
  EXPECT_NEAR(static_cast<double>(frame.operations[0].p50_ns), 5000, 5);
  EXPECT_DOUBLE_EQ(frame.cpu_cores, 1.0);
  EXPECT_EQ(frame.ops, 30U);
  EXPECT_EQ(frame.bytes, 3000U);
}

TEST_F(Live, a_stage_shorter_than_a_second_has_no_figures_of_one) {
  record_gets(0, 10);
  const LiveFrame frame = at(0.6);
  EXPECT_TRUE(frame.operations.empty()) << "0/s would be no figure but a lie";
  EXPECT_DOUBLE_EQ(frame.cpu_cores, 0);
  EXPECT_EQ(frame.ops, 10U);
}

TEST_F(Live, a_second_that_is_still_coming_in_is_not_shown) {
  record_gets(0, 10);
  record_gets(1, 3);
  EXPECT_DOUBLE_EQ(at(2.0).operations.at(0).ops_per_s, 10);
  EXPECT_DOUBLE_EQ(at(2.1).operations.at(0).ops_per_s, 3);
}

TEST_F(Live, a_stall_looks_like_one) {
  record_gets(0, 10);
  EXPECT_DOUBLE_EQ(at(2.9).operations.at(0).ops_per_s, 10);
  const LiveFrame stalled = at(3.1);
  ASSERT_EQ(stalled.operations.size(), 1U) << "the line stays";
  EXPECT_DOUBLE_EQ(stalled.operations[0].ops_per_s, 0);
  EXPECT_EQ(stalled.operations[0].p99_ns, 0);
  EXPECT_EQ(stalled.ops, 10U);
}

TEST_F(Live, a_new_stage_forgets_figures_but_not_errors_and_holds) {
  model::Interval bad = testing::interval(0, Phase::Measured, 0, kSecond);
  bad.ops[0].errors[0] = 4;
  bad.max_stall_ns = 7;
  live.add(bad);
  live.add(testing::stage_started(1, "next", model::StageType::Execute, kSecond));
  const LiveFrame frame = at(0.5);
  EXPECT_TRUE(frame.operations.empty());
  EXPECT_EQ(frame.ops, 0U);
  EXPECT_EQ(frame.errors, 4U);
  EXPECT_EQ(frame.max_stall_ns, 7);
}

TEST_F(Live, late_figures_of_the_second_before_still_enter_it) {
  record_gets(0, 10);
  record_gets(1, 5);
  record_gets(0, 7);
  EXPECT_DOUBLE_EQ(at(1.5).operations.at(0).ops_per_s, 17);
  EXPECT_DOUBLE_EQ(at(2.2).operations.at(0).ops_per_s, 5);
  EXPECT_EQ(at(2.2).ops, 22U);
}

}  // namespace
}  // namespace sluice::report
