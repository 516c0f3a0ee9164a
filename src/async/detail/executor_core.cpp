#include "async/detail/executor_core.hpp"

#include <algorithm>

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
base::Result<std::shared_ptr<TaskContext>> ExecutorCore::admit(const std::shared_ptr<ExecutorCore>& core,
                                                               std::string name, Deadline deadline, bool may_wait) {
  const base::Instant began = base::now();
  auto context = std::make_shared<TaskContext>(core, std::move(name));  // shared because a task may outlive its waiter
  std::unique_lock lock(core->mutex);
  const auto has_room = [&] { return !core->accepting || core->queued < core->options.queue_max; };
  if (!has_room()) {
    if (!may_wait) return base::fail(queue_full(core->options.name, core->options.queue_max));
    ++core->waiting_for_room;
    core->changed.wait_until(lock, base::to_chrono(deadline.when()), has_room);
    --core->waiting_for_room;
    if (!has_room()) {
      return base::fail(
          deadline_exceeded("waiting for room in the queue of " + core->options.name, base::now() - began));
    }
  }
  if (!core->accepting) return base::fail(terminated("the executor " + core->options.name));
  core->queue_high_water = std::max(core->queue_high_water, ++core->queued);
  context->place_ = core->live.insert(core->live.end(), context.get());
  return context;
}

// shared because a task may outlive its waiter
std::shared_ptr<TaskContext> ExecutorCore::adopt(const std::shared_ptr<ExecutorCore>& core, std::string name) {
  auto context = std::make_shared<TaskContext>(core, std::move(name));  // shared because a task may outlive its waiter
  std::lock_guard lock(core->mutex);
  context->is_queued_ = false;
  context->place_ = core->live.insert(core->live.end(), context.get());
  return context;
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
    std::lock_guard lock(mutex);
    holds.merge(loop.meter().holds());
    max_hold_ns = std::max(max_hold_ns, loop.meter().max_hold_ns());
    max_preempted_ns = std::max(max_preempted_ns, loop.meter().max_preempted_ns());
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
  std::vector<std::function<void(base::Error)>> refusals;
  {
    std::lock_guard lock(mutex);
    for (TaskContext* task : live) {
      names.emplace_back(task->name());
      if (task->refuse_) refusals.push_back(std::exchange(task->refuse_, nullptr));
      if (!std::exchange(task->is_left_behind_, true)) ++left_behind, ++left_behind_now;
    }
  }
  for (const auto& refuse : refusals) refuse(terminated("the executor " + options.name));
  return names;
}

}  // namespace sluice::async::detail
