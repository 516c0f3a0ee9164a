#pragma once

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "async/detail/running_task.hpp"
#include "async/executor_options.hpp"
#include "async/join_handle.hpp"
#include "async/loop_thread.hpp"
#include "async/task.hpp"

namespace sluice::async {

/// The bridge from threads that may block to loops that may not. Owns its loop threads and their io_context; there is
/// no ambient one. All calls are safe from any thread; each says what it does on a loop thread.
///
/// What is guaranteed:
/// - A wait ends: with the task's result, at its deadline, by cancellation, or with Terminated when the executor goes.
/// - block_on on a thread that runs a loop, of this or any other executor, is refused at once (InvalidArgument).
/// - A task that fails by an exception ends as Internal; nothing else notices.
/// - A task that never yields cannot be stopped: its waiter returns at the deadline, its result is dropped when it
///   comes, and it is counted. Until then it has one thread; the others go on.
/// - cancel_all, drain and shutdown are three things: a final flush runs after the first, and before the third.
/// - The destructor is a shutdown within `shutdown_timeout`. A task that has not ended then is abandoned: its waiters
///   get Terminated, its thread is left to the process and may safely come back later.
class Executor {
 public:
  using Options = ExecutorOptions;

  /// Starts the threads. Errors: InvalidArgument (options out of their range), ResourceExhausted (no thread to be had).
  static base::Result<std::unique_ptr<Executor>> create(Options options);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Runs the task and blocks until it has ended, at most for default_timeout. A full queue is waited for.
  /// Errors: the task's own, Internal (it threw), DeadlineExceeded, Terminated, InvalidArgument (on a loop thread).
  template <class T>
  base::Result<T> block_on(Task<T> task) {
    return block(std::move(task), default_deadline(), CancelToken());
  }
  /// The deadline covers queueing and running; when it passes, the task is cancelled and left behind.
  template <class T>
  base::Result<T> block_on(Task<T> task, Deadline deadline) {
    return block(std::move(task), deadline, CancelToken());
  }
  /// Also ends when cancel_all() is called, or was called before: Cancelled.
  template <class T>
  base::Result<T> block_on_cancellable(Task<T> task) {
    return block(std::move(task), default_deadline(), token());
  }
  /// The same with a deadline.
  template <class T>
  base::Result<T> block_on_cancellable(Task<T> task, Deadline deadline) {
    return block(std::move(task), deadline, token());
  }

  /// Hands the task over and goes on. It ends early when cancel_all() or the handle's cancel() is called. Where the
  /// queue is full a foreign thread waits for room (default_timeout at most), a loop thread does not: then the handle
  /// holds the error. `name` stands in what is said of the task.
  template <class T>
  JoinHandle<T> spawn(std::string name, Task<T> task) {
    return hand_over(std::move(name), std::move(task), token(), LoopThread::current() == nullptr);
  }
  /// Never waits. Errors: ResourceExhausted (the queue is full), Terminated.
  template <class T>
  base::Result<JoinHandle<T>> try_spawn(std::string name, Task<T> task) {
    return try_spawn(std::move(name), std::move(task), token());
  }
  /// The same, cancelled by `cancel` in place of cancel_all().
  template <class T>
  base::Result<JoinHandle<T>> try_spawn(std::string name, Task<T> task, const CancelToken& cancel) {
    auto running = make_task(std::move(name), std::move(task), cancel);
    SLUICE_CHECK(core_->hand_over(running, Deadline::never(), false));
    return JoinHandle<T>(std::move(running));
  }

  /// Cancels what was spawned and what waits in block_on_cancellable, now and from now on. A plain block_on still runs.
  void cancel_all();
  bool is_cancelled() const;
  /// Until shutdown() is called.
  bool is_running() const;
  /// Waits until no task is left; cancels nothing, refuses nothing. Errors: DeadlineExceeded naming what is left,
  /// InvalidArgument (on a loop thread).
  base::Result<void> drain(Deadline deadline);
  /// Refuses what is new, cancels what is there, waits for its end until the deadline, and then ends the threads. What
  /// has not ended is abandoned; every wait has ended when this returns. On a loop thread nothing is waited for.
  /// Errors: DeadlineExceeded naming what was abandoned. The second call returns at once.
  base::Result<void> shutdown(Deadline deadline);

  /// Cancelled by cancel_all().
  CancelToken token() const;
  ExecutorStats stats() const;
  /// How long loop threads were held, turn by turn, those of turns that have ended.
  model::Histogram holds() const;

 private:
  explicit Executor(Options options);
  void end_threads();

  Deadline default_deadline() const;

  template <class T>
  // shared because waiter and task may each outlive the other
  std::shared_ptr<detail::RunningTask<T>> make_task(std::string name, Task<T> task, const CancelToken& cancel) {
    // shared because waiter and task may each outlive the other
    auto running = std::make_shared<detail::RunningTask<T>>(core_, std::move(name), std::move(task));
    running->follow(cancel);
    return running;
  }

  template <class T>
  JoinHandle<T> hand_over(std::string name, Task<T> task, const CancelToken& cancel, bool may_wait) {
    auto running = make_task(std::move(name), std::move(task), cancel);
    if (auto queued = core_->hand_over(running, default_deadline(), may_wait); !queued) {
      running->give_up(std::move(queued).error());
    }
    return JoinHandle<T>(std::move(running));
  }

  template <class T>
  base::Result<T> block(Task<T> task, Deadline deadline, const CancelToken& cancel) {
    if (LoopThread::current() != nullptr) return base::fail(would_deadlock("a task of " + options().name));
    // Without a bound nobody asks how long it was.
    const base::Instant began = deadline.is_never() ? base::Instant{} : base::now();
    if (began >= deadline.when()) return base::fail(deadline_exceeded("the task", base::Nanos{0}));
    if (cancel.is_cancelled()) return base::fail(cancel.reason());
    auto running = make_task("block_on", std::move(task), cancel);
    SLUICE_CHECK(core_->hand_over(running, deadline, true));
    return JoinHandle<T>(std::move(running)).join(deadline, began);
  }

  const Options& options() const;

  // shared because threads and tasks that were abandoned outlive this object
  const std::shared_ptr<detail::ExecutorCore> core_;
  std::vector<std::thread> threads_;
};

}  // namespace sluice::async
