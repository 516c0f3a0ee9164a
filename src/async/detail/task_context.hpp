#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include "async/cancel.hpp"
#include "base/error.hpp"

namespace sluice::async::detail {

struct ExecutorCore;

/// What the executor knows of one task, whatever its result is. Lives as long as the task or anybody who may cancel it.
class TaskContext : public std::enable_shared_from_this<TaskContext> {
 public:
  // shared because a task that was abandoned may come to its end after its executor has gone
  TaskContext(std::shared_ptr<ExecutorCore> core, std::string name);
  virtual ~TaskContext() = default;

  /// Asks the task to end. Any thread, at any time; the task hears of it on its own strand, unless it has ended.
  void cancel();
  bool cancel_requested() const { return cancel_requested_.load(std::memory_order_acquire); }
  /// Cancelled together with `token` from now on.
  void follow(const CancelToken& token);
  /// Whoever waited for the task has gone without its result.
  void leave_behind();

  ExecutorCore& core() { return *core_; }
  // shared because a task may outlive its executor
  const std::shared_ptr<ExecutorCore>& shared_core() const { return core_; }
  const char* name() const { return name_.c_str(); }
  /// Only on the strand.
  boost::asio::cancellation_signal& signal() { return signal_; }

  /// Begins the task on its strand: here and now, or later. Once, after the core has taken it in.
  virtual void start(bool at_once) = 0;
  /// Ends the wait for the task's result, where that has not come before: the executor goes.
  virtual void refuse(base::Error error) = 0;
  /// The caller holds the core's mutex, publishes the result before it lets that go, and comes to its end then.
  void mark_ended();

 private:
  friend class TaskExecutor;
  friend class Turn;
  friend struct ExecutorCore;

  // shared because a task that was abandoned may come to its end after its executor has gone
  const std::shared_ptr<ExecutorCore> core_;
  const std::string name_;
  boost::asio::strand<boost::asio::io_context::executor_type> strand_;
  boost::asio::cancellation_signal signal_;
  std::optional<OnCancel> link_;
  std::size_t place_ = 0;  ///< in the core's list; under the core's mutex, as the next line
  bool is_live_ = false, is_left_behind_ = false;
  bool is_in_turn_ = false, has_promised_look_ = false;  ///< on the strand
  std::atomic<bool> cancel_requested_{false};
};

/// What became of a task that threw: only where that was caught. Counts it as failed, unless it was cancelled.
base::Error escaped(TaskContext& context);

/// Begins and ends a turn of the calling loop thread for a task; does nothing where one has begun.
class Turn {
 public:
  explicit Turn(TaskContext& task) noexcept;
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  TaskContext& task_;
  bool is_outermost_;
};

/// The Asio executor of one task: a strand, so that the task, its timers and its cancellation never run at once, which
/// also says to the watch whose turn it is. Models Asio's execution::executor.
class TaskExecutor {
 public:
  // shared because handlers of a task may outlive everybody who waits for it
  explicit TaskExecutor(std::shared_ptr<TaskContext> task, bool at_once = true) noexcept
      : task_(std::move(task)), at_once_(at_once) {}

  const std::shared_ptr<TaskContext>& task() const { return task_; }

  /// The executor's io_context; Asio asks.
  boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept;
  TaskExecutor require(boost::asio::execution::blocking_t::never_t) const { return TaskExecutor(task_, false); }
  TaskExecutor require(boost::asio::execution::blocking_t::possibly_t) const { return TaskExecutor(task_, true); }
  bool operator==(const TaskExecutor&) const noexcept = default;

  /// Runs `function` on the strand: here and now where this is the strand and it may, else later.
  template <class Function>
  void execute(Function&& function) const {
    namespace asio = boost::asio;
    if (at_once_ && task_->strand_.running_in_this_thread()) {
      std::forward<Function>(function)();
      return;
    }
    auto turn = [task = task_, call = std::forward<Function>(function)]() mutable {
      const Turn mark(*task);
      std::move(call)();
    };
    if (at_once_) {
      task_->strand_.execute(std::move(turn));
    } else {
      asio::require(task_->strand_, asio::execution::blocking.never).execute(std::move(turn));
    }
  }

 private:
  // shared because handlers of a task may outlive everybody who waits for it
  std::shared_ptr<TaskContext> task_;
  bool at_once_;
};

}  // namespace sluice::async::detail
