#include "async/blocking_pool.hpp"

#include <atomic>
#include <vector>

#include "async/tests/executors.hpp"

namespace sluice::async {
namespace {

using namespace std::chrono_literals;
using base::Code;

class BlockingPoolTest : public testing::Test {
 protected:
  /// Calls `function` in the pool and waits.
  template <class Function>
  auto call(BlockingPool& pool, Function function, Deadline deadline = Deadline::in(20s)) {
    return executor_->block_on(pool.run("a call", std::move(function), deadline));
  }
  std::unique_ptr<Executor> executor_ = make_executor();
  // shared because calls that were abandoned hold on to it
  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
};

TEST_F(BlockingPoolTest, runs_a_function_on_a_thread_of_its_own_and_returns_its_value) {
  BlockingPool pool({});
  EXPECT_EQ(call(pool, [] { return LoopThread::current() == nullptr ? 5 : 0; }).value(), 5);
  EXPECT_TRUE(call(pool, [] {}));
  EXPECT_EQ(call(pool, [] { return base::Result<int>(base::fail(Code::NotFound, "as asked")); }).error().code,
            Code::NotFound);
}

TEST_F(BlockingPoolTest, an_exception_is_an_error_and_the_pool_lives_on) {
  BlockingPool pool({.threads_max = 1});
  EXPECT_EQ(call(pool, []() -> int { throw std::runtime_error("boom"); }).error().code, Code::Internal);
  EXPECT_EQ(call(pool, [] { return 1; }).value(), 1);
}

TEST_F(BlockingPoolTest, a_call_that_outlives_its_deadline_is_abandoned_and_its_place_is_free) {
  BlockingPool pool({.threads_max = 1});
  std::atomic<bool> was_told{false};
  const auto late = call(
      pool,
      [gate = gate_, &was_told](const CancelToken& token) {
        gate->pass();
        was_told = token.is_cancelled();
        return 1;
      },
      Deadline::in(100ms));
  EXPECT_EQ(late.error().code, Code::DeadlineExceeded);
  EXPECT_EQ(pool.stats().abandoned_now, 1U);
  EXPECT_EQ(call(pool, [] { return 2; }).value(), 2) << "a thread took the place of the one that is stuck";
  gate_->open();
  EXPECT_TRUE(eventually([&] { return pool.stats().abandoned_now == 0; }));
  EXPECT_TRUE(was_told);
  EXPECT_EQ(pool.stats().abandoned, 1U);
  EXPECT_TRUE(eventually([&] { return pool.stats().threads <= 1; }));
}

TEST_F(BlockingPoolTest, a_call_that_has_not_begun_by_its_deadline_never_runs) {
  BlockingPool pool({.threads_max = 1});
  auto holder = executor_->spawn("holder", pool.run("holder", [gate = gate_] { gate->pass(); }, Deadline::in(20s)));
  ASSERT_TRUE(gate_->await_arrivals(1));
  std::atomic<bool> ran{false};
  EXPECT_EQ(call(pool, [&ran] { ran = true; }, Deadline::in(10ms)).error().code, Code::DeadlineExceeded);
  gate_->open();
  EXPECT_TRUE(holder.join(Deadline::in(20s)));
  EXPECT_EQ(call(pool, [] { return 1; }).value(), 1);
  EXPECT_FALSE(ran);
  EXPECT_EQ(pool.stats().abandoned, 0U);
}

TEST_F(BlockingPoolTest, at_the_cap_of_abandoned_calls_it_fails_at_once_and_names_them) {
  BlockingPool pool({.threads_max = 2, .abandoned_max = 3});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(executor_
                  ->block_on(pool.run(
                      "stuck " + std::to_string(i), [gate = gate_] { gate->pass(); }, Deadline::in(100ms)))
                  .error()
                  .code,
              Code::DeadlineExceeded);
    ASSERT_TRUE(gate_->await_arrivals(i + 1));
  }
  const auto refused = call(pool, [] { return 1; });
  EXPECT_EQ(refused.error().code, Code::ResourceExhausted);
  EXPECT_EQ(refused.error().where, "stuck 0, stuck 1, stuck 2");
  gate_->open();
  EXPECT_TRUE(eventually([&] { return pool.stats().abandoned_now == 0; }));
  EXPECT_EQ(call(pool, [] { return 1; }).value(), 1);
}

TEST_F(BlockingPoolTest, a_full_queue_is_an_error) {
  BlockingPool pool({.threads_max = 1, .queue_max = 1});
  auto running = executor_->spawn("running", pool.run("running", [gate = gate_] { gate->pass(); }, Deadline::in(20s)));
  ASSERT_TRUE(gate_->await_arrivals(1));
  auto queued = executor_->spawn("queued", pool.run("queued", [] {}, Deadline::in(20s)));
  ASSERT_TRUE(eventually([&] { return pool.stats().queued == 1; }));
  EXPECT_EQ(call(pool, [] {}).error().code, Code::ResourceExhausted);
  gate_->open();
  EXPECT_TRUE(queued.join(Deadline::in(20s)));
  EXPECT_TRUE(running.join(Deadline::in(20s)));
}

TEST_F(BlockingPoolTest, grows_on_demand_and_shrinks_when_idle) {
  BlockingPool pool({.threads_max = 5, .idle_max = 20ms});
  std::vector<JoinHandle<void>> calls;
  for (int i = 0; i < 8; ++i) {
    calls.push_back(executor_->spawn("call", pool.run("call", [gate = gate_] { gate->pass(); }, Deadline::in(20s))));
  }
  ASSERT_TRUE(gate_->await_arrivals(5));
  EXPECT_EQ(pool.stats().threads, 5U);
  gate_->open();
  for (auto& one : calls) EXPECT_TRUE(one.join(Deadline::in(20s)));
  EXPECT_TRUE(eventually([&] { return pool.stats().threads == 0; }));
  EXPECT_EQ(call(pool, [] { return 1; }).value(), 1);
}

TEST_F(BlockingPoolTest, a_cancelled_caller_goes_on_at_once) {
  BlockingPool pool({});
  auto caller = executor_->spawn("caller", pool.run("stuck", [gate = gate_] { gate->pass(); }, Deadline::never()));
  ASSERT_TRUE(gate_->await_arrivals(1));
  caller.cancel();
  EXPECT_EQ(caller.join(Deadline::in(20s)).error().code, Code::Cancelled);
  EXPECT_EQ(pool.stats().abandoned_now, 1U);
  gate_->open();
}

TEST_F(BlockingPoolTest, stop_names_what_still_runs_and_ends_every_wait) {
  BlockingPool pool({.threads_max = 1});
  auto running = executor_->spawn("running", pool.run("running", [gate = gate_] { gate->pass(); }, Deadline::in(20s)));
  ASSERT_TRUE(gate_->await_arrivals(1));
  auto queued = executor_->spawn("queued", pool.run("queued", [] {}, Deadline::in(20s)));
  ASSERT_TRUE(eventually([&] { return pool.stats().queued == 1; }));
  EXPECT_EQ(pool.stop(Deadline::in(10ms)), std::vector<std::string>{"running"});
  EXPECT_EQ(queued.join(Deadline::in(20s)).error().code, Code::Terminated);
  EXPECT_EQ(call(pool, [] {}).error().code, Code::Terminated);
  gate_->open();
  EXPECT_TRUE(running.join(Deadline::in(20s)));
  EXPECT_TRUE(pool.stop(Deadline::in(20s)).empty());
}

}  // namespace
}  // namespace sluice::async
