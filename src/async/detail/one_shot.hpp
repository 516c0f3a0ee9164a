#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "async/wait_point.hpp"
#include "base/assert.hpp"

namespace sluice::async::detail {

/// Blocks the calling thread until `word` is no longer `seen`, at most until the deadline; may return early.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t seen, Deadline deadline);
void futex_wake_all(const std::atomic<std::uint32_t>& word);

/// A place for one value that is put in once and taken out once: typed, so that a large value is moved and never
/// copied. The first put counts. Any threads may put and wait; one takes.
template <class T>
class OneShot {
 public:
  /// False where there was a value before: this one is dropped.
  bool put(T value) {
    if (!fill(std::move(value))) return false;
    wake();
    return true;
  }
  /// The two halves of put(), for a caller that publishes under a lock and wakes without it.
  bool fill(T value) {
    std::uint32_t empty = kEmpty;
    if (!state_.compare_exchange_strong(empty, kFilling, std::memory_order_acquire)) return false;
    value_.emplace(std::move(value));
    state_.store(kFull);
    return true;
  }
  /// After fill().
  void wake() {
    if (blocked_.load() > 0) futex_wake_all(state_);
    std::lock_guard lock(mutex_);
    if (waker_) waker_->wake();
  }

  bool is_full() const { return state_.load(std::memory_order_acquire) == kFull; }

  /// Blocks the calling thread; true when there is a value.
  bool wait(Deadline deadline) {
    // Counted before the state is read again, as put() stores before it reads the count: one of the two sees the other.
    blocked_.fetch_add(1);
    std::uint32_t seen = state_.load();
    while (seen != kFull && !deadline.has_passed()) {
      futex_wait(state_, seen, deadline);
      seen = state_.load();
    }
    blocked_.fetch_sub(1, std::memory_order_relaxed);
    return seen == kFull;
  }

  /// A point that is woken when there is a value. One task waits at a time.
  WaitPoint point() {
    WaitPoint point;
    std::lock_guard lock(mutex_);
    waker_ = point.waker();
    if (is_full()) waker_->wake();
    return point;
  }

  /// Only when is_full(), once.
  T take() {
    SLUICE_ASSERT(value_.has_value());
    return std::move(*value_);
  }

 private:
  static constexpr std::uint32_t kEmpty = 0, kFilling = 1, kFull = 2;

  std::atomic<std::uint32_t> state_{kEmpty};
  std::atomic<std::uint32_t> blocked_{0};
  std::optional<T> value_;
  std::mutex mutex_;
  std::optional<Waker> waker_;
};

}  // namespace sluice::async::detail
