#include "dataset/offsets.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "dataset/zipf.hpp"

namespace sluice::dataset {
namespace {

using Kind = model::Access::Kind;

OffsetSource make(const model::Access& access, BlockRange range, Share share = {}, std::uint64_t seed = 1) {
  auto source = OffsetSource::create(access, range, share, seed);
  EXPECT_TRUE(source.has_value()) << (source ? "" : source.error().what);
  return std::move(*source);
}

std::vector<std::uint64_t> draw(OffsetSource source, std::size_t count) {
  base::Random random(4);
  std::vector<std::uint64_t> offsets;
  while (offsets.size() < count) offsets.push_back(source.next(random));
  return offsets;
}

TEST(Zipf, draws_ranks_with_their_probabilities) {
  for (const double theta : {0.0, 0.5, 0.99, 1.0, 1.2, 3.0}) {
    constexpr std::uint64_t kItems = 50;
    constexpr int kDraws = 200'000;
    const Zipf zipf(kItems, theta);
    base::Random random(8);
    std::vector<double> counts(kItems, 0);
    for (int i = 0; i < kDraws; ++i) counts.at(zipf.sample(random)) += 1;
    double norm = 0;
    for (std::uint64_t k = 1; k <= kItems; ++k) norm += std::pow(static_cast<double>(k), -theta);
    double chi_square = 0;
    for (std::uint64_t k = 1; k <= kItems; ++k) {
      const double expected = kDraws * std::pow(static_cast<double>(k), -theta) / norm;
      if (expected > 5) chi_square += (counts[k - 1] - expected) * (counts[k - 1] - expected) / expected;
    }
    EXPECT_LT(chi_square, 90) << theta;  // 49 degrees of freedom: once in 3,000 true samples
  }
}

TEST(Zipf, keeps_its_shares_over_a_trillion_items) {
  constexpr std::uint64_t kItems = std::uint64_t{1} << 40;
  const Zipf zipf(kItems, 1.0);
  base::Random random(8);
  constexpr int kDraws = 200'000;
  int first = 0, lower_half = 0;
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t rank = zipf.sample(random);
    ASSERT_LT(rank, kItems);
    first += rank == 0;
    lower_half += rank < (std::uint64_t{1} << 20);
  }
  const double harmonic = std::log(static_cast<double>(kItems)) + 0.5772156649;
  EXPECT_NEAR(first, kDraws / harmonic, 4 * std::sqrt(kDraws / harmonic));
  const double share = (std::log(0x1.0p20) + 0.5772156649) / harmonic;
  EXPECT_NEAR(lower_half, kDraws * share, 4 * std::sqrt(kDraws * share * (1 - share)));
}

TEST(Zipf, of_one_item_is_that_item) {
  base::Random random(1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Zipf(1, 0.99).sample(random), 0);
}

TEST(OffsetSource, sequential_goes_through_the_range_again_and_again) {
  EXPECT_EQ(draw(make({.kind = Kind::Sequential}, {100, 460, 100}), 5),
            (std::vector<std::uint64_t>{100, 200, 300, 100, 200}));
}

TEST(OffsetSource, sequential_shares_are_contiguous_and_together_the_whole_range) {
  for (const std::uint32_t shares : {1U, 3U, 7U, 64U}) {
    std::multiset<std::uint64_t> seen;
    for (std::uint32_t i = 0; i < shares; ++i) {
      const OffsetSource source = make({.kind = Kind::Sequential}, {0, 51'200, 512}, {i, shares});
      const auto offsets = draw(source, source.reach());
      for (std::size_t k = 1; k < offsets.size(); ++k) EXPECT_EQ(offsets[k], offsets[k - 1] + 512);
      seen.insert(offsets.begin(), offsets.end());
    }
    EXPECT_EQ(seen.size(), 100) << shares;
    EXPECT_EQ(std::set<std::uint64_t>(seen.begin(), seen.end()).size(), 100) << shares;
  }
}

TEST(OffsetSource, more_shares_than_blocks_double_up) {
  EXPECT_EQ(draw(make({.kind = Kind::Sequential}, {0, 8192, 4096}, {3, 5}), 2),
            (std::vector<std::uint64_t>{4096, 4096}));
}

TEST(OffsetSource, random_is_uniform_aligned_and_inside) {
  std::map<std::uint64_t, int> counts;
  for (const std::uint64_t offset :
       draw(make({.kind = Kind::Random}, {8192, 8192 + 10 * 4096 + 4095, 4096}), 100'000)) {
    EXPECT_EQ(offset % 4096, 0);
    ++counts[offset];
  }
  ASSERT_EQ(counts.size(), 10);
  EXPECT_EQ(counts.begin()->first, 8192);
  for (const auto& [offset, count] : counts) EXPECT_NEAR(count, 10'000, 400) << offset;
}

TEST(OffsetSource, strided_jumps_and_comes_back_one_block_further) {
  EXPECT_EQ(draw(make({.kind = Kind::Strided, .stride = 300}, {0, 800, 100}), 9),
            (std::vector<std::uint64_t>{0, 300, 600, 100, 400, 700, 200, 500, 0}));
}

TEST(OffsetSource, strided_shares_take_turns_and_cover_every_block_once) {
  for (const std::uint32_t shares : {1U, 2U, 3U, 5U, 11U, 40U}) {
    const OffsetSource one = make({.kind = Kind::Strided, .stride = 2048}, {0, 18'944, 512});
    const auto expected = draw(one, 37);
    EXPECT_EQ(std::set<std::uint64_t>(expected.begin(), expected.end()).size(), 37);
    for (std::uint32_t i = 0; i < shares; ++i) {
      const OffsetSource source = make({.kind = Kind::Strided, .stride = 2048}, {0, 18'944, 512}, {i, shares});
      const auto offsets = draw(source, 37);
      for (std::size_t k = 0; k < offsets.size(); ++k) EXPECT_EQ(offsets[k], expected[(i + k * shares) % 37]) << shares;
    }
  }
}

TEST(OffsetSource, zipf_scatters_hot_blocks_alike_for_all_shares) {
  constexpr std::uint64_t kBlocks = 1000;
  const model::Access access{.kind = Kind::Zipf, .theta = 1.0};
  std::map<std::uint64_t, int> counts;
  for (const std::uint64_t offset : draw(make(access, {0, kBlocks * 4096, 4096}, {0, 2}, 5), 200'000))
    ++counts[offset / 4096];
  std::map<std::uint64_t, int> others;
  base::Random random(99);
  OffsetSource other = make(access, {0, kBlocks * 4096, 4096}, {1, 2}, 5);
  for (int i = 0; i < 200'000; ++i) ++others[other.next(random) / 4096];

  std::vector<std::pair<int, std::uint64_t>> hottest, hottest_of_other;
  for (const auto& [block, count] : counts) hottest.emplace_back(count, block);
  for (const auto& [block, count] : others) hottest_of_other.emplace_back(count, block);
  std::ranges::sort(hottest, std::greater{});
  std::ranges::sort(hottest_of_other, std::greater{});
  EXPECT_LT(hottest[0].second, kBlocks);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(hottest[i].second, hottest_of_other[i].second);
  const auto [near, far] = std::minmax(hottest[0].second, hottest[1].second);
  EXPECT_GT(far - near, 10);
  EXPECT_NEAR(hottest[0].first, 200'000 / 7.485, 700);  // the harmonic number of 1000
}

TEST(OffsetSource, every_rank_of_zipf_has_a_block_of_its_own) {
  for (const std::uint64_t blocks : {1UL, 2UL, 10UL, 97UL, 1024UL}) {
    std::set<std::uint64_t> seen;
    for (const std::uint64_t offset : draw(make({.kind = Kind::Zipf, .theta = 0}, {0, blocks, 1}), blocks * 20))
      seen.insert(offset);
    EXPECT_EQ(seen.size(), blocks);
  }
}

TEST(OffsetSource, refuses_ranges_and_parameters_that_cannot_work) {
  const auto refused = [](const model::Access& access, BlockRange range) {
    const auto source = OffsetSource::create(access, range, {}, 1);
    return !source.has_value() && source.error().code == base::Code::InvalidArgument;
  };
  EXPECT_TRUE(refused({.kind = Kind::Random}, {0, 4095, 4096}));
  EXPECT_TRUE(refused({.kind = Kind::Random}, {100, 50, 10}));
  EXPECT_TRUE(refused({.kind = Kind::Random}, {0, 100, 0}));
  EXPECT_TRUE(refused({.kind = Kind::Strided, .stride = 100}, {0, 8192, 4096}));
  EXPECT_TRUE(refused({.kind = Kind::Zipf, .theta = -1}, {0, 8192, 4096}));
  EXPECT_TRUE(refused({.kind = Kind::Zipf, .theta = NAN}, {0, 8192, 4096}));
}

}  // namespace
}  // namespace sluice::dataset
