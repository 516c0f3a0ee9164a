#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include "async/executor.hpp"
#include "async/task_scope.hpp"
#include "async/tests/executors.hpp"
#include "async/timing.hpp"

namespace sluice::async {
namespace {

using namespace std::chrono_literals;
using base::Code;

Task<> sleep_long() { co_return co_await pause_until(Deadline::in(60s)); }
Task<> hold(std::shared_ptr<Gate> gate) {  // shared because the task is left behind
  gate->pass();
  co_return base::Result<void>();
}
Task<> fail_at_once() { co_return base::fail(Code::NotFound, "as asked"); }

std::size_t entries_of(const char* directory) {
  const auto entries = std::filesystem::directory_iterator(directory);
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

TEST(ExecutorShutdown, drop_cancels) {
  auto executor = make_executor();
  auto handle = executor->spawn("sleeper", sleep_long());
  executor.reset();
  ASSERT_TRUE(handle.is_done());
  EXPECT_EQ(handle.join(Deadline::in(20s)).error().code, Code::Cancelled);
}

TEST(ExecutorShutdown, shutdown_returns_error) {
  auto executor = make_executor();
  EXPECT_TRUE(executor->shutdown(Deadline::in(20s)));
  EXPECT_FALSE(executor->is_running());
  EXPECT_EQ(executor->block_on(sleep_long()).error().code, Code::Terminated);
  EXPECT_EQ(executor->spawn("late", sleep_long()).join(Deadline::in(20s)).error().code, Code::Terminated);
  EXPECT_TRUE(executor->shutdown(Deadline::in(20s))) << "idempotent";
}

TEST(ExecutorShutdown, drop_with_pending_work) {
  auto executor = make_executor({.worker_threads = 2, .queue_max = 8, .name = "test"});
  std::atomic<int> ended{0};
  std::vector<std::jthread> callers;
  for (int i = 0; i < 32; ++i) {
    callers.emplace_back([&, core = executor.get()] {
      const auto result = core->block_on(sleep_long());
      EXPECT_TRUE(result.error().code == Code::Terminated || result.error().code == Code::Cancelled);
      ++ended;
    });
  }
  ASSERT_TRUE(eventually([&] { return executor->stats().live == 32; }));
  executor.reset();
  callers.clear();
  EXPECT_EQ(ended.load(), 32);
}

TEST(ExecutorShutdown, every_wait_ends_within_the_bound_while_all_threads_are_held) {
  auto gate = std::make_shared<Gate>();  // shared because the held tasks outlive the executor
  auto executor = make_executor({.worker_threads = 2, .name = "test", .shutdown_timeout = 50ms});
  auto first = executor->spawn("first", hold(gate));
  auto second = executor->spawn("second", hold(gate));
  auto queued = executor->spawn("queued", sleep_long());
  ASSERT_TRUE(gate->await_arrivals(2));
  const base::Instant began = base::now();
  const auto left = executor->shutdown(Deadline::in(50ms));
  ASSERT_FALSE(left);
  EXPECT_EQ(left.error().where, "first, second, queued");
  executor.reset();
  EXPECT_LT(base::now() - began, 10s);
  EXPECT_EQ(first.join(Deadline::in(20s)).error().code, Code::Terminated);
  EXPECT_EQ(second.join(Deadline::in(20s)).error().code, Code::Terminated);
  EXPECT_EQ(queued.join(Deadline::in(20s)).error().code, Code::Terminated);
  // The threads come back, bring the queued task to its end, and go; the sanitizers see what would be left.
  gate->open();
  EXPECT_TRUE(eventually([&] { return gate.use_count() == 1; }));
}

Task<std::shared_ptr<int>> give_shared(std::shared_ptr<int> value) { co_return value; }

TEST(ExecutorShutdown, a_handle_that_is_cancelled_when_its_executor_has_gone_keeps_nothing_alive) {
  const auto value = std::make_shared<int>(1);  // shared because the test looks whether it was given back
  {
    auto executor = make_executor();
    auto handle = executor->spawn("quick", give_shared(value));
    ASSERT_TRUE(eventually([&] { return handle.is_done(); }));
    executor.reset();
    handle.cancel();
  }
  EXPECT_EQ(value.use_count(), 1);
}

TEST(ExecutorShutdown, rapid_create_drop) {
  make_executor();  // what comes with the first thread stays: the thread sanitizer then starts one of its own
  const std::size_t descriptors = entries_of("/proc/self/fd");
  const std::size_t threads = entries_of("/proc/self/task");
  for (int i = 0; i < 1000; ++i) {
    auto executor = make_executor();
    if (i % 2 == 0) {
      ASSERT_TRUE(executor->spawn("sleeper", sleep_long()).is_done() || executor->is_running());
    }
  }
  EXPECT_EQ(entries_of("/proc/self/fd"), descriptors);
  EXPECT_TRUE(eventually([&] { return entries_of("/proc/self/task") <= threads; }));
}

TEST(TaskScope, closes_what_it_started) {
  auto executor = make_executor();
  TaskScope scope(*executor);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(scope.spawn("sleeper", sleep_long()));
  EXPECT_EQ(scope.size(), 10U);
  EXPECT_TRUE(scope.close(Deadline::in(20s)));
  EXPECT_EQ(scope.size(), 0U);
  EXPECT_EQ(scope.spawn("late", sleep_long()).error().code, Code::Terminated);
}

TEST(TaskScope, keeps_the_first_error_of_a_task) {
  auto executor = make_executor();
  TaskScope scope(*executor);
  ASSERT_TRUE(scope.spawn("failing", fail_at_once()));
  EXPECT_TRUE(eventually([&] { return scope.size() == 0; }));
  EXPECT_EQ(scope.close(Deadline::in(20s)).error().code, Code::NotFound);
}

TEST(TaskScope, names_what_does_not_end) {
  auto executor = make_executor();
  auto gate = std::make_shared<Gate>();  // shared because the task is left behind
  TaskScope scope(*executor);
  ASSERT_TRUE(scope.spawn("stubborn", hold(gate)));
  ASSERT_TRUE(gate->await_arrivals(1));
  const auto late = scope.close(Deadline::in(10ms));
  EXPECT_EQ(late.error().code, Code::DeadlineExceeded);
  EXPECT_EQ(late.error().where, "stubborn");
  gate->open();
  EXPECT_TRUE(executor->drain(Deadline::in(20s)));
}

TEST(TaskScope, is_cancelled_with_its_parent) {
  auto executor = make_executor();
  CancelSource parent;
  TaskScope scope(*executor, parent.token());
  ASSERT_TRUE(scope.spawn("sleeper", sleep_long()));
  parent.cancel();
  EXPECT_TRUE(eventually([&] { return scope.size() == 0; }));
  EXPECT_TRUE(scope.close(Deadline::in(20s)));
}

}  // namespace
}  // namespace sluice::async
