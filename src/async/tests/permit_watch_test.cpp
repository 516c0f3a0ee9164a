// StallWatch and permits that are held too long.
#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

#include "async/loop_guard.hpp"
#include "async/loop_thread.hpp"
#include "async/stall_watch.hpp"
#include "async/tests/executors.hpp"

namespace sluice::async {
namespace {

using namespace std::chrono_literals;

/// A watch of permits, and what it tells.
class Told {
 public:
  explicit Told(StallWatch::Options options = {.report_every = 1h, .permit_threshold = 100ms})
      : watch(*StallWatch::create(
            options, [](const StallReport&) {},
            [this](const PermitHold& hold) {
              {
                const std::lock_guard lock(mutex_);
                holds_.push_back(hold);
              }
              changed_.notify_all();
            })) {}

  bool await(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return holds_.size() >= count; });
  }
  /// Whether nothing more comes for so long.
  bool stays_at(std::size_t count, base::Nanos time) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, time, [&] { return holds_.size() != count; });
  }
  std::vector<PermitHold> holds() const {
    const std::lock_guard lock(mutex_);
    return holds_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<PermitHold> holds_;

 public:
  std::unique_ptr<StallWatch> watch;  ///< last: it goes before what it tells
};

TEST(PermitWatch, a_permit_that_is_held_too_long_is_named_while_it_is_held) {
  Told told;
  Permits permits(3, "requests of the listing");
  told.watch->watch(permits);
  Permit two = permits.try_acquire(2);
  ASSERT_TRUE(told.await(1));
  EXPECT_EQ(permits.stats().held, 2U) << "nobody has given it back";
  const PermitHold hold = told.holds().front();
  EXPECT_EQ(hold.what, "requests of the listing");
  EXPECT_EQ(hold.units, 2U);
  EXPECT_GE(hold.longest, 100ms);
  EXPECT_EQ(hold.waiting, 0U);
  EXPECT_EQ(told.watch->reports(), 0U) << "it is no loop";
}

TEST(PermitWatch, says_who_waits_for_it) {
  auto executor = make_executor();
  Told told;
  Permits permits(1, "things");
  Permit held = permits.try_acquire(1);
  auto first = executor->spawn("waiter", permits.acquire(1, Deadline::in(20s)));
  ASSERT_TRUE(eventually([&] { return permits.stats().waiting == 1; }));
  auto second = executor->spawn("waiter", permits.acquire(1, Deadline::in(20s)));
  ASSERT_TRUE(eventually([&] { return permits.stats().waiting == 2; }));
  told.watch->watch(permits);
  ASSERT_TRUE(told.await(1));
  EXPECT_EQ(told.holds().front().waiting, 2U);
  held.release();
  EXPECT_TRUE(first.join(Deadline::in(20s)));
  EXPECT_TRUE(second.join(Deadline::in(20s)));
}

TEST(PermitWatch, what_comes_home_in_time_is_not_named) {
  Told told({.report_every = 1ms, .permit_threshold = 500ms});
  Permits permits(3, "things");
  told.watch->watch(permits);
  // Always some are held, and none for long.
  Permit last = permits.try_acquire(1);
  const base::Instant end = base::now() + 1s;
  EXPECT_TRUE(eventually([&] {
    Permit next = permits.try_acquire(2);
    last = next.split(1);
    return base::now() > end;
  }));
  EXPECT_TRUE(told.holds().empty()) << to_text(told.holds().front());
}

TEST(PermitWatch, tells_of_the_same_permits_once_in_report_every) {
  Told told;  // once an hour
  Permits permits(3, "things"), others(1, "other things");
  told.watch->watch(permits);
  told.watch->watch(others);
  Permit held = permits.try_acquire(1);
  ASSERT_TRUE(told.await(1));
  EXPECT_TRUE(told.stays_at(1, 300ms));
  Permit other = others.try_acquire(1);
  ASSERT_TRUE(told.await(2));
  EXPECT_EQ(told.holds().back().what, "other things");
}

