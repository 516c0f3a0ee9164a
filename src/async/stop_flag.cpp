#include "async/stop_flag.hpp"

#include "async/errors.hpp"

namespace sluice::async {

void StopFlag::raise() {
  std::lock_guard lock(mutex_);
  is_raised_ = true;
  raised_.tell_all();
}

bool StopFlag::is_raised() const {
  std::lock_guard lock(mutex_);
  return is_raised_;
}

Task<bool> StopFlag::wait(Deadline deadline) {
  std::unique_lock lock(mutex_);
  if (is_raised_) co_return true;
  WaitPoint point = raised_.enlist();
  lock.unlock();
  const Wake wake = co_await point.wait(deadline);
  if (wake == Wake::Cancelled) co_return base::fail(cancelled("waiting for a turn"));
  co_return wake == Wake::Woken;
}

}  // namespace sluice::async
