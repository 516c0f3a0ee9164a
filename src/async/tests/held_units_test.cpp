#include "async/held_units.hpp"

#include <deque>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace sluice::async {
namespace {

constexpr base::Instant at(int spans) { return {spans * HeldUnits::kSpan.count() + 5}; }

TEST(HeldUnits, of_nothing_nothing_is_late) {
  HeldUnits held;
  EXPECT_EQ(held.longer_than(base::Nanos{0}, at(9)).units, 0U);
  held.take(at(0), 3);
  held.give_back(at(0), 3);
  EXPECT_EQ(held.total(), 0U);
  EXPECT_EQ(held.longer_than(base::Nanos{0}, at(9)).units, 0U);
}

TEST(HeldUnits, only_what_was_held_for_so_long_is_late) {
  HeldUnits held;
  held.take(at(0), 3);
  held.take(at(4), 2);
  EXPECT_EQ(held.total(), 5U);
  EXPECT_EQ(held.longer_than(10 * HeldUnits::kSpan, at(9)).units, 0U);
  EXPECT_EQ(held.longer_than(9 * HeldUnits::kSpan, at(9)).units, 3U);
  EXPECT_EQ(held.longer_than(9 * HeldUnits::kSpan, at(9)).longest, 9 * HeldUnits::kSpan);
  EXPECT_EQ(held.longer_than(5 * HeldUnits::kSpan, at(9)).units, 5U);
  EXPECT_EQ(held.longer_than(5 * HeldUnits::kSpan, at(9)).longest, 9 * HeldUnits::kSpan);
}

TEST(HeldUnits, parts_come_home_alone_and_the_rest_is_still_known) {
  HeldUnits held;
  held.take(at(0), 5);
  held.take(at(1), 1);
  held.give_back(at(0), 4);
  EXPECT_EQ(held.longer_than(2 * HeldUnits::kSpan, at(2)).units, 1U);
  held.give_back(at(0), 1);
  EXPECT_EQ(held.longer_than(2 * HeldUnits::kSpan, at(2)).units, 0U);
  EXPECT_EQ(held.longer_than(HeldUnits::kSpan, at(2)).units, 1U);
}

TEST(HeldUnits, what_joins_older_units_counts_as_old_as_they) {
  HeldUnits held;
  held.take(at(0), 1);
  held.take(at(5), 2);
  held.move(at(5), at(0), 2);
  EXPECT_EQ(held.total(), 3U);
  EXPECT_EQ(held.longer_than(6 * HeldUnits::kSpan, at(6)).units, 3U);
  held.give_back(at(0), 3);
  EXPECT_EQ(held.total(), 0U);
}

TEST(HeldUnits, what_is_told_of_a_time_is_never_too_much_and_at_most_a_span_too_little) {
  HeldUnits held;
  base::Random random(2);
  std::deque<std::pair<base::Instant, std::uint64_t>> model;
  base::Instant now{1};
  for (int i = 0; i < 20'000; ++i) {
    now = now + base::Nanos{random.below(static_cast<std::uint64_t>(HeldUnits::kSpan.count()))};
    if (model.size() < 50 && random.below(2) == 0) {
      model.emplace_back(now, 1 + random.below(9));
      held.take(now, model.back().second);
    } else if (!model.empty()) {
      const auto which = model.begin() + static_cast<std::ptrdiff_t>(random.below(model.size()));
      held.give_back(which->first, which->second);
      model.erase(which);
    }
    const base::Nanos threshold{random.below(20 * static_cast<std::uint64_t>(HeldUnits::kSpan.count()))};
    std::uint64_t total = 0, at_most = 0, at_least = 0;
    for (const auto& [since, units] : model) {
      total += units;
      if (now - since >= threshold) at_most += units;
      if (now - since >= threshold + HeldUnits::kSpan) at_least += units;
    }
    ASSERT_EQ(held.total(), total);
    const HeldUnits::Late late = held.longer_than(threshold, now);
    ASSERT_LE(late.units, at_most);
    ASSERT_GE(late.units, at_least);
    if (late.units == 0) continue;
    ASSERT_LE(late.longest, now - model.front().first);
    ASSERT_GE(late.longest, now - model.front().first - HeldUnits::kSpan);
  }
}

}  // namespace
}  // namespace sluice::async
