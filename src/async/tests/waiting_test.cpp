#include <mutex>
#include <thread>
#include <vector>

#include "async/backoff.hpp"
#include "async/channel.hpp"
#include "async/errors.hpp"
#include "async/notice.hpp"
#include "async/stop_flag.hpp"
#include "async/tests/executors.hpp"
#include "async/timing.hpp"

namespace sluice::async {
namespace {

using namespace std::chrono_literals;
using base::Code;

TEST(Deadline, the_earlier_of_two_holds) {
  EXPECT_EQ(earlier(Deadline::never(), Deadline::at({5})), Deadline::at({5}));
  EXPECT_TRUE(Deadline::at({5}).has_passed());
  EXPECT_FALSE(Deadline::never().has_passed());
  EXPECT_EQ(Deadline::at({5}).left(), 0ns);
}

TEST(Backoff, grows_to_its_cap_with_full_jitter) {
  Backoff backoff({.initial = 1s, .max = 4s}, 1);
  const base::Error failure{.code = Code::Unavailable, .what = "no answer"};
  base::Nanos sum{0};
  for (const base::Nanos limit : {1s, 2s, 4s, 4s, 4s}) {
    const auto wait = backoff.next(failure);
    ASSERT_TRUE(wait);
    EXPECT_GE(*wait, 0ns);
    EXPECT_LE(*wait, limit);
    sum += *wait;
  }
  EXPECT_GT(sum, 0ns);
  backoff.reset();
  EXPECT_LE(backoff.next(failure).value(), 1s);
}

TEST(Backoff, gives_up_by_tries_and_says_what_was_before) {
  Backoff backoff({.tries_max = 3}, 1);
  EXPECT_TRUE(backoff.next({.what = "first"}));
  EXPECT_TRUE(backoff.next({.what = "second"}));
  EXPECT_FALSE(backoff.next({.what = "third"}));
  const base::Error error = backoff.give_up({.code = Code::Unavailable, .what = "third"});
  ASSERT_EQ(error.chain.size(), 3U);
  EXPECT_NE(error.chain[0].find("given up after 3 tries"), std::string::npos);
  EXPECT_EQ(error.chain[1], "before that: second");
  EXPECT_EQ(error.chain[2], "before that: first");
}

TEST(Backoff, gives_up_when_the_next_try_would_be_late) {
  Backoff backoff({.initial = 60s, .deadline = Deadline::in(1us)}, 7);
  EXPECT_FALSE(backoff.next({.what = "no answer"}));
}

TEST(WaitPoint, a_wake_before_the_wait_is_not_lost) {
  auto executor = make_executor();
  WaitPoint point;
  EXPECT_TRUE(point.waker().wake());
  EXPECT_FALSE(point.waker().wake()) << "only one ends the wait";
  struct Wait {
    static Task<bool> run(WaitPoint point) { co_return co_await point.wait(Deadline::never()) == Wake::Woken; }
  };
  EXPECT_TRUE(executor->block_on(Wait::run(point)).value());
}

Task<bool> waits(WaitPoint point) { co_return co_await point.wait(Deadline::in(20s)) == Wake::Woken; }

TEST(WaitPoint, wake_and_cancellation_may_come_at_once) {
  auto executor = make_executor();
  for (int i = 0; i < 500; ++i) {
    WaitPoint point;
    auto task = executor->spawn("waiter", waits(point));
    bool is_woken = false;
    {
      std::jthread canceller([&] { task.cancel(); });
      is_woken = point.waker().wake();
    }
    const auto result = task.join(Deadline::in(20s));
    // The task may have been cancelled before it began; if it waited, it saw what the waker saw.
    if (result) EXPECT_EQ(*result, is_woken);
  }
}

Task<int> sum_of(Channel<int>& channel) {  // outlives: the test's
  int sum = 0;
  while (true) {
    auto value = co_await channel.receive(Deadline::in(20s));
    if (!value && value.error().code == Code::Terminated) co_return sum;
    SLUICE_CO_TRY(const int next, std::move(value));
    sum += next;
  }
}
Task<> send_all(Channel<int>& channel, int count) {  // outlives: the test's
  for (int i = 1; i <= count; ++i) SLUICE_CO_CHECK(co_await channel.send(i, Deadline::in(20s)));
  co_return base::Result<void>();
}

TEST(Channel, many_senders_and_receivers_lose_nothing) {
  auto executor = make_executor();
  Channel<int> channel(3, "the channel");
  std::vector<JoinHandle<int>> receivers;
  std::vector<JoinHandle<void>> senders;
  for (int i = 0; i < 4; ++i) receivers.push_back(executor->spawn("receiver", sum_of(channel)));
  for (int i = 0; i < 8; ++i) senders.push_back(executor->spawn("sender", send_all(channel, 200)));
  for (auto& sender : senders) EXPECT_TRUE(sender.join(Deadline::in(20s)));
  channel.close();
  int sum = 0;
  for (auto& receiver : receivers) sum += receiver.join(Deadline::in(20s)).value_or(0);
  EXPECT_EQ(sum, 8 * 200 * 201 / 2);
}

TEST(Channel, a_full_one_is_an_error_or_a_bounded_wait) {
  auto executor = make_executor();
  Channel<int> channel(1, "the channel");
  EXPECT_TRUE(channel.try_send(1));
  EXPECT_EQ(channel.try_send(2).error().code, Code::ResourceExhausted);
  EXPECT_EQ(executor->block_on(channel.send(2, Deadline::in(5ms))).error().code, Code::DeadlineExceeded);
  EXPECT_EQ(executor->block_on(channel.receive(Deadline::in(20s))).value(), 1);
  EXPECT_EQ(executor->block_on(channel.receive(Deadline::in(5ms))).error().code, Code::DeadlineExceeded);
  channel.close();
  EXPECT_EQ(channel.try_send(3).error().code, Code::Terminated);
  EXPECT_EQ(executor->block_on(channel.receive(Deadline::in(20s))).error().code, Code::Terminated);
}

/// A figure that tasks wait for, as Notice is meant to be used.
struct Watched {
  std::mutex mutex;
  Notice changed;
  int value = 0;

