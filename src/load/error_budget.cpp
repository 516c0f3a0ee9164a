#include "load/error_budget.hpp"

#include <algorithm>

namespace sluice::load {

void ErrorBudget::count(base::Instant now) {
  total_.fetch_add(1, std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  recent_.push_back(now);
  while (!recent_.empty() && (now - recent_.front() > rules_.error_rate_window || recent_.size() > kRecentMax)) {
    recent_.pop_front();
  }
  const double window_s = static_cast<double>(rules_.error_rate_window.count()) / 1e9;
  if (static_cast<double>(recent_.size()) <= rules_.error_rate_threshold * window_s) return;
  recent_.clear();
  const base::Instant until = now + rules_.backoff_duration;
  held_back_ns_.fetch_add((until - std::max(now, backoff_until())).count(), std::memory_order_relaxed);
  backoff_until_ns_.store(until.ns, std::memory_order_relaxed);
  backoffs_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace sluice::load
