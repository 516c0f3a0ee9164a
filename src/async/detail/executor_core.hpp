#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "async/cancel.hpp"
#include "async/deadline.hpp"
#include "async/detail/task_context.hpp"
#include "async/executor_options.hpp"

namespace sluice::async {
class StallMeter;
}

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
  std::vector<TaskContext*> live;   ///< outlives: a task takes itself out when it ends
  // shared because a task may outlive its waiter
  std::deque<std::shared_ptr<TaskContext>> queue;  ///< not yet begun
  /// Handlers on their way to the queue, and threads that have promised to look: never fewer than tasks in it.
  std::size_t looks = 0;
  std::size_t queue_high_water = 0, waiting_for_room = 0;
  bool accepting = true;
  std::vector<bool> has_ended;  ///< by thread
  std::mutex holds_mutex;       ///< a lock of its own, so that figures can be read while loops run
  model::Histogram holds;       ///< of all turns, as the next two
  std::int64_t max_hold_ns = 0, max_preempted_ns = 0;
  std::uint64_t left_behind = 0, left_behind_now = 0;
  std::atomic<std::uint64_t> failed{0};
  std::atomic<bool> leaving{false};  ///< threads are to end as soon as they come out of their turn

  /// Puts a task that has its body into the queue, from which the next free thread starts it. A full queue is waited
  /// for until the deadline, or without `may_wait` is an error at once. Errors: Terminated, DeadlineExceeded,
  /// ResourceExhausted.
  // shared because a task may outlive its waiter
  base::Result<void> hand_over(std::shared_ptr<TaskContext> task, Deadline deadline, bool may_wait);
  /// Starts a child of a running task, which needs no place in the queue.
  void adopt(TaskContext& child);

  /// Into and out of the living. The caller holds the mutex.
  void put_in(TaskContext& task);
  void take_out(TaskContext& task);
  /// The calling loop thread calls look_as_promised() in a moment, so that nobody need be woken for what is handed over
  /// until then: most of all by the waiter whose task has just ended. The caller holds the mutex.
  void promise_look() { ++looks; }
  void look_as_promised();

  /// A turn of the calling loop thread has ended.
  void note_turn(const StallMeter& meter, base::Nanos hold);
  /// A loop thread's main function.
  void run_thread(std::size_t index);

  /// Cancels all tasks there are.
  void cancel_live();
  /// Ends every wait for a task's result with Terminated; returns the names of those tasks, which are abandoned now.
  std::vector<std::string> refuse_live();

 private:
  void start_next();
};

}  // namespace sluice::async::detail
