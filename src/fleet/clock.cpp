#include "fleet/clock.hpp"

namespace sluice::fleet {

base::Instant SystemClock::now() { return base::now(); }

void SystemClock::wait(std::condition_variable& changed, std::unique_lock<std::mutex>& lock, base::Instant until) {
  changed.wait_until(lock, base::to_chrono(until));
}

}  // namespace sluice::fleet
