#include "async/detail/executor_core.hpp"

#include <algorithm>

#include <boost/asio/defer.hpp>
#include <boost/asio/post.hpp>
#include <pthread.h>

#include "async/errors.hpp"
#include "async/loop_thread.hpp"

namespace sluice::async::detail {

ExecutorCore::ExecutorCore(ExecutorOptions the_options)
    : options(std::move(the_options)),
      io(static_cast<int>(options.worker_threads)),
      has_ended(options.worker_threads, false) {}

// shared because a task may outlive its waiter
base::Result<void> ExecutorCore::hand_over(std::shared_ptr<TaskContext> task, Deadline deadline, bool may_wait) {
  std::unique_lock lock(mutex);
  const auto has_room = [&] { return !accepting || queue.size() < options.queue_max; };
  if (!has_room()) {
    if (!may_wait) return base::fail(queue_full(options.name, options.queue_max));
    const base::Instant began = base::now();
    ++waiting_for_room;
    changed.wait_until(lock, base::to_chrono(deadline.when()), has_room);
    --waiting_for_room;
    if (!has_room()) {
      return base::fail(deadline_exceeded("waiting for room in the queue of " + options.name, base::now() - began));
    }
  }
  if (!accepting) return base::fail(terminated("the executor " + options.name));
  put_in(*task);
  queue.push_back(std::move(task));
  queue_high_water = std::max(queue_high_water, queue.size());
  if (queue.size() <= looks) return {};
  ++looks;
  lock.unlock();
  boost::asio::post(io, [this] { start_next(); });
  return {};
}

void ExecutorCore::start_next() {
  std::shared_ptr<TaskContext> task;  // shared because a task may outlive its waiter
  {
    std::lock_guard lock(mutex);
    --looks;
    if (queue.empty()) return;
    task = std::move(queue.front());
    queue.pop_front();
    if (waiting_for_room > 0) changed.notify_all();
  }
  task->start(true);
}

void ExecutorCore::look_as_promised() {
  {
    std::lock_guard lock(mutex);
    if (queue.empty()) {
      --looks;
      return;
    }
  }
  // By this thread: what is deferred wakes nobody.
  boost::asio::defer(io, [this] { start_next(); });
}

void ExecutorCore::adopt(TaskContext& child) {
  {
    std::lock_guard lock(mutex);
    put_in(child);
  }
  child.start(false);
}

void ExecutorCore::put_in(TaskContext& task) {
  task.is_live_ = true;
  task.place_ = live.size();
  live.push_back(&task);
}

void ExecutorCore::take_out(TaskContext& task) {
  task.is_live_ = false;
  live.back()->place_ = task.place_;
  live[task.place_] = live.back();
  live.pop_back();
}

void ExecutorCore::note_turn(const StallMeter& meter, base::Nanos hold) {
  std::lock_guard lock(holds_mutex);
  holds.record(hold.count());
  max_hold_ns = std::max(max_hold_ns, hold.count());
  max_preempted_ns = std::max(max_preempted_ns, meter.max_preempted_ns());
}

void ExecutorCore::run_thread(std::size_t index) {
  pthread_setname_np(pthread_self(), options.name.substr(0, 15).c_str());
  {
    LoopThread loop(options.name, options.watch);
    while (io.run_one() != 0 && !leaving.load(std::memory_order_acquire)) {
    }
    // A thread that comes back from an abandoned task brings what is left of the others to its end.
    io.poll();
    boost::asio::post(io, [] {});  // for the next thread to come out: poll() may have taken what was meant to wake it
  }
  std::lock_guard lock(mutex);
  has_ended[index] = true;
  changed.notify_all();
}

void ExecutorCore::cancel_live() {
  // Shared pointers first: a task that ends takes the mutex.
  std::vector<std::shared_ptr<TaskContext>> tasks;  // shared because a task may end meanwhile
  {
    std::lock_guard lock(mutex);
    for (TaskContext* task : live) {
      if (auto alive = task->weak_from_this().lock()) tasks.push_back(std::move(alive));
    }
  }
  for (const auto& task : tasks) task->cancel();
}

std::vector<std::string> ExecutorCore::refuse_live() {
  std::vector<std::string> names;
  std::vector<std::shared_ptr<TaskContext>> tasks;  // shared because a task may end meanwhile
  {
    std::lock_guard lock(mutex);
    for (TaskContext* task : live) {
      names.emplace_back(task->name());
      if (auto alive = task->weak_from_this().lock()) tasks.push_back(std::move(alive));
      if (!std::exchange(task->is_left_behind_, true)) ++left_behind, ++left_behind_now;
    }
  }
  for (const auto& task : tasks) task->refuse(terminated("the executor " + options.name));
  return names;
}

}  // namespace sluice::async::detail
