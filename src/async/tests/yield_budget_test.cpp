#include "async/yield_budget.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include "async/yield_turn.hpp"

namespace sluice::async {
namespace {

using namespace std::chrono_literals;

/// A clock that goes on by what an operation costs, and counts how often it is asked.
base::Instant present;
std::uint32_t looks = 0;
base::Instant read_clock() { return ++looks, present; }

class YieldBudgetTest : public testing::Test {
 protected:
  void SetUp() override { present = {1'000'000'000}, looks = 0; }

  /// Operations of that cost in one turn.
  static std::uint32_t turn(YieldBudget& budget, base::Nanos cost) {
    budget.renew(present);
    for (std::uint32_t operations = 1;; ++operations) {
      present = present + cost;
      if (budget.spent(1, read_clock)) return operations;
    }
  }
};

TEST_F(YieldBudgetTest, fast_operations_are_limited_by_their_number) {
  YieldBudget budget({.operations = 256, .time = 200us});
  EXPECT_EQ(turn(budget, 100ns), 256U);
  EXPECT_EQ(turn(budget, 100ns), 256U);
}

TEST_F(YieldBudgetTest, slow_operations_are_limited_by_the_time) {
  YieldBudget budget({.operations = 256, .time = 200us});
  EXPECT_EQ(turn(budget, 50us), 4U);
  EXPECT_EQ(turn(budget, 50us), 4U);
  EXPECT_EQ(turn(budget, 1ms), 1U);
}

TEST_F(YieldBudgetTest, medium_operations_pass_the_time_by_one_at_the_most) {
  YieldBudget budget({.operations = 256, .time = 200us});
  for (const base::Nanos cost : {1us, 3us, 7us, 20us}) {
    turn(budget, cost);  // gets to know them
    const auto operations = turn(budget, cost);
    EXPECT_GE(cost * operations, 200us);
    EXPECT_LE(cost * (operations - 1), 200us);
  }
}

TEST_F(YieldBudgetTest, a_change_to_slow_operations_is_noticed_within_128_of_them) {
  YieldBudget budget({.operations = 256, .time = 200us});
  for (int i = 0; i < 10; ++i) turn(budget, 100ns);
  EXPECT_LE(turn(budget, 50us), 128U);
  EXPECT_EQ(turn(budget, 50us), 4U);
}

TEST_F(YieldBudgetTest, the_clock_is_read_once_in_a_turn_of_256_fast_operations) {
  YieldBudget budget({.operations = 256, .time = 200us});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(turn(budget, 100ns), 256U);
  EXPECT_GE(looks, 99U);
  EXPECT_LE(looks, 102U);
}

TEST_F(YieldBudgetTest, short_turns_of_fast_operations_do_without_the_clock) {
  YieldBudget budget({.operations = 256, .time = 200us});
  for (int i = 0; i < 100; ++i) {  // a slot loop with 32 slots
    budget.renew(present);
    for (int slot = 0; slot < 32; ++slot) {
      present = present + 100ns;
      EXPECT_FALSE(budget.spent(1, read_clock));
    }
  }
  EXPECT_LE(looks, 1U) << "the first operation";
}

TEST_F(YieldBudgetTest, operations_are_counted_in_lots_too) {
  YieldBudget budget({.operations = 256, .time = 200us});
  turn(budget, 100ns);
  budget.renew(present);
  EXPECT_FALSE(budget.spent(100, read_clock));
  EXPECT_FALSE(budget.spent(155, read_clock));
  EXPECT_TRUE(budget.spent(1, read_clock));
  EXPECT_TRUE(budget.spent(1, read_clock)) << "until it is renewed";
}

TEST_F(YieldBudgetTest, turns_that_are_short_for_other_reasons_are_still_looked_at) {
  YieldBudget budget({.operations = 256, .time = 200us});
  bool was_spent = false;
  for (int i = 0; i < 40 && !was_spent; ++i) {  // a slot loop with four slots
    budget.renew(present);
    for (int slot = 0; slot < 4 && !was_spent; ++slot)
      present = present + 100us, was_spent = budget.spent(1, read_clock);
  }
  EXPECT_TRUE(was_spent);
}

boost::asio::awaitable<void> never_waits(std::uint64_t operations, std::uint64_t& done) {
  YieldBudget budget({.operations = 100, .time = 1h});
  budget.renew(base::now());
  for (; done < operations; ++done) co_await yield_turn(budget);
}

TEST_F(YieldBudgetTest, a_coroutine_that_never_waits_lets_others_run_every_100_operations) {
  boost::asio::io_context loop;
  std::uint64_t done = 0;
  std::vector<std::uint64_t> seen;
  boost::asio::co_spawn(loop, never_waits(350, done), boost::asio::detached);
  boost::asio::post(loop, [&] { seen.push_back(done), boost::asio::post(loop, [&] { seen.push_back(done); }); });
  loop.run();
  EXPECT_EQ(done, 350U);
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{99, 199}));
}

}  // namespace
}  // namespace sluice::async
