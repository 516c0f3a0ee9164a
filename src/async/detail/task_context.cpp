#include "async/detail/task_context.hpp"

#include <boost/asio/post.hpp>

#include "async/detail/executor_core.hpp"
#include "async/loop_thread.hpp"

namespace sluice::async::detail {

namespace asio = boost::asio;

// shared because a task that was abandoned may come to its end after its executor has gone
TaskContext::TaskContext(std::shared_ptr<ExecutorCore> core, std::string name)
    : core_(std::move(core)), name_(std::move(name)), strand_(core_->io.get_executor()) {}

void TaskContext::cancel() {
  if (cancel_requested_.exchange(true, std::memory_order_acq_rel)) return;
  // The signal is not thread-safe: it belongs to the strand, as the waits that it ends do.
  // shared because the task may end before it hears of this
  asio::post(strand_, [self = shared_from_this()] {
    const Turn turn(*self);
    self->signal_.emit(asio::cancellation_type::terminal);
  });
}

void TaskContext::follow(const CancelToken& token) {
  link_.emplace(token, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->cancel();
  });
}

void TaskContext::on_refusal(std::function<void(base::Error)> refuse) {
  std::lock_guard lock(core_->mutex);
  refuse_ = std::move(refuse);
}

void TaskContext::leave_behind() {
  std::lock_guard lock(core_->mutex);
  if (has_ended_ || is_left_behind_) return;
  is_left_behind_ = true;
  ++core_->left_behind;
  ++core_->left_behind_now;
}

void TaskContext::mark_started() {
  std::lock_guard lock(core_->mutex);
  if (!std::exchange(is_queued_, false)) return;  // a child of another task
  --core_->queued;
  if (core_->waiting_for_room > 0) core_->changed.notify_all();
}

void TaskContext::mark_ended(const std::function<void()>& publish) {
  std::function<void(base::Error)> refuse;
  std::lock_guard lock(core_->mutex);
  has_ended_ = true;
  if (is_queued_) --core_->queued;
  if (is_left_behind_) --core_->left_behind_now;
  refuse = std::exchange(refuse_, nullptr);
  core_->live.erase(place_);
  publish();
  if (core_->live.empty() || core_->waiting_for_room > 0) core_->changed.notify_all();
}

Turn::Turn(const TaskContext& task) noexcept {
  LoopThread* loop = LoopThread::current();
  is_outermost_ = loop != nullptr && !loop->in_turn();
  if (is_outermost_) loop->enter(task.name());
}

Turn::~Turn() {
  if (is_outermost_) LoopThread::current()->leave();
}

asio::execution_context& TaskExecutor::query(asio::execution::context_t) const noexcept { return task_->core_->io; }

}  // namespace sluice::async::detail
