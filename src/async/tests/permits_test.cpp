#include "async/permits.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "async/tests/executors.hpp"
#include "async/timing.hpp"
#include "base/random.hpp"

namespace sluice::async {
namespace {

using namespace std::chrono_literals;
using base::Code;

void expect_whole(const Permits& permits) {
  const PermitStats stats = permits.stats();
  EXPECT_EQ(stats.free, stats.total);
  EXPECT_EQ(stats.held, 0U);
  EXPECT_EQ(stats.waiting, 0U);
}

TEST(Permits, are_given_out_and_come_home) {
  Permits permits(3, "things");
  Permit two = permits.try_acquire(2);
  EXPECT_EQ(two.count(), 2U);
  EXPECT_FALSE(permits.try_acquire(2));
  EXPECT_EQ(permits.stats().free, 1U);
  two.release();
  expect_whole(permits);
}

TEST(Permits, split_and_merge_keep_the_count) {
  Permits permits(5, "things");
  Permit all = permits.try_acquire(5);
  Permit part = all.split(2);
  EXPECT_EQ(all.count(), 3U);
  part.merge(std::move(all));
  EXPECT_EQ(part.count(), 5U);
  EXPECT_EQ(permits.stats().free, 0U);
  part = Permit();
  expect_whole(permits);
}

TEST(Permits, outlive_what_gave_them) {
  auto permits = std::make_unique<Permits>(1, "things");
  Permit permit = permits->try_acquire(1);
  permits.reset();
  permit.release();
}

TEST(Permits, more_than_there_are_is_an_error_not_a_wait) {
  auto executor = make_executor();
  Permits permits(2, "things");
  EXPECT_EQ(executor->block_on(permits.acquire(3, Deadline::never())).error().code, Code::InvalidArgument);
  EXPECT_EQ(executor->block_on(permits.acquire(0, Deadline::never())).error().code, Code::InvalidArgument);
}

TEST(Permits, a_waiter_for_many_is_not_overtaken_by_a_later_one_for_one) {
  auto executor = make_executor();
  Permits permits(4, "things");
  Permit held = permits.try_acquire(1);
  auto many = executor->spawn("many", permits.acquire(4, Deadline::in(20s)));
  ASSERT_TRUE(eventually([&] { return permits.stats().waiting == 1; }));
  auto one = executor->spawn("one", permits.acquire(1, Deadline::in(20s)));
  ASSERT_TRUE(eventually([&] { return permits.stats().waiting == 2; }));
  EXPECT_FALSE(permits.try_acquire(1)) << "others wait";
  held.release();
  auto got = many.join(Deadline::in(20s));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->count(), 4U);
  EXPECT_FALSE(one.is_done());
  got->release();
  EXPECT_TRUE(one.join(Deadline::in(20s)));
  expect_whole(permits);
}

TEST(Permits, one_that_leaves_the_front_lets_those_behind_it_go) {
  auto executor = make_executor();
  Permits permits(2, "things");
  Permit held = permits.try_acquire(1);
  auto many = executor->spawn("many", permits.acquire(2, Deadline::in(20s)));
  ASSERT_TRUE(eventually([&] { return permits.stats().waiting == 1; }));
  auto one = executor->spawn("one", permits.acquire(1, Deadline::in(20s)));
  ASSERT_TRUE(eventually([&] { return permits.stats().waiting == 2; }));
  many.cancel();
  EXPECT_EQ(many.join(Deadline::in(20s)).error().code, Code::Cancelled);
  EXPECT_TRUE(one.join(Deadline::in(20s)));
  held.release();
  expect_whole(permits);
}

TEST(Permits, a_wait_ends_at_its_deadline_and_leaves_nothing) {
  auto executor = make_executor();
  Permits permits(1, "things");
  Permit held = permits.try_acquire(1);
  EXPECT_EQ(executor->block_on(permits.acquire(1, Deadline::in(5ms))).error().code, Code::DeadlineExceeded);
  EXPECT_EQ(permits.stats().waiting, 0U);
  EXPECT_GT(permits.stats().wait_max, 0ms);
  held.release();
  expect_whole(permits);
}

TEST(Permits, close_wakes_everybody) {
  auto executor = make_executor();
  Permits permits(1, "things");
  Permit held = permits.try_acquire(1);
  std::vector<JoinHandle<Permit>> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(executor->spawn("waiter", permits.acquire(1, Deadline::never())));
  ASSERT_TRUE(eventually([&] { return permits.stats().waiting == 20; }));
  permits.close();
  for (auto& waiter : waiting) EXPECT_EQ(waiter.join(Deadline::in(20s)).error().code, Code::Terminated);
  EXPECT_FALSE(permits.try_acquire(1));
  held.release();
  expect_whole(permits);
}

/// Acquires, holds for a moment or not, gives parts back early, or is cancelled by its thread.
Task<> use(Permits& permits, std::uint64_t count, base::Nanos wait, bool yields) {  // outlives: the test's
  SLUICE_CO_TRY(Permit permit, co_await permits.acquire(count, Deadline::in(wait)));
  Permit part = permit.split(count / 2);
  if (yields) SLUICE_CO_CHECK(co_await pause_until(Deadline::in(50us)));
  part.release();
  co_return base::Result<void>();
}

TEST(Permits, are_conserved_whatever_eight_threads_do) {
  auto executor = make_executor({.worker_threads = 2, .queue_max = 64, .name = "test"});
  for (std::uint64_t round = 0; round < 4; ++round) {
    Permits permits(7, "things");
    std::atomic<bool> is_broken{false};
    std::vector<std::jthread> threads;
    for (std::uint64_t thread = 0; thread < 8; ++thread) {
      threads.emplace_back([&, thread] {
        base::Random random(round * 100 + thread);
        for (int i = 0; i < 300; ++i) {
          auto task = executor->spawn(
              "user", use(permits, 1 + random.below(7), base::Nanos{random.below(2'000'000)}, random.below(2) == 0));
          if (random.below(3) == 0) task.cancel();
          if (random.below(4) == 0) static_cast<void>(permits.try_acquire(1 + random.below(3)));
          const PermitStats stats = permits.stats();
          if (stats.free + stats.held != stats.total || stats.free > stats.total) is_broken = true;
          if (random.below(2) == 0) static_cast<void>(task.join(Deadline::in(20s)));
        }
        if (round == 3 && thread == 5) permits.close();
      });
    }
    threads.clear();
    ASSERT_TRUE(executor->drain(Deadline::in(20s)));
    EXPECT_FALSE(is_broken);
    expect_whole(permits);
  }
}

}  // namespace
}  // namespace sluice::async
