#include "base/held_sum.hpp"

#include <gtest/gtest.h>

namespace sluice::base {
namespace {

TEST(HeldSum, is_the_sum_or_the_bound_that_it_would_pass) {
  EXPECT_EQ(held_sum(3, -5), -2);
  EXPECT_EQ(held_sum(INT64_MAX, 1), INT64_MAX);
  EXPECT_EQ(held_sum(1, INT64_MAX), INT64_MAX);
  EXPECT_EQ(held_sum(INT64_MIN, -1), INT64_MIN);
  EXPECT_EQ(held_sum(-1, INT64_MIN), INT64_MIN);
  EXPECT_EQ(held_sum(INT64_MAX, INT64_MIN), -1);
}

}  // namespace
}  // namespace sluice::base
