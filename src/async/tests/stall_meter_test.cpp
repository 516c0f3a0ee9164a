#include "async/stall_meter.hpp"

#include <gtest/gtest.h>

namespace sluice::async {
namespace {

TEST(StallMeter, the_longest_hold_is_kept) {
  StallMeter meter;
  meter.begin();
  meter.held(base::Nanos{500});
  meter.held(base::Nanos{90'000});
  meter.held(base::Nanos{700});
  EXPECT_EQ(meter.max_hold_ns(), 90'000);
  EXPECT_EQ(meter.holds().count(), 3U);
}

TEST(StallMeter, work_that_really_holds_the_thread_is_a_hold_and_not_preemption) {
  StallMeter meter;
  meter.begin();
  const base::Instant begin = base::now();
  base::Instant end = begin;
  while (end - begin < base::Nanos{30'000'000}) end = base::now();
  meter.held(end - begin);
  // On a busy machine part of it is run-queue delay; hold and delay together are the whole.
  EXPECT_GE(meter.max_hold_ns() + meter.max_preempted_ns(), 30'000'000);
  EXPECT_GT(meter.max_hold_ns(), 1'000'000);
}

}  // namespace
}  // namespace sluice::async
