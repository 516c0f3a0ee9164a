#include "async/stall_watch.hpp"

#include <algorithm>
#include <condition_variable>
#include <optional>

#include <gtest/gtest.h>

#include "async/loop_guard.hpp"
#include "async/loop_thread.hpp"

namespace sluice::async {

// Exported, so that a trace can name them.
// NOLINTBEGIN(misc-use-internal-linkage)

/// Holds the calling thread until `until` is true, by work and not by waiting.
template <class Condition>
[[gnu::noinline]] bool hold_until(const Condition& until) {
  const base::Instant limit = base::now() + base::Nanos{20'000'000'000};
  while (!until()) {
    if (base::now() > limit) return false;
  }
  return true;
}

[[gnu::noinline]] bool spin_in_a_function_with_this_name(const std::atomic<std::uint64_t>& count,
                                                         std::uint64_t wanted) {
  return hold_until([&] { return count.load() >= wanted; });
}

[[gnu::noinline]] void spin_for(base::Nanos time) {
  const base::Instant end = base::now() + time;
  hold_until([&] { return base::now() >= end; });
}

// NOLINTEND(misc-use-internal-linkage)

namespace {

constexpr base::Nanos kMs{1'000'000};

/// Keeps the reports of one watch.
class Kept {
 public:
  explicit Kept(StallWatch::Options options = {.threshold = 5 * kMs, .report_every = 3'600'000 * kMs}) {
    auto made = StallWatch::create(options, [this](const StallReport& report) {
      {
        std::lock_guard lock(mutex_);
        reports_.push_back(report);
      }
      ++count;
      changed_.notify_all();
    });
    EXPECT_TRUE(made);
    watch = std::move(*made);
  }

  std::vector<StallReport> reports() const {
    std::lock_guard lock(mutex_);
    return reports_;
  }
  std::vector<StallReport> of(const std::string& thread) const {
    std::vector<StallReport> found = reports();
    std::erase_if(found, [&](const StallReport& report) { return report.thread != thread; });
    return found;
  }
  bool await(std::uint64_t wanted) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return reports_.size() >= wanted; });
  }

  std::atomic<std::uint64_t> count{0};

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<StallReport> reports_;

 public:
  std::unique_ptr<StallWatch> watch;  ///< last: it goes before what its reports touch
};

bool names(const StallReport& report, std::string_view function) {
  return std::ranges::any_of(report.stack, [&](const std::string& frame) { return frame.contains(function); });
}

TEST(StallWatch, a_held_loop_is_named_with_its_thread_its_work_and_its_stack) {
  Kept kept;
  bool was_seen = false;
  std::thread([&] {
    LoopThread loop("the held loop", kept.watch.get());
    loop.enter("counting beans");
    was_seen = spin_in_a_function_with_this_name(kept.count, 1);
    loop.leave();
  }).join();
  ASSERT_TRUE(was_seen);
  const StallReport report = kept.reports().front();
  EXPECT_EQ(report.thread, "the held loop");
  EXPECT_EQ(report.work, "counting beans");
  EXPECT_GE(report.hold, 5 * kMs);
  EXPECT_TRUE(names(report, "spin_in_a_function_with_this_name")) << testing::PrintToString(report.stack);
  EXPECT_TRUE(to_text(report).contains("async::spin_in_a_function_with_this_name")) << to_text(report);
  EXPECT_EQ(kept.watch->reports(), 1U);
}

TEST(StallWatch, a_text_names_the_three_innermost_functions_of_our_own) {
  const StallReport report{.thread = "load worker 0",
                           .work = "execute",
                           .hold = base::Nanos{35'200'000},
                           .stack = {"memcpy +0x1", "sluice::a::seal(int) +0x2", "boost::asio::x() +0x3",
                                     "sluice::a::collect<4>() +0x4", "sluice::b::run() +0x5", "sluice::main() +0x6"}};
  EXPECT_EQ(to_text(report),
            "the loop 'load worker 0' was held for 35.2 ms by 'execute': a::seal <- a::collect <- b::run");
}

TEST(StallWatch, turns_below_the_threshold_and_waits_between_turns_are_no_holds) {
  Kept kept({.threshold = 200 * kMs, .report_every = kMs});
  std::thread([&] {
    LoopThread loop("a busy loop", kept.watch.get());
    // Many turns that are long together, and a wait as long as several looks.
    for (int i = 0; i < 300; ++i) {
      loop.enter("short work");
      spin_for(kMs);
      loop.leave();
    }
    spin_for(500 * kMs);
  }).join();
  EXPECT_EQ(kept.count.load(), 0U) << testing::PrintToString(kept.reports().front().stack);
}

