#include "async/loop_thread.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace sluice::async {
namespace {

TEST(LoopThread, is_the_current_one_on_its_own_thread_for_its_life) {
  EXPECT_EQ(LoopThread::current(), nullptr);
  {
    const LoopThread loop("a");
    EXPECT_EQ(LoopThread::current(), &loop);
    const LoopThread* elsewhere = &loop;
    std::thread([&] { elsewhere = LoopThread::current(); }).join();
    EXPECT_EQ(elsewhere, nullptr);
  }
  EXPECT_EQ(LoopThread::current(), nullptr);
}

TEST(LoopThread, measures_from_enter_to_leave_by_the_clock_values_it_is_given) {
  LoopThread loop("a");
  EXPECT_FALSE(loop.in_turn());
  loop.enter("work", {1'000});
  EXPECT_TRUE(loop.in_turn());
  loop.leave({1'700});
  loop.enter({2'000});
  loop.leave({2'100});
  EXPECT_FALSE(loop.in_turn());
  EXPECT_EQ(loop.meter().max_hold_ns(), 700);
  EXPECT_EQ(loop.meter().holds().count(), 2U);
}

TEST(LoopThread, a_meter_of_the_owner_outlives_the_loop) {
  StallMeter meter;
  {
    LoopThread loop("a", meter, nullptr);
    loop.enter({1});
    loop.leave({91});
  }
  EXPECT_EQ(meter.max_hold_ns(), 90);
}

TEST(HoldMark, a_reader_sees_one_name_whole_or_none) {
  HoldMark mark;
  const std::string even(60, 'a');  // longer than fits
  const std::string odd(10, 'b');
  std::atomic<bool> ended{false};
  std::thread writer([&] {
    for (int i = 0; i < 200'000; ++i) mark.set_work(i % 2 == 0 ? even.c_str() : odd.c_str());
    ended = true;
  });
  std::uint64_t wrong = 0;
  while (!ended) {
    const auto work = mark.work();
    if (!work) continue;
    const std::string text = work->data();
    wrong += text.empty() || text == odd || text == even.substr(0, HoldMark::kWorkBytes - 1) ? 0 : 1;
  }
  writer.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(std::string(mark.work().value_or(HoldMark::Text{}).data()), odd);
}

}  // namespace
}  // namespace sluice::async
