#include "load/operation_lane.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace sluice::load {
namespace {

model::TakenRecord numbered(std::uint64_t number) { return {.record = {.index = number}}; }

constexpr base::Instant kAt{1'000'000'000};

TEST(OperationLane, has_room_again_when_the_taker_has_caught_up_and_tells_how_long_it_had_none) {
  OperationLane lane(1024, 1);
  std::uint64_t put = 0;
  while (lane.has_room(kAt)) lane.put(numbered(put++));
  EXPECT_GE(put, OperationLane::kWaitingMax * 64);
  EXPECT_FALSE(lane.has_room(kAt + base::Nanos{5'000}));
  EXPECT_EQ(lane.held().count(), 0) << "counted when it is over";
  lane.give_back(lane.take());
  EXPECT_TRUE(lane.has_room(kAt + base::Nanos{70'000}));
  EXPECT_EQ(lane.held().count(), 70'000);
  EXPECT_TRUE(lane.has_room(kAt + base::Nanos{90'000}));
  EXPECT_EQ(lane.held().count(), 70'000);
}

TEST(OperationLane, a_hold_that_goes_on_to_the_end_is_counted) {
  OperationLane lane(1024, 1);
  while (lane.has_room(kAt)) lane.put(numbered(0));
  lane.close(kAt + base::Nanos{3'000'000});
  EXPECT_EQ(lane.held().count(), 3'000'000);
}

TEST(OperationLane, operations_in_flight_find_their_place_without_room) {
  constexpr std::size_t kSlots = 100'000;
  OperationLane lane(1, kSlots);
  std::uint64_t put = 0;
  while (lane.has_room(kAt)) lane.put(numbered(put++));
  for (std::size_t i = 0; i < kSlots + 50'000; ++i) lane.put(numbered(put++));  // more than that, even
  lane.close(kAt);
  std::uint64_t seen = 0;
  const auto see = [&](const OperationLane::Lot& lot) {
    for (const model::TakenRecord& taken : lot) EXPECT_EQ(taken.record.index, seen++);
  };
  while (auto lot = lane.take()) {
    see(*lot);
    lane.give_back(std::move(lot));
  }
  const auto last = lane.take_last();
  ASSERT_NE(last, nullptr) << "the queue had no place for all of them";
  see(*last);
  EXPECT_EQ(seen, put);
  EXPECT_EQ(lane.take_last(), nullptr);
}

TEST(OperationLane, every_operation_arrives_once_and_in_order_while_both_sides_work) {
  constexpr std::uint64_t kCount = 2'000'000;
  OperationLane lane(1, 64);
  std::uint64_t seen = 0;
  bool in_order = true;
  std::thread taker([&] {
    while (seen < kCount) {
      auto block = lane.take();
      if (block == nullptr) {
        std::this_thread::yield();
        continue;
      }
      for (const model::TakenRecord& taken : *block) in_order &= taken.record.index == seen++;
      lane.give_back(std::move(block));
    }
  });
  for (std::uint64_t i = 0; i < kCount; ++i) {
    while (!lane.has_room(kAt)) std::this_thread::yield();
    lane.put(numbered(i));
  }
  lane.hand_over();
  taker.join();
  EXPECT_EQ(seen, kCount);
  EXPECT_TRUE(in_order);
}

}  // namespace
}  // namespace sluice::load