  void set(int to) {
    std::lock_guard lock(mutex);
    value = to;
    changed.tell_all();
  }
};

Task<int> await_at_least(Watched& watched, int least) {  // outlives: the test's
  std::unique_lock lock(watched.mutex);
  while (watched.value < least) {
    WaitPoint point = watched.changed.enlist();
    lock.unlock();
    if (co_await point.wait(Deadline::in(20s)) != Wake::Woken) co_return base::fail(cancelled("the test"));
    lock.lock();
  }
  co_return watched.value;
}

TEST(Notice, everybody_looks_again_at_every_change_and_none_goes_unseen) {
  const auto executor = make_executor();
  Watched watched;
  std::vector<JoinHandle<int>> waiting;
  for (int i = 1; i <= 100; ++i) waiting.push_back(executor->spawn("waiting", await_at_least(watched, i)));
  for (int i = 1; i <= 100; ++i) watched.set(i);
  for (int i = 1; i <= 100; ++i) {
    const auto seen = waiting[static_cast<std::size_t>(i) - 1].join(Deadline::in(20s));
    ASSERT_TRUE(seen) << base::to_text(seen.error());
    EXPECT_GE(*seen, i);
  }
}

TEST(StopFlag, ends_a_wait_at_once_before_and_after_and_a_deadline_ends_it_too) {
  const auto executor = make_executor();
  StopFlag stop;
  EXPECT_FALSE(executor->block_on(stop.wait(Deadline::in(1ms))).value()) << "the deadline came first";
  auto waiting = executor->spawn("waiting", stop.wait(Deadline::in(20s)));
  stop.raise();
  EXPECT_TRUE(waiting.join(Deadline::in(20s)).value());
  EXPECT_TRUE(stop.is_raised());
  EXPECT_TRUE(executor->block_on(stop.wait(Deadline::never())).value()) << "what was raised stays raised";
}

TEST(StopFlag, a_wait_that_is_cancelled_says_so) {
  const auto executor = make_executor();
  StopFlag stop;
  auto waiting = executor->spawn("waiting", stop.wait(Deadline::never()));
  executor->cancel_all();
  EXPECT_EQ(waiting.join(Deadline::in(20s)).error().code, Code::Cancelled);
}

}  // namespace
}  // namespace sluice::async
