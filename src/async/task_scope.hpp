#pragma once

#include <memory>
#include <string>

#include "async/executor.hpp"

namespace sluice::async {

/// The background work of one owner: what is spawned here ends before its owner does. A member, declared last, closed
/// in the owner's stop(); the destructor asserts that it was closed or is empty. Any thread.
class TaskScope {
 public:
  /// Tasks run on `executor` and are cancelled with `parent`.
  explicit TaskScope(Executor& executor, const CancelToken& parent = {});
  ~TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  /// Starts a task; its error, when it ends with one that is not Cancelled, is kept for close(): the first one counts.
  /// Errors: ResourceExhausted (the executor's queue is full), Terminated (closed).
  base::Result<void> spawn(std::string name, Task<> task);

  /// Refuses what is new, cancels what is there and waits for its end. Errors: the first one of a task;
  /// DeadlineExceeded naming the tasks that have not ended: they are left behind. Idempotent. Not on a loop thread.
  base::Result<void> close(Deadline deadline);
  /// The same for a task.
  Task<> close_async(Deadline deadline);

  std::size_t size() const;

 private:
  struct State;
  // shared because tasks that were left behind outlive this object
  const std::shared_ptr<State> state_;
  Executor& executor_;  // outlives: the owner's executor
  CancelSource cancel_;
};

}  // namespace sluice::async
