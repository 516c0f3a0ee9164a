#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>

#include "journal/tiers/stored_block.hpp"

namespace sluice::journal {

/// The blocks that were used last, by their number. Not for several threads at once.
class BlockCache {
 public:
  explicit BlockCache(std::size_t blocks_max) : blocks_max_(blocks_max) {}

  /// Null where it is not here.
  BlockPtr get(std::uint64_t seq);
  void put(BlockPtr block);
  /// Forgets everything above.
  void cut(std::uint64_t seq);
  std::size_t size() const { return by_seq_.size(); }

 private:
  const std::size_t blocks_max_;
  std::list<BlockPtr> used_;  ///< the last used first
  std::unordered_map<std::uint64_t, std::list<BlockPtr>::iterator> by_seq_;
};

}  // namespace sluice::journal
