#pragma once

#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "async/cancel.hpp"
#include "async/deadline.hpp"
#include "async/detail/task_context.hpp"
#include "async/executor_options.hpp"

namespace sluice::async::detail {

/// What an executor's threads, tasks and waiters share. Outlives the Executor where a task was abandoned: the thread
/// that it holds, and whoever may still wake it, keep this alive.
struct ExecutorCore {
  explicit ExecutorCore(ExecutorOptions the_options);

  const ExecutorOptions options;
  boost::asio::io_context io;
  CancelSource cancel;

  std::mutex mutex;
  std::condition_variable changed;  ///< room in the queue, a task's end, a thread's end
  std::list<TaskContext*> live;     ///< outlives: a task takes itself out when it ends
  std::size_t queued = 0, queue_high_water = 0;
  bool accepting = true;
  bool leaving = false;          ///< threads are to end when nothing is ready
  std::vector<bool> has_ended;   ///< by thread
  model::Histogram holds;        ///< of threads that have ended
  std::atomic<std::int64_t> max_hold_ns{0}, max_preempted_ns{0};
  std::atomic<std::uint64_t> left_behind{0}, left_behind_now{0}, failed{0};

  /// Counts a task in, as queued. A full queue is waited for until the deadline, or is an error at once where that has
  /// passed. Errors: Terminated, DeadlineExceeded, ResourceExhausted.
  // shared because a task may outlive its waiter
  static base::Result<std::shared_ptr<TaskContext>> admit(const std::shared_ptr<ExecutorCore>& core, std::string name,
                                                          Deadline deadline, bool may_wait);
  /// Counts in a child of a running task, which needs no place in the queue.
  // shared because a task may outlive its waiter
  static std::shared_ptr<TaskContext> adopt(const std::shared_ptr<ExecutorCore>& core, std::string name);

  /// A loop thread's main function.
  void run_thread(std::size_t index);

  void cancel_live();
};

}  // namespace sluice::async::detail
