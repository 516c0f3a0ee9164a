#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>

#include "base/time.hpp"
#include "model/run_plan.hpp"

namespace sluice::load {

/// Counts the failed operations of the whole run against the plan's error_handling. Workers ask two atomics on their
/// way; only a failure takes the lock.
class ErrorBudget {
 public:
  explicit ErrorBudget(const model::ErrorHandling& rules) : rules_(rules) {}

  /// One operation has failed for good.
  void count(base::Instant now);

  /// More than max_total_errors have failed: the run is to end.
  bool spent() const { return total_.load(std::memory_order_relaxed) > rules_.max_total_errors; }
  std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }

  /// No operation is to start before this instant (error_rate_threshold was passed); in the past when there is none.
  base::Instant backoff_until() const { return {backoff_until_ns_.load(std::memory_order_relaxed)}; }
  /// How often a back-off has begun.
  std::uint64_t backoffs() const { return backoffs_.load(std::memory_order_relaxed); }
  /// For how long operations were held back by them in all, the rest of the present one included.
  base::Nanos held_back() const { return base::Nanos{held_back_ns_.load(std::memory_order_relaxed)}; }

  const model::ErrorHandling& rules() const { return rules_; }

 private:
  static constexpr std::size_t kRecentMax = 100'000;

  const model::ErrorHandling rules_;
  std::atomic<std::uint64_t> total_{0};
  std::atomic<std::uint64_t> backoffs_{0};
  std::atomic<std::int64_t> backoff_until_ns_{0};
  std::atomic<std::int64_t> held_back_ns_{0};
  std::mutex mutex_;
  std::deque<base::Instant> recent_;  ///< failures inside the window
};

}  // namespace sluice::load
