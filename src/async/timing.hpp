#pragma once

#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/this_coro.hpp>

#include "async/join_handle.hpp"
#include "base/assert.hpp"

namespace sluice::async {

/// Waits until the deadline. Errors: Cancelled.
Task<> pause_until(Deadline deadline);

/// How long a task that was cancelled may take to end before it is left behind.
inline constexpr base::Nanos kGrace{100'000'000};

/// The task's result, or at the deadline DeadlineExceeded: then the task is cancelled, its end is awaited for `grace`,
/// and after that it is left behind and counted. The same when the caller is cancelled: Cancelled. Only inside a task
/// of an Executor.
template <class T>
Task<T> with_deadline(Task<T> task, Deadline deadline, base::Nanos grace = kGrace) {
  const base::Instant began = base::now();
  const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
  const auto* parent = executor.target<detail::TaskExecutor>();
  SLUICE_ASSERT(parent != nullptr);
  // shared because waiter and task may each outlive the other
  const auto child =
      std::make_shared<detail::RunningTask<T>>(parent->task()->shared_core(), parent->task()->name(), std::move(task));
  child->core().adopt(*child);
  WaitPoint end = child->slot().point();
  const Wake wake = co_await end.wait(deadline);
  if (wake == Wake::Woken) co_return child->slot().take();
  child->cancel();
  WaitPoint late = child->slot().point();
  if (co_await late.wait(Deadline::in(grace), true) != Wake::Woken) child->leave_behind();
  co_return base::fail(wake == Wake::Cancelled ? cancelled("a task with a deadline")
                                               : deadline_exceeded("the task", base::now() - began));
}

}  // namespace sluice::async
