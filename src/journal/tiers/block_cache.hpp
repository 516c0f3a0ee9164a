#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>

#include "journal/tiers/stored_block.hpp"

namespace sluice::journal {

/// The blocks that were used last, by their number: at most so many, and of so many bytes together. One that is larger
/// alone is not kept. Not for several threads at once.
class BlockCache {
 public:
  BlockCache(std::size_t blocks_max, std::size_t bytes_max) : blocks_max_(blocks_max), bytes_max_(bytes_max) {}

  /// Null where it is not here.
  BlockPtr get(std::uint64_t seq);
  void put(BlockPtr block);
  /// Forgets everything above.
  void cut(std::uint64_t seq);
  std::size_t size() const { return by_seq_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  using Entry = std::list<BlockPtr>::iterator;
  Entry forget(Entry entry);

  const std::size_t blocks_max_, bytes_max_;
  std::size_t bytes_ = 0;
  std::list<BlockPtr> used_;  ///< the last used first
  std::unordered_map<std::uint64_t, Entry> by_seq_;
};

}  // namespace sluice::journal
