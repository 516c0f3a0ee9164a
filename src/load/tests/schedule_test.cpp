#include "load/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::load {

namespace {

using Distribution = model::IoRate::Distribution;

constexpr base::Instant kStart{5'000'000'000};

/// The arrivals before `seconds` of all parts together, sorted, in seconds since the start.
std::vector<double> arrivals(const model::IoRate& rate, std::uint32_t parts, double seconds, std::uint64_t seed = 1) {
  std::vector<double> all;
  for (std::uint32_t part = 0; part < parts; ++part) {
    Schedule schedule(rate, kStart, part, parts, seed);
    for (;;) {
      const double t = static_cast<double>((schedule.next() - kStart).count()) / 1e9;
      if (t >= seconds) break;
      all.push_back(t);
    }
  }
  std::ranges::sort(all);
  return all;
}

/// The largest distance between the distribution of `gaps` and what `below(gap)` says it is.
template <class Below>
double distance_from(std::vector<double> gaps, Below below) {
  std::ranges::sort(gaps);
  double distance = 0;
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    const double expected = below(gaps[i]);
    const double under = static_cast<double>(i) / static_cast<double>(gaps.size());
    const double up_to = static_cast<double>(i + 1) / static_cast<double>(gaps.size());
    distance = std::max({distance, std::abs(expected - under), std::abs(expected - up_to)});
  }
  return distance;
}

std::vector<double> gaps_of(const std::vector<double>& times) {
  std::vector<double> gaps;
  for (std::size_t i = 1; i < times.size(); ++i) gaps.push_back(times[i] - times[i - 1]);
  return gaps;
}

}  // namespace

TEST(Schedule, deterministic_arrivals_of_all_parts_together_lie_at_every_k_over_the_rate) {
  const model::IoRate rate{.iops = 7001, .distribution = Distribution::Deterministic};
  for (const std::uint32_t parts : {1U, 3U, 16U}) {
    std::vector<std::int64_t> all;
    for (std::uint32_t part = 0; part < parts; ++part) {
      Schedule schedule(rate, kStart, part, parts, 1);
      for (int i = 0; i < 4000; ++i) all.push_back((schedule.next() - kStart).count());
    }
    std::ranges::sort(all);
    for (std::size_t k = 0; k < all.size(); ++k) {
      ASSERT_NEAR(static_cast<double>(all[k]), static_cast<double>(k) * 1e9 / 7001, 1.0)
          << parts << " parts, arrival " << k;
    }
  }
}

TEST(Schedule, deterministic_arrivals_do_not_drift_in_a_week) {
  Schedule schedule({.iops = 1e6, .distribution = Distribution::Deterministic}, kStart, 999'999, 1'000'000, 1);
  base::Instant last;
  for (int i = 0; i < 604'800; ++i) last = schedule.next();
  EXPECT_NEAR(static_cast<double>((last - kStart).count()), 604'800e9 - 1000, 1000);
}

TEST(Schedule, the_rate_is_of_the_whole_run_however_many_share_it) {
  for (const Distribution distribution :
       {Distribution::Deterministic, Distribution::Exponential, Distribution::Uniform}) {
    for (const std::uint32_t parts : {1U, 7U, 64U}) {
      const std::size_t count = arrivals({.iops = 5000, .distribution = distribution}, parts, 20).size();
      // Five standard deviations of a Poisson count of 100,000.
      const double allowed = distribution == Distribution::Deterministic ? 0 : 1600;
      EXPECT_NEAR(static_cast<double>(count), 100'000, allowed) << static_cast<int>(distribution) << ' ' << parts;
    }
  }
}

namespace {

/// The gaps of a million arrivals have this mean and this distribution, however many share them.
template <class Below>
void expect_gaps(Distribution distribution, double variance, Below below) {
  constexpr std::size_t kGaps = 1'000'000;
  constexpr double kMean = 1e-4;
  for (const std::uint32_t parts : {1U, 8U}) {
    std::vector<double> times = arrivals({.iops = 1 / kMean, .distribution = distribution}, parts, 101, 42);
    ASSERT_GT(times.size(), kGaps);
    times.resize(kGaps + 1);
    const std::vector<double> gaps = gaps_of(times);
    double sum = 0;
    for (const double gap : gaps) sum += gap;
    EXPECT_NEAR(sum / kGaps, kMean, kMean * 5 * std::sqrt(variance / kGaps)) << parts << " parts";
    // Kolmogorov and Smirnov's bound: 1.95 / sqrt(n) is passed by one sample in a thousand. Times are whole ns.
    const double distance = distance_from(gaps, [&](double gap) { return below(gap / kMean); });
    EXPECT_LT(distance, 1.95 / std::sqrt(kGaps)) << parts << " parts";
  }
}

}  // namespace

TEST(Schedule, exponential_gaps_have_the_mean_and_the_distribution_of_a_poisson_process) {
  expect_gaps(Distribution::Exponential, 1, [](double gap) { return -std::expm1(-gap); });
}

TEST(Schedule, uniform_gaps_of_all_parts_together_are_uniform_between_nothing_and_two_means) {
  expect_gaps(Distribution::Uniform, 1.0 / 3, [](double gap) { return std::clamp(gap / 2, 0.0, 1.0); });
}

TEST(Schedule, the_same_seed_makes_the_same_arrivals_and_parts_differ) {
  const model::IoRate rate{.iops = 100, .distribution = Distribution::Exponential};
  EXPECT_EQ(arrivals(rate, 3, 10, 9), arrivals(rate, 3, 10, 9));
  EXPECT_NE(arrivals(rate, 3, 10, 9), arrivals(rate, 3, 10, 10));
  Schedule first(rate, kStart, 0, 2, 1);
  Schedule second(rate, kStart, 1, 2, 1);
  EXPECT_NE(first.next(), second.next());
}

}  // namespace sluice::load
