#include "async/detail/task_context.hpp"

#include <exception>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include "async/detail/executor_core.hpp"
#include "async/errors.hpp"
#include "async/loop_thread.hpp"

namespace sluice::async::detail {

namespace asio = boost::asio;

// shared because a task that was abandoned may come to its end after its executor has gone
TaskContext::TaskContext(std::shared_ptr<ExecutorCore> core, std::string name)
    : core_(std::move(core)), name_(std::move(name)), strand_(core_->io.get_executor()) {}

void TaskContext::cancel() {
  if (cancel_requested_.exchange(true, std::memory_order_acq_rel)) return;
  {
    std::lock_guard lock(core_->mutex);
    if (!is_live_) return;  // what is posted to an executor that has gone keeps it alive for ever
  }
  // The signal is not thread-safe: it belongs to the strand, as the waits that it ends do.
  // shared because the task may end before it hears of this
  asio::post(strand_, [self = shared_from_this()] {
    const Turn turn(*self);
    self->signal_.emit(asio::cancellation_type::terminal);
  });
}

void TaskContext::follow(const CancelToken& token) {
  if (!token.can_cancel()) return;
  link_.emplace(token, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->cancel();
  });
}

void TaskContext::leave_behind() {
  std::lock_guard lock(core_->mutex);
  if (!is_live_ || is_left_behind_) return;
  is_left_behind_ = true;
  ++core_->left_behind;
  ++core_->left_behind_now;
}

void TaskContext::mark_ended() {
  if (is_left_behind_) --core_->left_behind_now;
  core_->take_out(*this);
  if (is_in_turn_) {  // which has only frames to clean up now
    has_promised_look_ = true;
    core_->promise_look();
  }
  if (core_->live.empty() || core_->waiting_for_room > 0) core_->changed.notify_all();
}

base::Error escaped(TaskContext& context) {
  base::Error error;
  try {
    throw;
  } catch (const boost::system::system_error& thrown) {
    const bool is_cancelled = thrown.code() == asio::error::operation_aborted;
    error = is_cancelled ? cancelled(context.name()) : task_failed(context.name(), thrown.what());
  } catch (const std::exception& thrown) {
    error = task_failed(context.name(), thrown.what());
  } catch (...) {
    error = task_failed(context.name(), "an exception of an unknown type");
  }
  if (error.code != base::Code::Cancelled) context.core().failed.fetch_add(1, std::memory_order_relaxed);
  return error;
}

Turn::Turn(TaskContext& task) noexcept : task_(task) {
  LoopThread* loop = LoopThread::current();
  is_outermost_ = loop != nullptr && !loop->in_turn();
  if (is_outermost_) loop->enter(task.name());
  task_.is_in_turn_ = true;
}

Turn::~Turn() {
  task_.is_in_turn_ = false;
  if (is_outermost_) {
    LoopThread& loop = *LoopThread::current();
    task_.core().note_turn(loop.meter(), loop.leave());
  }
  if (std::exchange(task_.has_promised_look_, false)) task_.core().look_as_promised();
}

asio::execution_context& TaskExecutor::query(asio::execution::context_t) const noexcept { return task_->core_->io; }

}  // namespace sluice::async::detail
