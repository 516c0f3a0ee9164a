#include "async/loop_guard.hpp"

#include <array>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "async/loop_thread.hpp"

namespace sluice::async {
namespace {

TEST(LoopGuardDeathTest, a_call_that_may_block_in_a_turn_ends_the_process_and_is_named) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  LoopThread loop("the guarded loop");
  EXPECT_GE(close(open("/proc/self/stat", O_RDONLY | O_CLOEXEC)), 0) << "between two turns it may";
  loop.enter("reading");
  EXPECT_DEATH(close(open("/proc/self/stat", O_RDONLY | O_CLOEXEC)),
               R"(open\(\) may block, and 'the guarded loop' called it in its turn for 'reading')");
  {
    const LoopGuard::Allow allow("the test says so");
    EXPECT_GE(close(open("/proc/self/stat", O_RDONLY | O_CLOEXEC)), 0);
  }
  loop.leave();
}

TEST(LoopGuardDeathTest, a_descriptor_that_does_not_block_may_be_used) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  std::array<int, 2> blocking{};
  std::array<int, 2> not_blocking{};
  ASSERT_EQ(pipe2(blocking.data(), O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(not_blocking.data(), O_CLOEXEC | O_NONBLOCK), 0);
  const int event = eventfd(0, EFD_CLOEXEC);
  const std::uint64_t one = 1;
  LoopThread loop("the guarded loop");
  loop.enter("writing");
  EXPECT_EQ(write(event, &one, sizeof one), 8);
  EXPECT_EQ(write(not_blocking[1], &one, sizeof one), 8);
  EXPECT_DEATH(static_cast<void>(!write(blocking[1], &one, sizeof one)), R"(write\(\) may block)");
  loop.leave();
  for (const int file : {event, blocking[0], blocking[1], not_blocking[0], not_blocking[1]}) close(file);
}

}  // namespace
}  // namespace sluice::async
