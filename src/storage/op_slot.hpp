#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.hpp"
#include "model/names.hpp"
#include "model/operation.hpp"

namespace sluice::storage {

/// Makes the bytes that are written. One per worker.
class PayloadSource {
 public:
  virtual ~PayloadSource() = default;
  /// Fills `out` with the content of the object `content_key` from `offset` on. `out` lies in the buffer of a slot,
  /// begins at its start and may hold an earlier content of this source.
  virtual void fill(std::span<std::byte> out, std::uint64_t content_key, std::uint64_t offset) = 0;
};

/// Everything of one operation in flight: what to do, where, with which memory, and what became of it. Owned by a
/// worker, lent to a store from start() until it is completed; reused for ever. Touched by the worker's thread only.
struct OpSlot {
  // What to do; set by the load.
  model::OpKind kind = model::OpKind::Get;
  bool sync = false;                    ///< write: make this block durable before it completes
  const model::Names* names = nullptr;  ///< the target is names[index]
  std::uint64_t index = 0;
  const model::Names* to_names = nullptr;  ///< copy, rename: the new name is to_names[to_index]
  std::uint64_t to_index = 0;
  std::uint64_t offset = 0;        ///< read, write: where the block begins
  std::uint64_t bytes_wanted = 0;  ///< put, write, read: how many; get: the object's size, or Names::kSizeUnknown
  std::uint64_t content_key = 0;   ///< put, write: what the content is derived from
  std::span<std::byte> buffer;     ///< aligned to 4 KiB; whole objects pass through it piece by piece
  PayloadSource* payload = nullptr;

  // The memory behind `buffer`: one part for what comes in, one for what goes out, so that reading never spoils
  // prepared data.
  std::span<std::byte> in, out;

  // What became of it; set by the store.
  int error = 0;            ///< 0, or an errno; ENODATA: fewer bytes than bytes_wanted
  std::uint64_t bytes = 0;  ///< moved

  // The load's own bookkeeping.
  std::uint32_t store = 0;  ///< which of the worker's stores takes it
  std::uint32_t line = 0;   ///< of the workload
  std::uint32_t tries = 0;
  bool timed_out = false;    ///< counted as such already: what becomes of it now is no result
  std::uint64_t ticket = 0;  ///< the source's own
  base::Instant intended, started;

  OpSlot* next = nullptr;                  ///< in whichever list holds it
  std::array<std::uint64_t, 6> scratch{};  ///< the store's own while it has the slot; after a stat, [0] is the size
};

/// A list of slots through their own `next`: a queue, or with push_front a stack. No allocation, one thread.
class SlotList {
 public:
  bool empty() const { return head_ == nullptr; }
  /// Puts the slot at the end; it may be in no other list.
  void push(OpSlot& slot) {
    slot.next = nullptr;
    (head_ == nullptr ? head_ : tail_->next) = &slot;
    tail_ = &slot;
  }
  /// For slots whose memory is to be used again while the processor still knows it.
  void push_front(OpSlot& slot) {
    slot.next = head_;
    if (head_ == nullptr) tail_ = &slot;
    head_ = &slot;
  }
  /// nullptr where empty.
  OpSlot* pop() {
    OpSlot* slot = head_;
    if (slot != nullptr) head_ = slot->next;
    return slot;
  }

 private:
  OpSlot* head_ = nullptr;
  OpSlot* tail_ = nullptr;
};

}  // namespace sluice::storage
