#include "report/limited_by.hpp"

#include <gtest/gtest.h>

#include "report/tests/sample_run.hpp"

namespace sluice::report {
namespace {

using testing::kSecond;

/// One load stage of a second on `cores` cores: 1,000 gets, `cpu_s` of CPU.
model::Summary load(std::uint32_t cores, double cpu_s) {
  model::Summary summary;
  summary.run.host.cores = cores;
  summary.stages.emplace_back();
  model::StageSummary& stage = summary.stages.back();
  stage.started = testing::stage_started(0, "load", model::StageType::Execute, 0);  // two threads
  stage.window_ns = kSecond;
  stage.measured_cpu_s = cpu_s;
  stage.ops[0].count = stage.ops[0].window_count = 1000;
  return summary;
}

TEST(LimitedBy, a_generator_that_waits_is_limited_by_the_storage) {
  EXPECT_EQ(limited_by(load(2, 0.5), {}), "storage");
}

TEST(LimitedBy, a_generator_on_all_its_threads_is_limited_by_its_cpu) {
  EXPECT_EQ(limited_by(load(64, 1.9), {}), "client CPU") << "two threads cannot use 64 cores";
  EXPECT_EQ(limited_by(load(1, 0.95), {}), "client CPU") << "two threads share one core";
  EXPECT_EQ(limited_by(load(2, 1.7), {}), "storage");
}

TEST(LimitedBy, a_rate_that_was_reached_is_the_limit) {
  EXPECT_EQ(limited_by(load(2, 1.95), {.iops_wanted = 1000}), "rate");
  EXPECT_EQ(limited_by(load(2, 0.5), {.iops_wanted = 1100}), "storage") << "asked for more than it got";
}

TEST(LimitedBy, a_spent_error_budget_comes_first) {
  EXPECT_EQ(limited_by(load(2, 1.95), {.iops_wanted = 1000, .error_budget_spent = true}), "error budget");
}

TEST(LimitedBy, back_offs_for_a_tenth_of_the_time_come_before_what_was_left_of_it) {
  EXPECT_EQ(limited_by(load(2, 0.1), {.held_back = base::Nanos{kSecond / 10}}), "error budget");
  EXPECT_EQ(limited_by(load(2, 0.1), {.held_back = base::Nanos{kSecond / 20}}), "storage");
}

TEST(LimitedBy, nothing_measured_names_nothing) { EXPECT_EQ(limited_by({}, {}), ""); }

}  // namespace
}  // namespace sluice::report
