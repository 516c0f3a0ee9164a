#include "load/stage_control.hpp"

#include <algorithm>

namespace sluice::load {

void StageControl::request_stop(base::Instant drain_until) {
  {
    std::lock_guard lock(mutex_);
    drain_until_ = std::min(drain_until_, drain_until);
    stop_.store(true, std::memory_order_release);
  }
  cancel_.cancel();
  changed_.notify_all();
}

void StageControl::abort() {
  {
    std::lock_guard lock(mutex_);
    drain_until_ = base::Instant{};
    stop_.store(true, std::memory_order_release);
    abort_.store(true, std::memory_order_release);
  }
  cancel_.cancel();
  changed_.notify_all();
}

base::Instant StageControl::drain_until() const {
  std::lock_guard lock(mutex_);
  return drain_until_;
}

bool StageControl::wait_until(base::Instant until) {
  std::unique_lock lock(mutex_);
  const auto deadline = base::to_chrono(until);
  return changed_.wait_until(lock, deadline, [this] { return stop_.load(std::memory_order_relaxed); });
}

}  // namespace sluice::load
