#include "async/timing.hpp"

namespace sluice::async {

Task<> pause_until(Deadline deadline) {
  WaitPoint never_woken;
  if (co_await never_woken.wait(deadline) == Wake::Cancelled) co_return base::fail(cancelled("a wait"));
  co_return base::Result<void>();
}

}  // namespace sluice::async
