#include "journal/tiers/block_cache.hpp"

#include <iterator>
#include <utility>

namespace sluice::journal {

BlockPtr BlockCache::get(std::uint64_t seq) {
  const auto at = by_seq_.find(seq);
  if (at == by_seq_.end()) return nullptr;
  used_.splice(used_.begin(), used_, at->second);
  return used_.front();
}

BlockCache::Entry BlockCache::forget(Entry entry) {
  bytes_ -= (*entry)->size_bytes();
  by_seq_.erase((*entry)->header.seq);
  return used_.erase(entry);
}

void BlockCache::put(BlockPtr block) {
  const std::uint64_t seq = block->header.seq;
  if (const auto at = by_seq_.find(seq); at != by_seq_.end()) forget(at->second);
  const std::size_t bytes = block->size_bytes();
  if (bytes > bytes_max_) return;
  bytes_ += bytes;
  used_.push_front(std::move(block));
  by_seq_.emplace(seq, used_.begin());
  while (by_seq_.size() > blocks_max_ || bytes_ > bytes_max_) forget(std::prev(used_.end()));
}

void BlockCache::cut(std::uint64_t seq) {
  for (auto at = used_.begin(); at != used_.end();) at = (*at)->header.seq > seq ? forget(at) : std::next(at);
}

}  // namespace sluice::journal
