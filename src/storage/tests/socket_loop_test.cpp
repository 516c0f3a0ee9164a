#include "storage/socket_loop.hpp"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include "async/loop_thread.hpp"
#include "async/stall_watch.hpp"
#include "async/turn_executor.hpp"

namespace sluice::storage {
namespace {

constexpr base::Nanos kMs{1'000'000};

/// A loop whose handlers a test gives it, turned as a load worker turns it.
class SocketLoopTest : public testing::Test {
 protected:
  SocketLoopTest() {
    auto made = async::StallWatch::create({.threshold = 5 * kMs}, [this](const async::StallReport& report) {
      std::lock_guard lock(mutex_);
      reports_.push_back(report);
      was_seen_ = true;
    });
    EXPECT_TRUE(made);
    watch_ = std::move(*made);
  }

  /// One wait of the loop, on a thread that is a LoopThread.
  void turn() {
    std::thread([&] {
      async::StallMeter meter;
      {
        async::LoopThread turns("the socket loop", meter, watch_.get());
        turns.enter("load");
        turns.leave();
        loop_.turn(base::now() + 20'000 * kMs);
        was_in_turn_ = turns.in_turn();
        turns.end_turn();
      }
      hold_ns_ = meter.max_hold_ns();
      preempted_ns_ = meter.max_preempted_ns();
    }).join();
  }

  /// Holds the thread until the watch has seen it; by work, not by waiting.
  void hold() {
    const base::Instant limit = base::now() + 20'000 * kMs;
    while (!was_seen_ && base::now() < limit) {
    }
  }

  SocketLoop loop_;
  std::mutex mutex_;
  std::vector<async::StallReport> reports_;
  std::atomic<bool> was_seen_{false};
  bool was_in_turn_ = false;
  std::int64_t hold_ns_ = 0, preempted_ns_ = 0;  ///< the longest of the last turn
  std::unique_ptr<async::StallWatch> watch_;     ///< last: it goes before what its reports touch
};

TEST_F(SocketLoopTest, a_handler_that_holds_the_thread_inside_of_the_wait_is_measured_and_named) {
  boost::asio::post(loop_.executor(), [this] { hold(); });
  turn();
  EXPECT_GE(hold_ns_ + preempted_ns_, 5'000'000);
  ASSERT_TRUE(was_seen_);
  EXPECT_EQ(reports_.front().thread, "the socket loop");
  EXPECT_EQ(reports_.front().work, "load");
  EXPECT_FALSE(reports_.front().stack.empty());
}

TEST_F(SocketLoopTest, a_handler_that_comes_after_a_long_wait_is_charged_with_its_own_time_only) {
  std::jthread other([this] {
    const base::Instant end = base::now() + 100 * kMs;
    while (base::now() < end) {
    }
    boost::asio::post(loop_.executor(), [] {});
  });
  turn();
  EXPECT_TRUE(was_in_turn_) << "what ran there is in the turn that the worker goes on with";
  EXPECT_LT(hold_ns_, 90'000'000) << "the wait is none of it";
  EXPECT_TRUE(reports_.empty()) << testing::PrintToString(reports_.front().stack);
}

TEST_F(SocketLoopTest, a_wait_in_which_nothing_ran_leaves_no_turn_behind) {
  loop_.wake();
  turn();
  EXPECT_FALSE(was_in_turn_);
}

}  // namespace
}  // namespace sluice::storage
