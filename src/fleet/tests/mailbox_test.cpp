#include "fleet/mailbox.hpp"

#include <cstdint>
#include <thread>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "async/tests/executors.hpp"

namespace sluice::fleet {
namespace {

using base::operator""s;

TEST(Mailbox, events_come_out_in_the_order_of_each_sender) {
  const auto executor = async::make_executor();
  SystemClock clock;
  Mailbox mailbox(clock);
  constexpr std::uint32_t kSenders = 4, kEach = 5'000;
  std::vector<std::thread> senders;
  for (std::uint32_t agent = 0; agent < kSenders; ++agent) {
    senders.emplace_back([&mailbox, agent] {
      for (std::uint32_t i = 0; i < kEach; ++i) mailbox.post(protocol::StageEnded{.agent = agent, .stage = i});
    });
  }
  std::vector<std::uint32_t> next(kSenders, 0);
  for (std::uint32_t i = 0; i < kSenders * kEach; ++i) {
    const auto event = executor->block_on(mailbox.take(base::now() + 30s));
    ASSERT_TRUE(event);
    const auto& ended = std::get<protocol::StageEnded>(*event);
    EXPECT_EQ(ended.stage, next[ended.agent]++);
  }
  for (std::thread& sender : senders) sender.join();
}

TEST(Mailbox, nothing_comes_out_once_the_time_is_up) {
  const auto executor = async::make_executor();
  SystemClock clock;
  Mailbox mailbox(clock);
  EXPECT_FALSE(executor->block_on(mailbox.take(base::now())));
  mailbox.post(protocol::DeadlineTick{});
  EXPECT_TRUE(executor->block_on(mailbox.take(base::now()))) << "what is there is given also at the deadline";
}

TEST(Mailbox, a_full_mailbox_drops_progress_and_keeps_everything_else) {
  const auto executor = async::make_executor();
  SystemClock clock;
  Mailbox mailbox(clock);
  for (std::size_t i = 0; i < Mailbox::kProgressMax + 100; ++i) mailbox.post(protocol::StageProgress{.done = i});
  mailbox.post(protocol::StageEnded{});
  mailbox.post(protocol::Interrupt{});
  std::size_t progress = 0, others = 0;
  while (const auto event = executor->block_on(mailbox.take(base::now()))) {
    (std::holds_alternative<protocol::StageProgress>(*event) ? progress : others) += 1;
  }
  EXPECT_EQ(progress, Mailbox::kProgressMax);
  EXPECT_EQ(others, 2u);
}

}  // namespace
}  // namespace sluice::fleet
