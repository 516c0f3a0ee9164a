#pragma once

#include <mutex>

#include "async/deadline.hpp"
#include "async/notice.hpp"
#include "async/task.hpp"

namespace sluice::async {

/// Asks a task that does something again and again to come to its end by itself: to do its last turn and return, where
/// a cancellation would cut it short. Any thread.
class StopFlag {
 public:
  /// Raises it, for good.
  void raise();
  bool is_raised() const;
  /// Waits until it is raised (true) or until the deadline (false). Errors: Cancelled.
  Task<bool> wait(Deadline deadline);

 private:
  mutable std::mutex mutex_;
  Notice raised_;
  bool is_raised_ = false;
};

}  // namespace sluice::async
