#pragma once

#include <cstdint>
#include <deque>

#include "base/assert.hpp"

namespace sluice::async {

/// Knows when everything that was there at a moment has gone, whatever order it goes in: each frame belongs to the
/// epoch in which it came, and a mark ends an epoch. Not thread-safe: under its owner's mutex.
class FrameEpochs {
 public:
  /// One more frame; returns the epoch to end it with.
  std::uint64_t begin() {
    ++pending_.back();
    return first_ + pending_.size() - 1;
  }
  /// So many frames of the epoch have been written or dropped.
  void end(std::uint64_t epoch, std::uint64_t frames = 1) {
    SLUICE_DEBUG_ASSERT(epoch >= first_ && pending_[epoch - first_] >= frames);
    pending_[epoch - first_] -= frames;
    while (pending_.size() > 1 && pending_.front() == 0) {
      pending_.pop_front();
      ++first_;
    }
  }
  /// Counts a frame of `from` to the older epoch `to`, which has frames of its own.
  void move(std::uint64_t from, std::uint64_t to) {
    if (from == to) return;
    ++pending_[to - first_];
    end(from);
  }
  /// Ends the current epoch and names it.
  std::uint64_t mark() {
    if (pending_.back() != 0) pending_.push_back(0);
    return first_ + pending_.size() - 2;
  }
  /// Nothing of what came before that mark is left.
  bool is_done(std::uint64_t mark) const { return static_cast<std::int64_t>(first_ - mark) > 0; }

 private:
  std::deque<std::uint64_t> pending_{0};  ///< frames by epoch, the current one last
  std::uint64_t first_ = 1;
};

}  // namespace sluice::async
