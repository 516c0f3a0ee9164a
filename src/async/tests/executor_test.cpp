#include "async/executor.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "async/channel.hpp"
#include "async/stall_watch.hpp"
#include "async/tests/executors.hpp"
#include "async/timing.hpp"

namespace sluice::async {
namespace {

using namespace std::chrono_literals;
using base::Code;

Task<int> give(int value) { co_return value; }
Task<> nothing() { co_return base::Result<void>(); }
Task<> fail_with(Code code) { co_return base::fail(code, "as asked"); }
Task<> throw_out() {
  throw std::runtime_error("the roof is on fire");
  co_return base::Result<void>();
}
Task<int> sleep_then(base::Nanos span, int value) {
  SLUICE_CO_CHECK(co_await pause_until(Deadline::in(span)));
  co_return value;
}
Task<std::string> large(std::size_t bytes) { co_return std::string(bytes, 'x'); }
Task<std::optional<int>> maybe(std::optional<int> value) { co_return value; }
/// Holds its loop thread.
Task<> hold(Gate& gate) {  // outlives: the test's
  gate.pass();
  co_return base::Result<void>();
}
Task<int> counted(std::atomic<int>& count) {  // outlives: the test's
  co_return ++count;
}

TEST(Executor, basic) {
  auto executor = make_executor();
  EXPECT_TRUE(executor->is_running());
  EXPECT_TRUE(executor->block_on(nothing()));
}

TEST(Executor, returns_result) { EXPECT_EQ(make_executor()->block_on(give(42)).value(), 42); }

TEST(Executor, concurrent) {
  auto executor = make_executor({.worker_threads = 4, .name = "test"});
  std::atomic<int> count{0};
  std::vector<std::jthread> callers;
  for (int i = 0; i < 100; ++i) {
    callers.emplace_back([&] { EXPECT_TRUE(executor->block_on(counted(count))); });
  }
  callers.clear();
  EXPECT_EQ(count.load(), 100);
  EXPECT_EQ(executor->stats().live, 0U);
}

TEST(Executor, async_sleep) {
  const base::Instant began = base::now();
  EXPECT_EQ(make_executor()->block_on(sleep_then(20ms, 7)).value(), 7);
  EXPECT_GE(base::now() - began, 20ms);
}

TEST(Executor, timeout) {
  auto executor = make_executor();
  const auto late = executor->block_on(sleep_then(60s, 1), Deadline::in(20ms));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::DeadlineExceeded);
  EXPECT_TRUE(eventually([&] { return executor->stats().live == 0; })) << "the task is cancelled at the deadline";
  EXPECT_EQ(executor->stats().left_behind, 1U);
}

TEST(Executor, timeout_success) {
  EXPECT_EQ(make_executor()->block_on(sleep_then(1ms, 3), Deadline::in(20s)).value(), 3);
}

TEST(Executor, default_timeout) {
  auto executor = make_executor({.worker_threads = 1, .default_timeout = 20ms, .name = "test"});
  EXPECT_EQ(executor->block_on(sleep_then(60s, 1)).error().code, Code::DeadlineExceeded);
}

TEST(Executor, cancellation) {
  auto executor = make_executor();
  std::jthread canceller([&] {
    EXPECT_TRUE(eventually([&] { return executor->stats().live == 1; }));
    executor->cancel_all();
  });
  EXPECT_EQ(executor->block_on_cancellable(sleep_then(60s, 1)).error().code, Code::Cancelled);
  EXPECT_TRUE(executor->is_cancelled());
  EXPECT_TRUE(executor->is_running());
  EXPECT_TRUE(executor->block_on(nothing())) << "a final flush still runs";
}

TEST(Executor, cancellable_timeout) {
  auto executor = make_executor();
  EXPECT_EQ(executor->block_on_cancellable(sleep_then(60s, 1), Deadline::in(10ms)).error().code,
            Code::DeadlineExceeded);
}

TEST(Executor, cancel_before_submit) {
  auto executor = make_executor();
  executor->cancel_all();
  EXPECT_EQ(executor->block_on_cancellable(give(1)).error().code, Code::Cancelled);
  EXPECT_EQ(executor->spawn("late", sleep_then(60s, 1)).join(Deadline::in(20s)).error().code, Code::Cancelled);
}

TEST(Executor, multiple_cancel_calls) {
  auto executor = make_executor();
  for (int i = 0; i < 10; ++i) executor->cancel_all();
  EXPECT_TRUE(executor->is_cancelled());
  EXPECT_TRUE(executor->block_on(nothing()));
}

TEST(Executor, config) {
  auto executor = make_executor({.worker_threads = 3, .queue_max = 7, .name = "a name that is rather long"});
  EXPECT_TRUE(executor->block_on(nothing()));
}

TEST(Executor, zero_workers_is_a_config_error) {
  EXPECT_EQ(Executor::create({.worker_threads = 0}).error().code, Code::InvalidArgument);
  EXPECT_EQ(Executor::create({.worker_threads = 257}).error().code, Code::InvalidArgument);
  EXPECT_EQ(Executor::create({.queue_max = 0}).error().code, Code::InvalidArgument);
}

TEST(Executor, no_deadlock_under_load) {
  auto executor = make_executor();
  std::vector<std::jthread> callers;
  for (int i = 0; i < 50; ++i) {
    callers.emplace_back([&executor, i] { EXPECT_EQ(executor->block_on(sleep_then(5ms, i)).value(), i); });
  }
}

TEST(Executor, typed_channel) {
  auto executor = make_executor();
  Channel<std::string> channel(2, "the test's channel");
  auto received = executor->spawn("receiver", channel.receive(Deadline::in(20s)));
  EXPECT_TRUE(channel.try_send("a word"));
  EXPECT_EQ(received.join(Deadline::in(20s)).value(), "a word");
}

TEST(Executor, propagates_inner_error) {
  EXPECT_EQ(make_executor()->block_on(fail_with(Code::NotFound)).error().code, Code::NotFound);
}

TEST(Executor, option_none) {
  auto executor = make_executor();
  EXPECT_EQ(executor->block_on(maybe(std::nullopt)).value(), std::nullopt);
  EXPECT_EQ(executor->block_on(maybe(5)).value(), 5);
}

TEST(Executor, failing_task_isolated) {
  auto executor = make_executor({.worker_threads = 1, .name = "test"});
  const auto failed = executor->block_on(throw_out());
  EXPECT_EQ(failed.error().code, Code::Internal);
  EXPECT_NE(failed.error().where.find("the roof is on fire"), std::string::npos);
  EXPECT_EQ(executor->block_on(give(1)).value(), 1);
  EXPECT_EQ(executor->stats().failed, 1U);
}

TEST(Executor, queue_pressure) {
  auto executor = make_executor({.worker_threads = 2, .queue_max = 4, .name = "test"});
  std::atomic<int> done{0};
  std::vector<std::jthread> callers;
  for (int i = 0; i < 20; ++i) {
    callers.emplace_back([&, i] {
      EXPECT_EQ(executor->block_on(sleep_then(2ms, i)).value(), i);
      ++done;
    });
  }
  callers.clear();
  EXPECT_EQ(done.load(), 20);
  EXPECT_LE(executor->stats().queue_high_water, 4U);
}

TEST(Executor, a_queue_of_one_that_is_full_is_an_error_for_try_spawn_and_a_bounded_wait_for_block_on) {
  auto executor = make_executor({.worker_threads = 1, .queue_max = 1, .name = "test"});
  Gate gate;
  auto holder = executor->spawn("holder", hold(gate));
  ASSERT_TRUE(gate.await_arrivals(1));
  auto queued = executor->try_spawn("queued", give(1));
  ASSERT_TRUE(queued);
  EXPECT_EQ(executor->try_spawn("refused", give(2)).error().code, Code::ResourceExhausted);
  EXPECT_EQ(executor->block_on(give(3), Deadline::in(10ms)).error().code, Code::DeadlineExceeded);
  gate.open();
  EXPECT_EQ(queued->join(Deadline::in(20s)).value(), 1);
  EXPECT_EQ(executor->block_on(give(4)).value(), 4);
  EXPECT_TRUE(holder.join(Deadline::in(20s)));
}

TEST(Executor, timeout_zero) {
  std::atomic<int> count{0};
  auto executor = make_executor();
  EXPECT_EQ(executor->block_on(counted(count), Deadline::in(0ns)).error().code, Code::DeadlineExceeded);
  EXPECT_EQ(count.load(), 0) << "what is late before it begins does not begin";
}

TEST(Executor, timeout_at_the_boundary) {
  auto executor = make_executor();
  for (int i = 0; i < 50; ++i) {
    const auto result = executor->block_on(sleep_then(2ms, 1), Deadline::in(2ms));
    EXPECT_TRUE(result || result.error().code == Code::DeadlineExceeded || result.error().code == Code::Cancelled);
  }
  EXPECT_TRUE(eventually([&] { return executor->stats().live == 0; }));
}

TEST(Executor, large_result) {
  const auto result = make_executor()->block_on(large(10U << 20));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->size(), 10U << 20);
}

