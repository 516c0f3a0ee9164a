#include "async/loop_guard.hpp"

#include <array>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "async/loop_thread.hpp"

namespace sluice::async {
namespace {

/// Only while it lasts: what a death test does itself would else be guarded, too.
template <class Call>
void in_a_turn(const char* work, Call call) {
  LoopThread loop("the guarded loop");
  loop.enter(work);
  call();
  loop.leave();
}

int open_and_close() { return close(open("/proc/self/stat", O_RDONLY | O_CLOEXEC)); }

TEST(LoopGuardDeathTest, a_call_that_may_block_in_a_turn_ends_the_process_and_is_named) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  {
    const LoopThread loop("the guarded loop");
    EXPECT_GE(open_and_close(), 0) << "between two turns it may";
  }
  EXPECT_DEATH(in_a_turn("reading", open_and_close),
               R"(open\(\) may block, and 'the guarded loop' called it in its turn for 'reading')");
  int result = -1;
  in_a_turn("reading", [&] {
    const LoopGuard::Allow allow("the test says so");
    result = open_and_close();
  });
  EXPECT_EQ(result, 0);
}

TEST(LoopGuardDeathTest, a_descriptor_that_does_not_block_may_be_used) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  std::array<int, 2> blocking{};
  std::array<int, 2> not_blocking{};
  ASSERT_EQ(pipe2(blocking.data(), O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(not_blocking.data(), O_CLOEXEC | O_NONBLOCK), 0);
  const int event = eventfd(0, EFD_CLOEXEC);
  const std::uint64_t one = 1;
  ssize_t written = 0;
  in_a_turn("writing", [&] {
    written += write(event, &one, sizeof one);
    written += write(not_blocking[1], &one, sizeof one);
  });
  EXPECT_EQ(written, 16);
  EXPECT_DEATH(in_a_turn("writing", [&] { static_cast<void>(!write(blocking[1], &one, sizeof one)); }),
               R"(write\(\) may block)");
  for (const int file : {event, blocking[0], blocking[1], not_blocking[0], not_blocking[1]}) close(file);
}

}  // namespace
}  // namespace sluice::async
