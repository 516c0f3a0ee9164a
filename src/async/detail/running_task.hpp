#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "async/detail/executor_core.hpp"
#include "async/detail/one_shot.hpp"
#include "async/errors.hpp"
#include "async/task.hpp"

namespace sluice::async::detail {

/// A task with its body, until that begins, and the place for its result.
template <class T>
class RunningTask final : public TaskContext {
 public:
  // shared because a task that was abandoned may come to its end after its executor has gone
  RunningTask(std::shared_ptr<ExecutorCore> core, std::string name, Task<T> body)
      : TaskContext(std::move(core), std::move(name)), body_(std::move(body)) {}

  OneShot<base::Result<T>>& slot() { return slot_; }
  void start(bool at_once) override;
  void refuse(base::Error error) override { slot_.put(base::fail(std::move(error))); }
  /// Instead of handing it over: what its body holds goes now, and `error` is the result.
  void give_up(base::Error error) {
    body_.reset();
    refuse(std::move(error));
  }

 private:
  std::optional<Task<T>> body_;
  OneShot<base::Result<T>> slot_;
};

/// The end of a task, however it comes: by its return, by an exception, or because its frame is destroyed.
template <class T>
class TaskEnd {
 public:
  // shared because waiter and task may each outlive the other
  explicit TaskEnd(std::shared_ptr<RunningTask<T>> task) : task_(std::move(task)) {}
  TaskEnd(TaskEnd&&) noexcept = default;
  TaskEnd& operator=(TaskEnd&&) = delete;
  ~TaskEnd() {
    if (task_ != nullptr) set(base::fail(terminated(task_->name())));
  }

  TaskContext& context() { return *task_; }
  /// The last use. To the outside one step: whoever has the result does not find the task among the living, and whoever
  /// does not find it there has a result.
  void set(base::Result<T> result) {
    const auto task = std::move(task_);
    bool is_first = false;
    {
      std::lock_guard lock(task->core().mutex);
      task->mark_ended();
      is_first = task->slot().fill(std::move(result));
    }
    if (is_first) task->slot().wake();
  }

 private:
  // shared because waiter and task may each outlive the other
  std::shared_ptr<RunningTask<T>> task_;
};

/// A task from its first step to its end. What it throws ends here.
template <class T>
boost::asio::awaitable<void> run_task(TaskEnd<T> end, Task<T> task) {
  namespace asio = boost::asio;
  TaskContext& context = end.context();
  // From here on a cancelled leaf returns its error; Asio would throw from every co_await else.
  co_await asio::this_coro::throw_if_cancelled(false);
  // Done here and now. Asio posts the end of a coroutine that was never suspended, which wakes a thread for nothing.
  co_await asio::dispatch(asio::use_awaitable);
  if (context.cancel_requested()) {
    end.set(base::fail(cancelled(context.name())));
    co_return;
  }
  std::optional<base::Result<T>> result;
  try {
    result.emplace(co_await std::move(task));
  } catch (...) {
    result.emplace(base::fail(escaped(context)));
  }
  end.set(std::move(*result));
}

/// The end of the coroutine, which has told its result before. A type of its own in place of bind_cancellation_slot:
/// with that Asio keeps the executor in the signal, and so the task in itself, for ever.
struct TaskFinished {
  using cancellation_slot_type = boost::asio::cancellation_slot;
  boost::asio::cancellation_slot slot;

  cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
  void operator()(const std::exception_ptr&) const {}
};

template <class T>
void RunningTask<T>::start(bool at_once) {
  namespace asio = boost::asio;
  // shared because waiter and task may each outlive the other
  auto self = std::static_pointer_cast<RunningTask>(shared_from_this());
  const TaskExecutor executor(self, at_once);
  executor.execute([self = std::move(self)] {
    const TaskExecutor strand(self);
    asio::co_spawn(strand, run_task<T>(TaskEnd<T>(self), std::move(*self->body_)), TaskFinished{self->signal().slot()});
  });
}

}  // namespace sluice::async::detail
