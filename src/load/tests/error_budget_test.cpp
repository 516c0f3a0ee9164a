#include "load/error_budget.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::load {

namespace {

base::Instant at_ms(std::int64_t ms) { return {1'000'000'000'000 + ms * 1'000'000}; }

model::ErrorHandling rules(std::uint64_t max, double threshold) {
  model::ErrorHandling rules;
  rules.max_total_errors = max;
  rules.error_rate_threshold = threshold;
  return rules;
}

}  // namespace

TEST(ErrorBudget, one_error_more_than_the_budget_spends_it) {
  ErrorBudget budget(rules(3, 1000));
  for (int i = 0; i < 3; ++i) budget.count(at_ms(i));
  EXPECT_FALSE(budget.spent());
  budget.count(at_ms(4));
  EXPECT_TRUE(budget.spent());
  EXPECT_EQ(budget.total(), 4U);
}

TEST(ErrorBudget, a_budget_of_nothing_is_spent_by_the_first_error) {
  ErrorBudget budget(rules(0, 1000));
  EXPECT_FALSE(budget.spent());
  budget.count(at_ms(0));
  EXPECT_TRUE(budget.spent());
}

TEST(ErrorBudget, more_errors_in_the_window_than_the_threshold_begin_a_backoff) {
  ErrorBudget budget(rules(1000, 5));
  for (int i = 0; i < 5; ++i) budget.count(at_ms(std::int64_t{i} * 100));
  EXPECT_LE(budget.backoff_until(), at_ms(0)) << "five in a second are allowed";
  budget.count(at_ms(900));
  EXPECT_EQ(budget.backoff_until(), at_ms(900 + 5000));
  EXPECT_EQ(budget.backoffs(), 1U);
  // Counting begins anew: what led to this back-off does not lead to the next.
  budget.count(at_ms(950));
  EXPECT_EQ(budget.backoffs(), 1U);
}

TEST(ErrorBudget, backoffs_that_overlap_hold_back_once) {
  ErrorBudget budget(rules(1000, 0));
  budget.count(at_ms(0));
  budget.count(at_ms(2000));
  EXPECT_EQ(budget.backoff_until(), at_ms(7000));
  EXPECT_EQ(budget.held_back(), base::Nanos{7'000'000'000});
  budget.count(at_ms(20'000));
  EXPECT_EQ(budget.held_back(), base::Nanos{12'000'000'000});
}

TEST(ErrorBudget, errors_that_are_spread_out_begin_none) {
  ErrorBudget budget(rules(1000, 5));
  for (int i = 0; i < 500; ++i) budget.count(at_ms(std::int64_t{i} * 201));
  EXPECT_EQ(budget.backoffs(), 0U);
}

TEST(ErrorBudget, counts_of_many_threads_are_all_counted) {
  ErrorBudget budget(rules(1'000'000, 1e9));
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 5000; ++k) budget.count(at_ms(k));
      });
    }
  }
  EXPECT_EQ(budget.total(), 40'000U);
}

}  // namespace sluice::load
