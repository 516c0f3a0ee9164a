#include "journal/tiers/block_cache.hpp"

#include <utility>

namespace sluice::journal {

BlockPtr BlockCache::get(std::uint64_t seq) {
  const auto at = by_seq_.find(seq);
  if (at == by_seq_.end()) return nullptr;
  used_.splice(used_.begin(), used_, at->second);
  return used_.front();
}

void BlockCache::put(BlockPtr block) {
  const std::uint64_t seq = block->header.seq;
  if (const auto at = by_seq_.find(seq); at != by_seq_.end()) {
    used_.erase(at->second);
    by_seq_.erase(at);
  }
  used_.push_front(std::move(block));
  by_seq_.emplace(seq, used_.begin());
  if (by_seq_.size() <= blocks_max_) return;
  by_seq_.erase(used_.back()->header.seq);
  used_.pop_back();
}

void BlockCache::cut(std::uint64_t seq) {
  for (auto at = used_.begin(); at != used_.end();) {
    if ((*at)->header.seq <= seq) {
      ++at;
      continue;
    }
    by_seq_.erase((*at)->header.seq);
    at = used_.erase(at);
  }
}

}  // namespace sluice::journal