TEST(Executor, overflow_duration) {
  EXPECT_TRUE(Deadline::in(base::Nanos::max()).is_never());
  EXPECT_TRUE(Deadline::in(base::Nanos::min()).has_passed());
  EXPECT_EQ(make_executor()->block_on(give(1), Deadline::in(base::Nanos::max())).value(), 1);
}

Task<base::Error> block_inside(Executor& executor) {  // outlives: the test's
  auto refused = executor.block_on(give(1));
  if (refused) co_return base::fail(Code::Internal, "was not refused");
  co_return std::move(refused).error();
}

TEST(Executor, block_on_from_inside_is_refused) {
  auto executor = make_executor({.worker_threads = 1, .name = "test"});
  EXPECT_EQ(executor->block_on(block_inside(*executor)).value().code, Code::InvalidArgument);
}

TEST(Executor, block_on_another_executor_is_refused_on_a_loop_thread_too) {
  auto outer = make_executor();
  auto inner = make_executor();
  EXPECT_EQ(outer->block_on(block_inside(*inner)).value().code, Code::InvalidArgument);
}

Task<int> ask(Executor& inner, int value) {  // outlives: the test's
  auto handle = inner.spawn("inner", sleep_then(1ms, value));
  co_return co_await handle.wait(Deadline::in(20s));
}

