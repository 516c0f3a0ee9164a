#include "journal/tiers/block_cache.hpp"

#include <gtest/gtest.h>

#include "journal/tiers/stored_block.hpp"

namespace sluice::journal {
namespace {

BlockPtr block_of(std::uint64_t seq, std::size_t bytes) {
  StoredBlock block;
  block.header.seq = seq;
  block.payload.resize(bytes);
  return share(std::move(block));
}

TEST(BlockCache, is_bounded_in_blocks_and_in_bytes_and_keeps_what_was_used_last) {
  const std::size_t one = block_of(1, 1000)->size_bytes();
  BlockCache few(3, 100 * one), small(100, 3 * one);
  for (BlockCache* cache : {&few, &small}) {
    for (std::uint64_t seq = 1; seq <= 3; ++seq) cache->put(block_of(seq, 1000));
    EXPECT_NE(cache->get(1), nullptr);
    cache->put(block_of(4, 1000));
    EXPECT_EQ(cache->size(), 3U);
    EXPECT_EQ(cache->bytes(), 3 * one);
    EXPECT_EQ(cache->get(2), nullptr) << "the one that was not used for longest";
    EXPECT_NE(cache->get(1), nullptr);
  }
}

TEST(BlockCache, a_block_larger_than_all_of_it_is_not_kept_and_costs_no_other) {
  BlockCache cache(10, 5000);
  cache.put(block_of(1, 100));
  cache.put(block_of(2, 10'000));
  EXPECT_EQ(cache.get(2), nullptr);
  EXPECT_NE(cache.get(1), nullptr);
}

TEST(BlockCache, what_is_cut_or_put_again_is_counted_once) {
  BlockCache cache(10, 1'000'000);
  const std::size_t one = block_of(1, 1000)->size_bytes();
  for (std::uint64_t seq = 1; seq <= 5; ++seq) cache.put(block_of(seq, 1000));
  cache.put(block_of(5, 1000));
  EXPECT_EQ(cache.bytes(), 5 * one);
  cache.cut(2);
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_EQ(cache.bytes(), 2 * one);
  EXPECT_EQ(cache.get(3), nullptr);
}

}  // namespace
}  // namespace sluice::journal