TEST(StallWatch, the_same_thread_is_reported_once_in_report_every) {
  Kept kept;  // once an hour
  std::thread([&] {
    LoopThread loop("twice", kept.watch.get());
    loop.enter("first");
    EXPECT_TRUE(spin_in_a_function_with_this_name(kept.count, 1));
    spin_for(40 * kMs);
    loop.leave();
    loop.enter("second");
    spin_for(40 * kMs);
    loop.leave();
  }).join();
  EXPECT_EQ(kept.of("twice").size(), 1U);
}

TEST(StallWatch, a_hold_that_lasts_is_reported_again_and_grows) {
  Kept kept({.threshold = 5 * kMs, .report_every = 20 * kMs});
  std::thread([&] {
    LoopThread loop("long", kept.watch.get());
    loop.enter("one turn");
    EXPECT_TRUE(spin_in_a_function_with_this_name(kept.count, 3));
    loop.leave();
  }).join();
  const std::vector<StallReport> reports = kept.reports();
  ASSERT_GE(reports.size(), 3U);
  EXPECT_GT(reports[2].hold + reports[2].preempted, reports[0].hold + reports[0].preempted + 20 * kMs);
}

TEST(StallWatch, two_threads_held_at_once_are_both_named) {
  Kept kept;
  const auto held = [&](const char* name, const char* work) {
    LoopThread loop(name, kept.watch.get());
    loop.enter(work);
    EXPECT_TRUE(hold_until([&] { return !kept.of(name).empty(); }));
    loop.leave();
  };
  std::thread first(held, "one", "this");
  std::thread second(held, "two", "that");
  first.join();
  second.join();
  ASSERT_EQ(kept.of("one").size(), 1U);
  ASSERT_EQ(kept.of("two").size(), 1U);
  EXPECT_EQ(kept.of("one").front().work, "this");
  EXPECT_EQ(kept.of("two").front().work, "that");
}

/// Pins the calling thread, and all that it starts, to one processor.
void stay_on_one_processor() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(sched_getcpu()), &set);
  ASSERT_EQ(sched_setaffinity(0, sizeof set, &set), 0);
}

TEST(StallWatch, a_thread_that_is_kept_from_running_does_not_stall) {
  Kept kept({.threshold = 50 * kMs, .report_every = kMs});
  std::int64_t preempted_ns = 0;
  bool was_run = false;
  std::thread([&] {
    stay_on_one_processor();
    // Eleven share one processor: 20 ms of work take about 220.
    std::atomic<bool> ended{false};
    std::vector<std::thread> others;
    others.reserve(10);
    for (int i = 0; i < 10; ++i) others.emplace_back([&] { hold_until([&] { return ended.load(); }); });
    LoopThread loop("one of many", kept.watch.get());
    timespec begin{};
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    loop.enter("20 ms of work");
    was_run = hold_until([&] {
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
      return (now.tv_sec - begin.tv_sec) * 1'000'000'000 + now.tv_nsec - begin.tv_nsec > 20'000'000;
    });
    loop.leave();
    preempted_ns = loop.meter().max_preempted_ns();
    ended = true;
    for (std::thread& other : others) other.join();
  }).join();
  ASSERT_TRUE(was_run);
  ASSERT_GT(preempted_ns, 60'000'000);  // else it says nothing
  EXPECT_EQ(kept.count.load(), 0U) << testing::PrintToString(kept.reports().front().stack);
}

TEST(StallWatch, loops_that_come_and_go_while_they_are_sampled_leave_nothing_behind) {
  Kept kept({.threshold = base::Nanos{200'000}, .report_every = base::Nanos{0}});
  const base::Instant end = base::now() + 500 * kMs;
  std::vector<std::thread> threads;
  threads.reserve(3);
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (base::now() < end) {
        std::thread([&] {
          LoopThread loop("short-lived", kept.watch.get());
          loop.enter("a little");
          spin_for(base::Nanos{500'000});
          // Ends in the middle of its turn, and of the sampler's look at it.
        }).join();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const StallReport& report : kept.reports()) {
    EXPECT_EQ(report.thread, "short-lived");
    EXPECT_EQ(report.work, "a little");
  }
}

TEST(StallWatch, a_loop_that_blocks_in_a_call_is_named_too) {
  Kept kept;
  std::thread([&] {
    LoopThread loop("blocked", kept.watch.get());
    const LoopGuard::Allow allow("it is what the test is about");
    loop.enter("waiting for a condition");
    EXPECT_TRUE(kept.await(1));
    loop.leave();
  }).join();
  ASSERT_EQ(kept.of("blocked").size(), 1U);
  EXPECT_TRUE(names(kept.of("blocked").front(), "Kept::await") || names(kept.of("blocked").front(), "pthread_cond"))
      << testing::PrintToString(kept.of("blocked").front().stack);
}

TEST(StallWatch, without_loops_and_with_loops_that_do_nothing_it_ends_at_once) {
  Kept empty;
  Kept idle;
  const LoopThread loop("idle", idle.watch.get());
}

}  // namespace
}  // namespace sluice::async
