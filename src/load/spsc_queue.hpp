#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <utility>

namespace sluice::load {

/// A queue between one writing and one reading thread; no locks, no allocation, kCapacity items at the most.
/// The writer and the reader may each change over time, when the old one has ended before the new one begins.
template <class T, std::size_t kCapacity>
class SpscQueue {
  static_assert((kCapacity & (kCapacity - 1)) == 0, "a power of two");

 public:
  /// Writer: false, and `item` untouched, where the queue is full.
  bool try_push(T&& item) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kCapacity) return false;
    items_[tail % kCapacity] = std::move(item);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  /// Writer: how many items wait, at most.
  std::size_t size() const { return tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_acquire); }

  /// Reader: a default-made T where the queue is empty.
  T try_pop() {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return T{};
    T item = std::move(items_[head % kCapacity]);
    head_.store(head + 1, std::memory_order_release);
    return item;
  }

 private:
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
  alignas(64) std::array<T, kCapacity> items_{};
};

}  // namespace sluice::load
