#pragma once

#include <memory>
#include <utility>

#include "async/detail/running_task.hpp"
#include "async/loop_thread.hpp"

namespace sluice::async {

/// The way to a spawned task: wait for it, or ask it to end. Dropping it does neither; the executor still counts the
/// task and ends it at its own shutdown. Movable; one thread or task at a time waits.
template <class T>
class JoinHandle {
 public:
  // shared because waiter and task may each outlive the other
  explicit JoinHandle(std::shared_ptr<detail::RunningTask<T>> task) : task_(std::move(task)) {}

  /// Asks the task to end; returns at once. Any thread.
  void cancel() { task_->cancel(); }
  bool is_done() const { return task_->slot().is_full(); }

  /// Blocks until the task has ended, and takes its result; to be called once. At the deadline the task is cancelled
  /// and left behind. Errors: the task's; DeadlineExceeded; Terminated; InvalidArgument on a loop thread.
  base::Result<T> join(Deadline deadline) { return join(deadline, base::now()); }
  base::Result<T> join(Deadline deadline, base::Instant began) {
    if (!is_done() && LoopThread::current() != nullptr) return base::fail(would_deadlock("a spawned task"));
    if (task_->slot().wait(deadline)) return task_->slot().take();
    return base::fail(leave(deadline_exceeded("the task", base::now() - began)));
  }

  /// The same from a task. Errors: also Cancelled, when the waiting task is; the other one goes on then.
  Task<T> wait(Deadline deadline) {
    const base::Instant began = base::now();
    WaitPoint point = task_->slot().point();
    const Wake wake = co_await point.wait(deadline);
    if (wake == Wake::Woken) co_return task_->slot().take();
    if (wake == Wake::Cancelled) co_return base::fail(cancelled("waiting for a task"));
    co_return base::fail(leave(deadline_exceeded("the task", base::now() - began)));
  }

 private:
  base::Error leave(base::Error error) {
    task_->leave_behind();
    task_->cancel();
    return error;
  }

  // shared because waiter and task may each outlive the other
  std::shared_ptr<detail::RunningTask<T>> task_;
};

}  // namespace sluice::async
