#include "async/tests/frame_soak.hpp"

#include <algorithm>
#include <fstream>
#include <future>
#include <numeric>

#include <gtest/gtest.h>
#include <unistd.h>

namespace sluice::async {
namespace {

using namespace std::chrono_literals;

SoakPlan plan_of(std::uint64_t seed) {
  return {.seed = seed,
          .lasts = 600s,
          .pause_max = 200ms,
          .frame_max = 1U << 20U,
          .pace = {.bytes_per_s = 4U << 20U, .stall_max = 10s, .read_max = 10s, .seed = seed},
          .limits = {.bytes_max = 4U << 20U, .source_bytes_max = 2U << 20U, .spill_bytes_max = 64U << 20U}};
}

/// What was done, for the one who looks at a failure, or at the report of --gtest_output.
std::string figures(const SoakOutcome& outcome) {
  const FrameQueueStats& queue = outcome.stats.queue;
  return std::to_string(outcome.stats.frames_written) + " frames, " + std::to_string(outcome.stats.bytes_written) +
         " bytes, " + std::to_string(queue.spilled_frames) + " frames spilled, at most " +
         std::to_string(queue.bytes_high_water) + " bytes in memory and " +
         std::to_string(queue.spill_bytes_high_water) + " on disk, " + std::to_string(outcome.stalls) +
         " stops, the longest " + std::to_string(outcome.stats.longest_stall.count() / 1'000'000) + " ms";
}

void expect_everything_came(const SoakPlan& plan, const SoakOutcome& outcome) {
  SCOPED_TRACE("seed " + std::to_string(plan.seed) + ": " + figures(outcome));
  testing::Test::RecordProperty("seed_" + std::to_string(plan.seed), figures(outcome));
  EXPECT_EQ(outcome.wrong, "");
  EXPECT_EQ(outcome.came, outcome.sent);
  EXPECT_GT(*std::ranges::min_element(outcome.sent), 0U) << "a source has sent nothing";
  EXPECT_TRUE(outcome.was_closed_in_time);
  const FrameWriterStats& stats = outcome.stats;
  EXPECT_EQ(stats.frames_written, std::accumulate(outcome.sent.begin(), outcome.sent.end(), std::uint64_t{0}));
  EXPECT_EQ(stats.queue.dropped_frames, 0U);
  EXPECT_FALSE(stats.spill_failed);
  EXPECT_LE(stats.queue.bytes_high_water, plan.limits.bytes_max + plan.frame_max + kFrameCost);
  EXPECT_LE(stats.queue.spill_bytes_high_water, plan.limits.spill_bytes_max);
  // Else it says nothing.
  EXPECT_GT(outcome.stalls, 0U);
  EXPECT_GT(stats.queue.spilled_frames, 0U);
  EXPECT_GT(stats.longest_stall, std::max(plan.pace.stall_max / 10, plan.pace.first_stall / 2));
}

/// The memory that this process has in use now.
std::int64_t resident_bytes() {
  std::int64_t size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

TEST(FrameSoak, a_hundred_sources_and_a_reader_that_stops_again_and_again_lose_nothing) {
  SoakPlan plan = plan_of(1);
  plan.lasts = 600ms;
  plan.pace.stall_max = 250ms;
  plan.pace.read_max = 150ms;
  plan.pace.bytes_per_s = 16U << 20U;
  plan.limits.spill_bytes_max = 8U << 20U;
  expect_everything_came(plan, soak(plan));
}

/// A reader that stops once, for so long.
void expect_all_advance_after(base::Nanos stop) {
  SoakPlan plan = plan_of(4);
  plan.lasts = stop + 300ms;
  plan.pause_max = 20ms;
  plan.pace = {.first_stall = stop};
  const SoakOutcome outcome = soak(plan);
  expect_everything_came(plan, outcome);
  EXPECT_LT(outcome.slowest_start, 1s);
}

TEST(FrameSoak, all_sources_advance_within_a_second_when_a_reader_has_stopped_for_one) { expect_all_advance_after(1s); }

TEST(LongFrameSoak, all_sources_advance_within_a_second_when_a_reader_has_stopped_for_ten) {
  expect_all_advance_after(10s);
}

/// Ten minutes each, side by side.
TEST(LongFrameSoak, ten_minutes_three_times_lose_nothing_and_take_no_more_memory_at_the_end) {
  std::vector<SoakPlan> plans;
  for (const std::uint64_t seed : {1U, 2U, 3U}) plans.push_back(plan_of(seed));
  std::vector<std::future<SoakOutcome>> runs;
  for (const SoakPlan& plan : plans) runs.push_back(std::async(std::launch::async, [&plan] { return soak(plan); }));
  std::vector<std::int64_t> resident;
  const base::Instant began = base::now();
  for (std::future<SoakOutcome>& run : runs) {
    while (run.wait_for(1s) != std::future_status::ready) {
      if (base::now() - began < plans.front().lasts) resident.push_back(resident_bytes());
    }
  }
  for (std::size_t i = 0; i < plans.size(); ++i) expect_everything_came(plans[i], runs[i].get());
  ASSERT_GT(resident.size(), 10U);
  const auto half = resident.begin() + static_cast<std::ptrdiff_t>(resident.size() / 2);
  EXPECT_LE(*std::max_element(half, resident.end()), *std::max_element(resident.begin(), half) + (16 << 20));
}

}  // namespace
}  // namespace sluice::async
