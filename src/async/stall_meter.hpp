#pragma once

#include <atomic>
#include <cstdint>

#include "async/schedstat.hpp"
#include "base/time.hpp"
#include "model/histogram.hpp"

namespace sluice::async {

/// Measures how long one loop thread holds its loop between two waits, run-queue delay taken out: a busy machine is
/// not a stall. Owned and fed by the loop's thread; the atomics are read by others while it runs.
class StallMeter {
 public:
  /// Call on the loop's own thread before the first turn.
  void begin();

  /// One hold, from the end of a wait to the beginning of the next. Costs two comparisons below a millisecond; above,
  /// the thread's run-queue delay is read from /proc and subtracted. Returns what was counted.
  base::Nanos held(base::Nanos hold) {
    if (hold > kWorthALook) [[unlikely]] {
      hold -= preempted_in(hold);
    }
    count(hold);
    return hold;
  }

  std::int64_t max_hold_ns() const { return max_hold_ns_.load(std::memory_order_relaxed); }
  std::int64_t max_preempted_ns() const { return max_preempted_ns_.load(std::memory_order_relaxed); }
  /// Only when the loop's thread has ended.
  const model::Histogram& holds() const { return holds_; }

 private:
  static constexpr base::Nanos kWorthALook{1'000'000};

  void count(base::Nanos hold) {
    holds_.record(hold.count());
    if (hold.count() > max_hold_ns_.load(std::memory_order_relaxed)) {
      max_hold_ns_.store(hold.count(), std::memory_order_relaxed);
    }
  }
  base::Nanos preempted_in(base::Nanos hold);

  model::Histogram holds_;
  std::int64_t run_delay_ns_ = 0;
  SchedStat schedstat_;
  std::atomic<std::int64_t> max_hold_ns_{0};
  std::atomic<std::int64_t> max_preempted_ns_{0};
};

}  // namespace sluice::async
