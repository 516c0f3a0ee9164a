#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "load/spsc_queue.hpp"
#include "model/op_record.hpp"

namespace sluice::load {

/// The way of one worker's operations to the thread that takes them away. Nothing that is put here is lost: where the
/// taker is behind, has_room() says so, and the worker starts nothing more until it has caught up.
class OperationLane {
 public:
  using Lot = std::vector<model::TakenRecord>;
  /// How many blocks may wait before a worker is held back.
  static constexpr std::size_t kWaitingMax = 32;

  /// Of `workers` workers with `slots` operations in flight each: all of those that are in flight when the lane has no
  /// more room find their place.
  OperationLane(std::uint32_t workers, std::size_t slots)
      : block_records_(std::max(std::clamp<std::size_t>(kRecordsOfAll / std::max(workers, 1U), kBlockMin, kBlockMax),
                                slots / (kQueue - kWaitingMax) + 1)) {
    renew();
  }

  // --- the worker's thread ---

  /// Takes an operation that has ended.
  void put(const model::TakenRecord& record) {
    block_->push_back(record);
    if (block_->size() >= block_records_) [[unlikely]]
      hand_over();
  }
  /// May another operation start at `t`? Counts the time for which none may.
  bool has_room(base::Instant t) {
    if (filled_.size() < kWaitingMax) [[likely]] {
      if (held_since_ != base::Instant::never()) [[unlikely]] {
        held_ += t - held_since_;
        held_since_ = base::Instant::never();
      }
      return true;
    }
    held_since_ = std::min(held_since_, t);
    return false;
  }
  /// Hands over what there is, in time.
  void hand_over() {
    // Where even the queue is full the block grows: its records are of operations that were in flight.
    if (block_->empty() || !filled_.try_push(std::move(block_))) return;
    renew();
  }

  /// The worker's last call.
  void close(base::Instant t) {
    hand_over();
    if (held_since_ == base::Instant::never()) return;
    held_ += t - held_since_;
    held_since_ = base::Instant::never();
  }

  // --- the taker's thread; held() and take_last() when the worker has ended ---

  /// The next block, or null.
  std::unique_ptr<Lot> take() { return filled_.try_pop(); }
  /// What found no place in the queue; null where everything did.
  std::unique_ptr<Lot> take_last() {
    return block_->empty() ? nullptr : std::exchange(block_, std::make_unique<Lot>());
  }
  /// Gives a block back for reuse.
  void give_back(std::unique_ptr<Lot> block) {
    block->clear();
    emptied_.try_push(std::move(block));
  }
  /// How long the worker has been held back.
  base::Nanos held() const { return held_; }

 private:
  static constexpr std::size_t kQueue = 64;
  static constexpr std::size_t kRecordsOfAll = 32'768, kBlockMin = 64, kBlockMax = 4096;

  void renew() {
    block_ = emptied_.try_pop();
    if (block_ != nullptr) return;
    block_ = std::make_unique<Lot>();
    block_->reserve(block_records_);
  }

  const std::size_t block_records_;
  std::unique_ptr<Lot> block_;
  base::Instant held_since_ = base::Instant::never();
  base::Nanos held_{0};
  SpscQueue<std::unique_ptr<Lot>, kQueue> filled_, emptied_;
};

}  // namespace sluice::load
