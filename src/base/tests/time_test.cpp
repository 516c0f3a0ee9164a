#include "base/time.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

namespace sluice::base {
namespace {

TEST(Time, a_wait_until_never_ends_when_it_is_woken_and_not_before) {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_waiting = false, is_woken = false;
  std::jthread waker([&] {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return is_waiting; });
    is_woken = true;
    changed.notify_all();
  });
  std::unique_lock lock(mutex);
  is_waiting = true;
  changed.notify_all();
  EXPECT_TRUE(changed.wait_until(lock, to_chrono(Instant::never()), [&] { return is_woken; }));
}

TEST(Time, a_time_that_has_passed_is_not_waited_for) {
  std::mutex mutex;
  std::condition_variable changed;
  std::unique_lock lock(mutex);
  EXPECT_EQ(changed.wait_until(lock, to_chrono(now())), std::cv_status::timeout);
}

}  // namespace
}  // namespace sluice::base
