#include "async/stall_meter.hpp"

#include <algorithm>

#include "async/loop_guard.hpp"

namespace sluice::async {

void StallMeter::begin() {
  schedstat_.open();
  run_delay_ns_ = schedstat_.read().run_delay_ns;
}

base::Nanos StallMeter::preempted_in(base::Nanos hold) {
  // The delay since the last look is all charged to this hold: an upper bound of the preemption, so a lower bound of
  // the hold. Looks are rare, so the delay of many short holds may be in it; begin() after each look keeps it small.
  const LoopGuard::Allow allow("the kernel's figures about a thread: made in memory, at once");
  const std::int64_t delay = schedstat_.read().run_delay_ns;
  const std::int64_t preempted = std::clamp<std::int64_t>(delay - run_delay_ns_, 0, hold.count());
  run_delay_ns_ = delay;
  if (preempted > max_preempted_ns_.load(std::memory_order_relaxed)) {
    max_preempted_ns_.store(preempted, std::memory_order_relaxed);
  }
  return base::Nanos{preempted};
}

}  // namespace sluice::async
