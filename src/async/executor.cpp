#include "async/executor.hpp"

#include <algorithm>
#include <system_error>

#include <boost/asio/post.hpp>

#include "base/units.hpp"

namespace sluice::async {

namespace {

constexpr std::uint32_t kThreadsMax = 256;
constexpr std::size_t kQueueMax = 1'000'000;
/// For threads to come out of run_one() once they are told to.
constexpr base::Nanos kThreadsLeave{200'000'000};

base::Result<void> check(const ExecutorOptions& options) {
  const auto bad = [&](std::string what, const std::string& range) {
    return base::fail(base::Code::InvalidArgument, std::move(what), options.name + ": " + range);
  };
  if (options.worker_threads < 1 || options.worker_threads > kThreadsMax) {
    return bad("an executor with " + std::to_string(options.worker_threads) + " threads", "1 to 256 are possible");
  }
  if (options.queue_max < 1 || options.queue_max > kQueueMax) {
    return bad("an executor with a queue of " + std::to_string(options.queue_max), "1 to 1,000,000 are possible");
  }
  return {};
}

std::string join(const std::vector<std::string>& names) {
  constexpr std::size_t kNamedMax = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamedMax); ++i) text += (i > 0 ? ", " : "") + names[i];
  if (names.size() > kNamedMax) text += " and " + std::to_string(names.size() - kNamedMax) + " more";
  return text;
}

}  // namespace

Executor::Executor(Options options)
    // shared because threads and tasks that were abandoned outlive this object
    : core_(std::make_shared<detail::ExecutorCore>(std::move(options))) {}

base::Result<std::unique_ptr<Executor>> Executor::create(Options options) {
  SLUICE_CHECK(check(options));
  std::unique_ptr<Executor> executor(new Executor(std::move(options)));
  const std::uint32_t threads = executor->options().worker_threads;
  for (std::uint32_t i = 0; i < threads; ++i) {
    try {
      executor->threads_.emplace_back([core = executor->core_, i] {
        const auto work = boost::asio::make_work_guard(core->io);
        core->run_thread(i);
      });
    } catch (const std::system_error& thrown) {
      return base::fail(base::from_errno(thrown.code().value(), "could not start a thread of an executor",
                                         executor->options().name + ", thread " + std::to_string(i + 1)));
    }
  }
  return executor;
}

Executor::~Executor() { static_cast<void>(shutdown(Deadline::in(options().shutdown_timeout))); }

const Executor::Options& Executor::options() const { return core_->options; }

Deadline Executor::default_deadline() const {
  const std::optional<base::Nanos>& timeout = options().default_timeout;
  return timeout ? Deadline::in(*timeout) : Deadline::never();
}

CancelToken Executor::token() const { return core_->cancel.token(); }
void Executor::cancel_all() { core_->cancel.cancel(cancelled("the work of " + options().name)); }
bool Executor::is_cancelled() const { return core_->cancel.is_cancelled(); }

bool Executor::is_running() const {
  std::lock_guard lock(core_->mutex);
  return core_->accepting;
}

base::Result<void> Executor::drain(Deadline deadline) {
  if (LoopThread::current() != nullptr) return base::fail(would_deadlock("the tasks of " + options().name));
  const base::Instant began = base::now();
  std::unique_lock lock(core_->mutex);
  if (core_->changed.wait_until(lock, base::to_chrono(deadline.when()), [this] { return core_->live.empty(); }))
    return {};
  std::vector<std::string> names;
  for (const detail::TaskContext* task : core_->live) names.emplace_back(task->name());
  base::Error error = deadline_exceeded("the work of " + options().name, base::now() - began);
  error.where = join(names);
  return base::fail(std::move(error));
}

base::Result<void> Executor::shutdown(Deadline deadline) {
  const base::Instant began = base::now();
  {
    std::lock_guard lock(core_->mutex);
    core_->accepting = false;
    core_->changed.notify_all();  // those who wait for room
  }
  if (core_->leaving.load()) return {};
  core_->cancel_live();
  if (LoopThread::current() == nullptr) {
    std::unique_lock lock(core_->mutex);
    core_->changed.wait_until(lock, base::to_chrono(deadline.when()), [this] { return core_->live.empty(); });
  }
  const std::vector<std::string> abandoned = core_->refuse_live();
  end_threads();
  if (abandoned.empty()) return {};
  base::Error error = deadline_exceeded("the work of " + options().name, base::now() - began);
  error.where = join(abandoned);
  return base::fail(std::move(error));
}

/// Joins those that come out of their turn; one that a task still holds is left, and keeps what it needs alive.
void Executor::end_threads() {
  core_->leaving.store(true, std::memory_order_release);
  for (std::size_t i = 0; i < threads_.size(); ++i) boost::asio::post(core_->io, [] {});
  std::vector<bool> has_ended;
  {
    std::unique_lock lock(core_->mutex);
    const auto all = [this] { return std::ranges::count(core_->has_ended, false) == 0; };
    if (LoopThread::current() == nullptr)
      core_->changed.wait_until(lock, base::to_chrono(base::now() + kThreadsLeave), all);
    has_ended = core_->has_ended;
  }
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    if (has_ended[i]) {
      threads_[i].join();
    } else {
      threads_[i].detach();  // tidy-allow: detach because a task that never yields cannot be stopped, only left
    }
  }
  threads_.clear();
}

ExecutorStats Executor::stats() const {
  ExecutorStats stats;
  {
    std::lock_guard lock(core_->mutex);
    stats.live = core_->live.size();
    stats.queued = core_->queue.size();
    stats.queue_high_water = core_->queue_high_water;
    stats.left_behind = core_->left_behind;
    stats.left_behind_now = core_->left_behind_now;
  }
  stats.failed = core_->failed.load();
  std::lock_guard lock(core_->holds_mutex);
  stats.max_hold_ns = core_->max_hold_ns;
  stats.max_preempted_ns = core_->max_preempted_ns;
  return stats;
}

model::Histogram Executor::holds() const {
  std::lock_guard lock(core_->holds_mutex);
  return core_->holds;
}

}  // namespace sluice::async
