#include "async/permits.hpp"

#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
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

/// Permits, and how many of them their users know to be in their hands: never more than there are.
struct Shared {
  static constexpr std::uint64_t kTotal = 7;
  Permits permits{kTotal, "things"};
  std::atomic<std::uint64_t> in_hand{0};
  std::atomic<std::uint64_t> taken{0}, refused{0}, cancelled{0}, late{0};
  std::atomic<bool> too_many{false};
};

/// A permit in somebody's hand.
class InHand {
 public:
  InHand(Shared& shared, Permit permit) : shared_(&shared), permit_(std::move(permit)) {
    if (shared.in_hand.fetch_add(permit_.count()) + permit_.count() > Shared::kTotal) shared.too_many = true;
    if (permit_) ++shared.taken;
  }
  InHand(InHand&&) = default;
  InHand& operator=(InHand&&) = delete;
  ~InHand() { shared_->in_hand.fetch_sub(permit_.count()); }  // before the permit goes home
  Permit& permit() { return permit_; }
  /// Gives a part of it back.
  void give_back(std::uint64_t count) {
    Permit part = permit_.split(count);
    shared_->in_hand.fetch_sub(count);
  }

 private:
  Shared* shared_;
  Permit permit_;
};

/// Permits that one thread leaves and another takes, merges and gives back.
class Bag {
 public:
  void leave(InHand held) {
    const std::lock_guard lock(mutex_);
    if (held_.size() < 3) held_.push_back(std::move(held));
  }
  std::optional<InHand> take() {
    const std::lock_guard lock(mutex_);
    if (held_.empty()) return {};
    std::optional<InHand> held(std::move(held_.back()));
    held_.pop_back();
    if (held_.empty()) return held;
    held->permit().merge(std::move(held_.back().permit()));
    held_.pop_back();
    return held;
  }

 private:
  std::mutex mutex_;
  std::vector<InHand> held_;
};

/// Acquires, holds for a moment or not, gives parts back early, leaves the rest to others; may be cancelled anywhere.
Task<> use(Shared& shared, Bag& bag, std::uint64_t seed) {  // outlives: the test's
  base::Random random(seed);
  const std::uint64_t count = 1 + random.below(Shared::kTotal);
  auto permit = co_await shared.permits.acquire(count, Deadline::in(base::Nanos{random.below(4'000'000)}));
  if (!permit) {
    const Code code = permit.error().code;
    ++(code == Code::Terminated ? shared.refused : code == Code::Cancelled ? shared.cancelled : shared.late);
    co_return base::fail(std::move(permit).error());
  }
  InHand held(shared, std::move(*permit));
  if (held.permit().count() != count) shared.too_many = true;
  for (const std::uint64_t part : {count / 2, count / 4}) {
    const auto paused = co_await pause_until(Deadline::in(base::Nanos{random.below(200'000)}));
    if (!paused) ++shared.cancelled;
    SLUICE_CO_CHECK(paused);
    held.give_back(part);
  }
  if (random.below(3) == 0) bag.leave(std::move(held));
  co_return base::Result<void>();
}

/// What one of the threads does.
void play(Executor& executor, Shared& shared, Bag& bag, std::uint64_t seed, bool closes) {
  base::Random random(seed);
  std::deque<JoinHandle<void>> tasks;
  for (int i = 0; i < 300; ++i) {
    tasks.push_back(executor.spawn("user", use(shared, bag, random.next())));
    if (random.below(3) == 0) tasks[random.below(tasks.size())].cancel();
    if (random.below(4) == 0) {
      InHand held(shared, shared.permits.try_acquire(1 + random.below(3)));
      if (held.permit() && random.below(2) == 0) bag.leave(std::move(held));
    }
    if (random.below(2) == 0) bag.take();
    const PermitStats stats = shared.permits.stats();
    if (stats.free + stats.held != Shared::kTotal) shared.too_many = true;
    if (closes && i == 200) shared.permits.close();
    if (tasks.size() < 4) continue;
    static_cast<void>(tasks.front().join(Deadline::in(20s)));
    tasks.pop_front();
  }
}

TEST(Permits, are_conserved_whatever_eight_threads_do) {
  auto executor = make_executor({.worker_threads = 2, .queue_max = 64, .name = "test"});
  for (std::uint64_t round = 0; round < 4; ++round) {
    const bool is_closed = round % 2 == 1;
    Shared shared;
    {
      Bag bag;
      std::vector<std::jthread> threads;
      for (std::uint64_t thread = 0; thread < 8; ++thread) {
        threads.emplace_back(
            [&, thread] { play(*executor, shared, bag, 1 + round * 100 + thread, is_closed && thread == 5); });
      }
      threads.clear();
      ASSERT_TRUE(executor->drain(Deadline::in(20s)));
    }
    EXPECT_FALSE(shared.too_many);
    EXPECT_EQ(shared.in_hand, 0U);
    EXPECT_EQ(shared.permits.stats().total, Shared::kTotal);
    expect_whole(shared.permits);
    EXPECT_EQ(static_cast<bool>(shared.permits.try_acquire(Shared::kTotal)), !is_closed) << "all of them, at once";
    // Else it says nothing.
    EXPECT_GT(shared.taken, 100U);
    EXPECT_GT(shared.cancelled, 0U);
    EXPECT_GT(shared.late, 0U);
    EXPECT_EQ(shared.refused > 0, is_closed);
  }
}

}  // namespace
}  // namespace sluice::async
