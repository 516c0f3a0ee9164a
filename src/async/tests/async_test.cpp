
#include <gtest/gtest.h>

#include "async/cancel.hpp"
#include "async/stall_meter.hpp"

namespace sluice::async {
namespace {

TEST(CancelToken, a_default_made_one_never_cancels) { EXPECT_FALSE(CancelToken().is_cancelled()); }

TEST(CancelToken, a_parent_cancels_its_children_and_no_child_its_parent) {
  CancelSource parent;
  CancelSource child(parent.token());
  CancelSource sibling(parent.token());
  child.cancel();
  EXPECT_TRUE(child.token().is_cancelled());
  EXPECT_FALSE(parent.token().is_cancelled());
  EXPECT_FALSE(sibling.token().is_cancelled());
  parent.cancel();
  EXPECT_TRUE(sibling.token().is_cancelled());
}

TEST(CancelToken, outlives_its_source) {
  CancelToken token;
  {
    CancelSource source;
    token = source.token();
    source.cancel();
  }
  EXPECT_TRUE(token.is_cancelled());
}

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
