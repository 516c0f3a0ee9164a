#include "report/progress_rate.hpp"

#include <gtest/gtest.h>

namespace sluice::report {
namespace {

using namespace std::chrono_literals;

TEST(ProgressRate, gives_the_rate_and_the_time_left) {
  ProgressRate rate;
  for (int i = 0; i < 30; ++i) rate.sample(i * 1s, static_cast<std::uint64_t>(i) * 100);
  EXPECT_DOUBLE_EQ(rate.per_second(), 100);
  EXPECT_EQ(rate.time_left(3000), base::Nanos{1s});
  EXPECT_EQ(rate.time_left(2900), base::Nanos{0});
}

TEST(ProgressRate, follows_a_change_within_its_last_ten_samples) {
  ProgressRate rate;
  for (int i = 0; i < 30; ++i) rate.sample(i * 1s, static_cast<std::uint64_t>(i) * 100);
  for (int i = 30; i < 40; ++i) rate.sample(i * 1s, 2900);
  EXPECT_DOUBLE_EQ(rate.per_second(), 0);
  EXPECT_FALSE(rate.time_left(3000)) << "nothing moves: nobody knows";
}

TEST(ProgressRate, knows_nothing_of_an_unknown_total_or_from_one_look) {
  ProgressRate rate;
  EXPECT_FALSE(rate.time_left(10));
  rate.sample(1s, 5);
  EXPECT_DOUBLE_EQ(rate.per_second(), 0);
  rate.sample(2s, 6);
  EXPECT_FALSE(rate.time_left(std::nullopt));
}

TEST(ProgressRate, the_next_piece_of_a_stage_has_a_rate_at_its_first_look) {
  ProgressRate rate;
  rate.sample(base::Nanos{1'000'000'000}, 500);
  rate.sample(base::Nanos{2'000'000'000}, 1000);
  rate.sample(base::Nanos{3'000'000'000}, 364);
  EXPECT_DOUBLE_EQ(rate.per_second(), 364);
}

TEST(ProgressRate, another_stage_starts_afresh) {
  ProgressRate rate;
  rate.sample(50s, 1'000'000);
  rate.sample(0s, 0);
  rate.sample(1s, 10);
  EXPECT_DOUBLE_EQ(rate.per_second(), 10);
}

}  // namespace
}  // namespace sluice::report