TEST(Executor, nested_executors) {
  auto inner = make_executor({.worker_threads = 1, .name = "inner"});
  auto outer = make_executor({.worker_threads = 1, .name = "outer"});
  EXPECT_EQ(outer->block_on(ask(*inner, 11)).value(), 11);
}

TEST(Executor, ten_thousand_operations_from_64_threads) {
  auto executor = make_executor({.worker_threads = 2, .queue_max = 16, .name = "test"});
  std::atomic<int> count{0};
  std::vector<std::jthread> callers;
  for (int i = 0; i < 64; ++i) {
    callers.emplace_back([&] {
      for (int k = 0; k < 157; ++k) EXPECT_TRUE(executor->block_on(counted(count)));
    });
  }
  callers.clear();
  EXPECT_EQ(count.load(), 64 * 157);
}

TEST(Executor, drain_waits_and_cancels_nothing) {
  auto executor = make_executor();
  auto slow = executor->spawn("slow", sleep_then(30ms, 5));
  EXPECT_TRUE(executor->drain(Deadline::in(20s)));
  EXPECT_TRUE(slow.is_done());
  EXPECT_EQ(slow.join(Deadline::in(20s)).value(), 5);
  EXPECT_TRUE(executor->is_running());
  auto longer = executor->spawn("longer", sleep_then(60s, 5));
  const auto late = executor->drain(Deadline::in(5ms));
  EXPECT_EQ(late.error().code, Code::DeadlineExceeded);
  EXPECT_EQ(late.error().where, "longer");
  longer.cancel();
  EXPECT_EQ(longer.join(Deadline::in(20s)).error().code, Code::Cancelled);
}

TEST(Executor, a_task_that_never_yields_costs_its_waiter_only_the_deadline_and_is_counted) {
  auto executor = make_executor();
  Gate gate;
  EXPECT_EQ(executor->block_on(hold(gate), Deadline::in(20ms)).error().code, Code::DeadlineExceeded);
  EXPECT_EQ(executor->stats().left_behind_now, 1U);
  EXPECT_EQ(executor->block_on(give(1), Deadline::in(20s)).value(), 1) << "the other thread goes on";
  gate.open();
  EXPECT_TRUE(eventually([&] { return executor->stats().left_behind_now == 0; }));
}

