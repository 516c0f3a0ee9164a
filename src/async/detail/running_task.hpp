#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "async/detail/executor_core.hpp"
#include "async/detail/one_shot.hpp"
#include "async/errors.hpp"
#include "async/loop_thread.hpp"
#include "async/task.hpp"

namespace sluice::async {
template <class T>
class JoinHandle;
}

namespace sluice::async::detail {

void count_failure(TaskContext& context);

/// The end of a task, however it comes: by its return, by an exception, or because its frame is destroyed.
template <class T>
class TaskEnd {
 public:
  // shared because waiter and task may each outlive the other
  TaskEnd(std::shared_ptr<TaskContext> context, std::shared_ptr<OneShot<base::Result<T>>> slot)
      : context_(std::move(context)), slot_(std::move(slot)) {}
  TaskEnd(TaskEnd&&) noexcept = default;
  TaskEnd& operator=(TaskEnd&&) = delete;
  ~TaskEnd() {
    if (slot_ != nullptr) set(base::fail(terminated(context_->name())));
  }

  TaskContext& context() { return *context_; }
  /// To the outside one step: whoever has the result does not find the task among the living, and whoever does not find
  /// it there has a result.
  void set(base::Result<T> result) {
    const auto slot = std::move(slot_);
    bool is_first = false;
    context_->mark_ended([&] { is_first = slot->fill(std::move(result)); });
    if (is_first) slot->wake();
  }

 private:
  // shared because waiter and task may each outlive the other
  std::shared_ptr<TaskContext> context_;
  std::shared_ptr<OneShot<base::Result<T>>> slot_;  // shared because the waiter may leave first
};

/// The result of a task whose exceptions are caught here.
template <class T>
boost::asio::awaitable<base::Result<T>> guarded(TaskContext& context, Task<T> task) {
  std::optional<base::Error> error;
  try {
    co_return co_await std::move(task);
  } catch (const boost::system::system_error& thrown) {
    const bool is_cancelled = thrown.code() == boost::asio::error::operation_aborted;
    error = is_cancelled ? cancelled(context.name()) : task_failed(context.name(), thrown.what());
  } catch (const std::exception& thrown) {
    error = task_failed(context.name(), thrown.what());
  } catch (...) {
    error = task_failed(context.name(), "an exception of an unknown type");
  }
  if (error->code != base::Code::Cancelled) count_failure(context);
  co_return base::fail(std::move(*error));
}

/// A task from its first step to its end.
template <class T>
boost::asio::awaitable<void> run_task(TaskEnd<T> end, Task<T> task) {
  end.context().mark_started();
  // From here on a cancelled leaf returns its error; Asio would throw from every co_await else.
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  // Done here and now. Asio posts the end of a coroutine that was never suspended, which wakes a thread for nothing.
  co_await boost::asio::dispatch(boost::asio::use_awaitable);
  if (end.context().cancel_requested()) {
    end.set(base::fail(cancelled(end.context().name())));
    co_return;
  }
  base::Result<T> result = co_await guarded(end.context(), std::move(task));
  end.set(std::move(result));
}

/// The end of the coroutine, which has told its result before. A type of its own in place of bind_cancellation_slot:
/// with that Asio keeps the executor in the signal, and so the task in itself, for ever.
struct TaskFinished {
  using cancellation_slot_type = boost::asio::cancellation_slot;
  boost::asio::cancellation_slot slot;

  cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
  void operator()(const std::exception_ptr&) const {}
};

/// Starts the task on its strand; the calling thread does not wait.
template <class T>
// shared because waiter and task may each outlive the other
JoinHandle<T> launch(std::shared_ptr<TaskContext> context, Task<T> task) {
  namespace asio = boost::asio;
  auto slot = std::make_shared<OneShot<base::Result<T>>>();  // shared because waiter and task may each leave first
  context->on_refusal([slot](base::Error error) { slot->put(base::fail(std::move(error))); });
  const TaskExecutor executor(context);
  executor.require(asio::execution::blocking.never)
      .execute([executor, end = TaskEnd<T>(context, slot), body = std::move(task)]() mutable {
        asio::cancellation_signal& signal = end.context().signal();
        asio::co_spawn(executor, run_task<T>(std::move(end), std::move(body)), TaskFinished{signal.slot()});
      });
  return JoinHandle<T>(std::move(context), std::move(slot));
}

}  // namespace sluice::async::detail
