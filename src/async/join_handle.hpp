#pragma once

#include <memory>
#include <utility>

#include "async/detail/running_task.hpp"

namespace sluice::async {

/// The way to a spawned task: wait for it, or ask it to end. Dropping it does neither; the executor still counts the
/// task and ends it at its own shutdown. Movable; one thread or task at a time waits.
template <class T>
class JoinHandle {
 public:
  // shared because waiter and task may each outlive the other
  JoinHandle(std::shared_ptr<detail::TaskContext> context, std::shared_ptr<detail::OneShot<base::Result<T>>> slot)
      : context_(std::move(context)), slot_(std::move(slot)) {}

  /// A handle of a task that could not be handed over.
  static JoinHandle failed(base::Error error) {
    auto slot = std::make_shared<detail::OneShot<base::Result<T>>>();  // shared because a handle's slot is
    slot->put(base::fail(std::move(error)));
    return JoinHandle(nullptr, std::move(slot));
  }

  /// Asks the task to end; returns at once. Any thread.
  void cancel() {
    if (context_ != nullptr) context_->cancel();
  }
  bool is_done() const { return slot_->is_full(); }

  /// Blocks until the task has ended, and takes its result; to be called once. At the deadline the task is cancelled and left
  /// behind. Errors: the task's; DeadlineExceeded; Terminated; InvalidArgument on a loop thread.
  base::Result<T> join(Deadline deadline) { return join(deadline, base::now()); }
  base::Result<T> join(Deadline deadline, base::Instant began) {
    if (!is_done() && LoopThread::current() != nullptr) return base::fail(would_deadlock("a spawned task"));
    if (slot_->wait(deadline)) return slot_->take();
    return base::fail(leave(deadline_exceeded("the task", base::now() - began)));
  }

  /// The same from a task. Errors: also Cancelled, when the waiting task is; the other one goes on then.
  Task<T> wait(Deadline deadline) {
    const base::Instant began = base::now();
    WaitPoint point = slot_->point();
    const Wake wake = co_await point.wait(deadline);
    if (wake == Wake::Woken) co_return slot_->take();
    if (wake == Wake::Cancelled) co_return base::fail(cancelled("waiting for a task"));
    co_return base::fail(leave(deadline_exceeded("the task", base::now() - began)));
  }

 private:
  template <class U>
  friend Task<U> with_deadline(Task<U> task, Deadline deadline, base::Nanos grace);

  base::Error leave(base::Error error) {
    if (context_ != nullptr) {
      context_->leave_behind();
      context_->cancel();
    }
    return error;
  }

  // shared because waiter and task may each outlive the other
  std::shared_ptr<detail::TaskContext> context_;
  std::shared_ptr<detail::OneShot<base::Result<T>>> slot_;  // shared because the waiter may leave first
};

}  // namespace sluice::async