TEST(PermitWatch, tells_again_of_what_is_still_held_and_stops_when_it_comes_home) {
  Told told({.report_every = 20ms, .permit_threshold = 100ms});
  Permits permits(3, "things");
  told.watch->watch(permits);
  Permit held = permits.try_acquire(1);
  ASSERT_TRUE(told.await(3));
  EXPECT_GE(told.holds()[2].longest, told.holds()[0].longest + 20ms);
  held.release();
  EXPECT_TRUE(eventually([&] { return told.stays_at(told.holds().size(), 200ms); }));
}

TEST(PermitWatch, a_permit_that_outlives_its_permits_is_still_named) {
  Told told;
  auto permits = std::make_unique<Permits>(1, "things of an owner that has gone");
  told.watch->watch(*permits);
  Permit held = permits->try_acquire(1);
  permits.reset();
  ASSERT_TRUE(told.await(1));
  EXPECT_EQ(told.holds().front().what, "things of an owner that has gone");
}

TEST(PermitWatch, a_loop_that_comes_while_only_permits_are_looked_at_is_looked_at_at_once) {
  Told told({.threshold = 5ms, .report_every = 1h, .permit_threshold = 2h});
  Permits permits(1, "things");
  told.watch->watch(permits);  // the next look is an hour away
  const LoopGuard::Allow allow("it is what the test is about");
  for (std::uint64_t i = 1; i <= 5; ++i) {
    {
      LoopThread loop("a loop", told.watch.get());
      loop.enter("work");
      ASSERT_TRUE(eventually([&] { return told.watch->reports() == i; })) << i;
      loop.leave();
    }
    // From the second one on the sampler has seen meanwhile that there is no loop any more.
    const base::Instant asleep = base::now() + 20ms;
    ASSERT_TRUE(eventually([&] { return base::now() > asleep; }));
  }
}

TEST(PermitWatch, permits_that_come_while_loops_are_looked_at_are_looked_at_too) {
  Told told({.threshold = 1h, .report_every = 1h, .permit_threshold = 100ms});
  LoopThread loop("a loop", told.watch.get());  // the next look at it is half an hour away
  Permits permits(1, "things");
  told.watch->watch(permits);
  Permit held = permits.try_acquire(1);
  ASSERT_TRUE(told.await(1));
  EXPECT_EQ(told.holds().front().what, "things");
}

TEST(PermitWatch, a_merged_permit_is_as_old_as_its_oldest_part) {
  Told told;
  Permits permits(3, "things");
  Permit old = permits.try_acquire(1);
  EXPECT_TRUE(eventually([&] { return permits.probe().held_longer_than(100ms).has_value(); }));
  Permit young = permits.try_acquire(2);
  young.merge(std::move(old));
  EXPECT_EQ(permits.probe().held_longer_than(100ms)->units, 3U);
  Permit part = young.split(2);
  young.release();
  EXPECT_EQ(permits.probe().held_longer_than(100ms)->units, 2U);
  part.release();
  EXPECT_FALSE(permits.probe().held_longer_than(0ms));
}

TEST(PermitWatch, a_text_says_it_in_one_line) {
  EXPECT_EQ(to_text(PermitHold{.what = "requests", .units = 2, .longest = 7500ms, .waiting = 3}),
            "2 of 'requests' have been held for 7.50 s, and 3 tasks wait for them");
  EXPECT_EQ(to_text(PermitHold{.what = "requests", .units = 1, .longest = 7500ms, .waiting = 1}),
            "1 of 'requests' has been held for 7.50 s, and 1 task waits for it");
  EXPECT_EQ(to_text(PermitHold{.what = "requests", .units = 1, .longest = 7500ms}),
            "1 of 'requests' has been held for 7.50 s");
}

}  // namespace
}  // namespace sluice::async
