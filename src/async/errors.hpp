#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/time.hpp"

namespace sluice::async {

// The errors of this folder, in one place so that they read alike everywhere. `what` is a short noun: "the run",
// "a permit of the pool", "listing s3://bucket".

/// Code Cancelled: its owner ended it.
base::Error cancelled(std::string_view what);
/// Code Terminated: what it needs has been closed or shut down.
base::Error terminated(std::string_view what);
/// Code DeadlineExceeded: `what` did not come to its end within `waited`.
base::Error deadline_exceeded(std::string_view what, base::Nanos waited);
/// Code ResourceExhausted: a bounded queue has no room.
base::Error queue_full(std::string_view what, std::size_t queue_max);
/// Code InvalidArgument: a thread that runs a loop asked to be blocked.
base::Error would_deadlock(std::string_view what);
/// Code Internal: an exception escaped from a task; what it was for goes on.
base::Error task_failed(std::string_view what, std::string_view exception);

}  // namespace sluice::async