/// A thread that has just ended a task is about to take the next one, and nobody else is woken for that. It must never
/// be relied on once it has one that holds it.
TEST(Executor, what_is_handed_over_while_a_thread_is_taken_and_held_is_begun_by_another) {
  auto executor = make_executor();
  for (int i = 0; i < 300; ++i) {
    Gate gate;
    ASSERT_TRUE(executor->block_on(give(i), Deadline::in(20s)));
    auto holder = executor->spawn("holder", hold(gate));
    for (int k = 0; k < 3; ++k) ASSERT_TRUE(executor->block_on(give(k), Deadline::in(20s))) << i << ", " << k;
    gate.open();
    ASSERT_TRUE(holder.join(Deadline::in(20s)));
  }
}

Task<> keep(std::shared_ptr<int>) { co_return base::Result<void>(); }

TEST(Executor, what_a_refused_task_holds_is_given_back_at_once) {
  auto executor = make_executor();
  ASSERT_TRUE(executor->shutdown(Deadline::in(20s)));
  const auto held = std::make_shared<int>(1);  // shared because the test looks whether it was given back
  const auto handle = executor->spawn("late", keep(held));
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_TRUE(handle.is_done());
}

Task<int> slow_child(base::Nanos within) { co_return co_await with_deadline(sleep_then(60s, 1), Deadline::in(within)); }

TEST(Executor, what_holds_a_thread_is_named_by_the_watch_and_measured_while_the_executor_runs) {
  Gate seen;
  std::mutex mutex;
  std::string named;
  auto watch = StallWatch::create({.threshold = 5ms}, [&](const StallReport& report) {
    std::lock_guard lock(mutex);
    named = report.thread + " " + report.work;
    seen.open();
  });
  ASSERT_TRUE(watch);
  const auto executor = make_executor({.worker_threads = 2, .name = "watched", .watch = watch->get()});
  auto holder = executor->spawn("the holder", [](Gate& gate) -> Task<> {
    gate.pass();
    co_return base::Result<void>();
  }(seen));
  EXPECT_TRUE(holder.join(Deadline::in(20s)));
  EXPECT_TRUE(executor->drain(Deadline::in(20s)));
  {
    std::lock_guard lock(mutex);
    EXPECT_EQ(named, "watched the holder");
  }
  EXPECT_TRUE(eventually([&] { return executor->stats().max_hold_ns >= 5'000'000; }));
  EXPECT_GE(executor->holds().quantile(1.0), 5'000'000U);
}

TEST(WithDeadline, cancels_what_is_late_and_passes_on_what_is_not) {
  auto executor = make_executor();
  EXPECT_EQ(executor->block_on(slow_child(10ms)).error().code, Code::DeadlineExceeded);
  EXPECT_EQ(executor->block_on(with_deadline(give(9), Deadline::in(20s))).value(), 9);
  EXPECT_EQ(executor->stats().live, 0U);
}

TEST(WithDeadline, leaves_what_does_not_end_in_its_grace) {
  auto executor = make_executor();
  Gate gate;
  EXPECT_EQ(executor->block_on(with_deadline(hold(gate), Deadline::in(100ms), 5ms)).error().code,
            Code::DeadlineExceeded);
  EXPECT_EQ(executor->stats().left_behind_now, 1U);
  gate.open();
  EXPECT_TRUE(executor->drain(Deadline::in(20s)));
}

TEST(WithDeadline, is_cancelled_with_its_caller) {
  auto executor = make_executor();
  auto handle = executor->spawn("caller", slow_child(60s));
  EXPECT_TRUE(eventually([&] { return executor->stats().live == 2; }));
  handle.cancel();
  EXPECT_EQ(handle.join(Deadline::in(20s)).error().code, Code::Cancelled);
  EXPECT_TRUE(executor->drain(Deadline::in(20s)));
}

}  // namespace
}  // namespace sluice::async
