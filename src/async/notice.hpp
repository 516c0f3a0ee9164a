#pragma once

#include <vector>

#include "async/wait_point.hpp"

namespace sluice::async {

/// What a condition variable is to threads, for tasks: they look at something under a mutex of its owner, enlist under
/// it, and wait after its release; whoever changes that something tells them, and they look again. Both calls are made
/// under that mutex, so no change goes unseen.
class Notice {
 public:
  /// A wait that the next tell_all() ends; its deadline and cancellation are the task's.
  WaitPoint enlist();
  /// Wakes every task that has enlisted.
  void tell_all();

 private:
  std::vector<Waker> enlisted_;
};

}  // namespace sluice::async
