#include "async/blocking_pool.hpp"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include <pthread.h>

namespace sluice::async {

namespace detail {

namespace {

/// What a listing of the threads shows; Linux keeps 15 characters.
void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

/// A closed pipe and a file size limit are errors of the call here, whatever the program does with their signals.
void turn_signals_into_errors() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  sigaddset(&set, SIGXFSZ);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

/// The queue and the threads. Threads belong to the process (they are detached) and keep this alive; has_left counts.
// shared because threads that were abandoned outlive the pool
class BlockingCore : public std::enable_shared_from_this<BlockingCore> {
 public:
  explicit BlockingCore(BlockingPoolOptions options) : options_(std::move(options)) {
    if (options_.threads_max == 0) options_.threads_max = 2 * std::max(1U, std::thread::hardware_concurrency()) + 4;
  }

  // shared because a call may outlive the one who waits for it
  base::Result<void> submit(std::shared_ptr<BlockingCall> call);
  void abandon(BlockingCall& call);
  std::vector<std::string> stop(Deadline deadline);
  BlockingPoolStats stats() const;

 private:
  using State = BlockingCall::State;
  using Call = std::shared_ptr<BlockingCall>;  // shared because a call may outlive the one who waits for it

  base::Result<void> add_thread();
  void thread_main();
  Call next(std::unique_lock<std::mutex>& lock);
  void end(const Call& call);

  BlockingPoolOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable work_, ended_;
  std::deque<Call> queue_;
  std::vector<Call> running_;    ///< those with a waiter
  std::vector<Call> abandoned_;  ///< those without
  std::uint32_t threads_ = 0, idle_ = 0;
  bool is_stopping_ = false;
  BlockingPoolStats stats_;
};

// shared because a call may outlive the one who waits for it
base::Result<void> BlockingCore::submit(std::shared_ptr<BlockingCall> call) {
  std::lock_guard lock(mutex_);
  if (is_stopping_) return base::fail(terminated("the pool " + options_.name));
  if (abandoned_.size() >= options_.abandoned_max) {
    base::Error error{.code = base::Code::ResourceExhausted,
                      .what = std::to_string(abandoned_.size()) + " calls have outlived their deadline and still run"};
    for (const Call& stuck : abandoned_) error.where += (error.where.empty() ? "" : ", ") + stuck->name();
    return base::fail(std::move(error).add_likely("the storage or the network does not answer"));
  }
  if (queue_.size() >= options_.queue_max)
    return base::fail(queue_full("the pool " + options_.name, options_.queue_max));
  call->since_ = base::now();
  queue_.push_back(std::move(call));
  stats_.queue_high_water = std::max(stats_.queue_high_water, queue_.size());
  if (idle_ >= queue_.size()) {
    work_.notify_one();
    return {};
  }
  // An abandoned call's thread is none that anybody can count on.
  if (threads_ - abandoned_.size() >= options_.threads_max) return {};
  base::Result<void> added = add_thread();
  if (added || threads_ > abandoned_.size()) return {};  // fewer threads than wanted: it waits its turn
  queue_.pop_back();
  return added;
}

base::Result<void> BlockingCore::add_thread() {
  try {
    // shared because a thread that was abandoned outlives the pool
    std::thread thread([self = shared_from_this()] { self->thread_main(); });
    thread.detach();  // tidy-allow: detach because a call that never returns cannot be joined; stop() counts them
  } catch (const std::system_error& thrown) {
    return base::fail(
        base::from_errno(thrown.code().value(), "could not start a thread for a blocking call", options_.name));
  }
  ++threads_;
  return {};
}

/// The next call to run; null when the thread is to end. Waits with `lock`.
BlockingCore::Call BlockingCore::next(std::unique_lock<std::mutex>& lock) {
  ++idle_;
  const auto is_due = [this] { return is_stopping_ || !queue_.empty(); };
  work_.wait_for(lock, options_.idle_max, is_due);
  --idle_;
  if (queue_.empty()) return nullptr;
  Call call = std::move(queue_.front());
  queue_.pop_front();
  const base::Instant now = base::now();
  stats_.queue_wait_max = std::max(stats_.queue_wait_max, now - call->since_);
  stats_.queue_wait_total += now - call->since_;
  call->state_ = State::Running;
  call->since_ = now;
  running_.push_back(call);
  return call;
}

void BlockingCore::end(const Call& call) {
  std::erase(call->state_ == State::Abandoned ? abandoned_ : running_, call);
  if (call->state_ == State::Running) call->state_ = State::Ended;
  ended_.notify_all();
}

void BlockingCore::thread_main() {
  turn_signals_into_errors();
  std::unique_lock lock(mutex_);
  while (Call call = next(lock)) {
    lock.unlock();
    name_thread(call->name());
    call->run();
    name_thread(options_.name);
    lock.lock();
    end(call);
    lock.unlock();
    // Nothing of the pool is held while the waiter is told, and nothing of the call is kept for long after it.
    call->end().waker().wake();
    call.reset();
    lock.lock();
    // One too many, since the thread that replaced it: let one of them go.
    if (threads_ - abandoned_.size() > options_.threads_max) break;
  }
  --threads_;
  ended_.notify_all();
}

void BlockingCore::abandon(BlockingCall& call) {
  std::lock_guard lock(mutex_);
  const auto is_it = [&](const Call& other) { return other.get() == &call; };
  if (std::erase_if(queue_, is_it) > 0) return;
  const auto place = std::ranges::find_if(running_, is_it);
  if (place == running_.end()) return;  // it has just ended: the result is dropped
  call.state_ = State::Abandoned;
  abandoned_.push_back(std::move(*place));
  running_.erase(place);
  ++stats_.abandoned;
  call.cancel_.cancel();
  if (!queue_.empty() && idle_ == 0) static_cast<void>(add_thread());
}

std::vector<std::string> BlockingCore::stop(Deadline deadline) {
  std::deque<Call> dropped;
  std::unique_lock lock(mutex_);
  is_stopping_ = true;
  dropped.swap(queue_);
  for (const Call& call : running_) call->cancel_.cancel();
  work_.notify_all();
  ended_.wait_until(lock, base::to_chrono(deadline.when()), [this] { return threads_ == 0; });
  std::vector<std::string> names;
  for (const std::vector<Call>* calls : {&running_, &abandoned_}) {
    for (const Call& call : *calls) names.push_back(call->name());
  }
  lock.unlock();
  for (const Call& call : dropped) {
    call->refuse(terminated("the pool " + options_.name));
    call->end().waker().wake();
  }
  return names;
}

BlockingPoolStats BlockingCore::stats() const {
  std::lock_guard lock(mutex_);
  BlockingPoolStats stats = stats_;
  stats.threads = threads_;
  stats.queued = queue_.size();
  stats.running = static_cast<std::uint32_t>(running_.size());
  stats.abandoned_now = static_cast<std::uint32_t>(abandoned_.size());
  return stats;
}

// shared because a call may outlive the one who waits for it, and the pool
base::Result<void> submit(const std::shared_ptr<BlockingCore>& core, std::shared_ptr<BlockingCall> call) {
  return core->submit(std::move(call));
}
void abandon(BlockingCore& core, BlockingCall& call) { core.abandon(call); }

}  // namespace detail

BlockingPool::BlockingPool(Options options)
    // shared because threads that were abandoned outlive this object
    : core_(std::make_shared<detail::BlockingCore>(std::move(options))) {}
BlockingPool::~BlockingPool() { stop(Deadline::in(base::Nanos{1'000'000'000})); }
std::vector<std::string> BlockingPool::stop(Deadline deadline) { return core_->stop(deadline); }
BlockingPoolStats BlockingPool::stats() const { return core_->stats(); }

}  // namespace sluice::async
