#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "async/cancel.hpp"
#include "async/deadline.hpp"
#include "async/errors.hpp"
#include "async/task.hpp"
#include "async/wait_point.hpp"
#include "base/assert.hpp"

namespace sluice::async {

/// The bounds of a pool.
struct BlockingPoolOptions {
  std::uint32_t threads_max = 0;         ///< calls that run at once; 0: two for each core and four more
  std::size_t queue_max = 1024;          ///< calls that wait for a thread
  std::uint32_t abandoned_max = 16;      ///< calls that outlived their deadline and still run
  base::Nanos idle_max{10'000'000'000};  ///< a thread without work for so long ends
  std::string name = "blocking";         ///< of the threads while they have no call; else they have the call's
};

/// What a pool is doing, and has done.
struct BlockingPoolStats {
  std::uint32_t threads = 0;
  std::size_t queued = 0, queue_high_water = 0;
  std::uint32_t running = 0;
  std::uint32_t abandoned_now = 0;                     ///< calls that outlived their deadline and still run
  std::uint64_t abandoned = 0;                         ///< all that ever did
  base::Nanos queue_wait_max{0}, queue_wait_total{0};  ///< of calls, for a thread
};

namespace detail {

/// One call, whatever it returns. Shared by the one who waits and the thread that runs it.
class BlockingCall {
 public:
  explicit BlockingCall(std::string name) : name_(std::move(name)) {}
  virtual ~BlockingCall() = default;
  BlockingCall(const BlockingCall&) = delete;
  BlockingCall& operator=(const BlockingCall&) = delete;

  /// The function itself, on a thread of the pool; throws nothing.
  virtual void run() = 0;
  /// Instead of run(): the pool has stopped.
  virtual void refuse(base::Error error) = 0;

  const std::string& name() const { return name_; }
  WaitPoint& end() { return end_; }
  CancelSource& cancel() { return cancel_; }

 private:
  friend class BlockingCore;
  enum class State : std::uint8_t { Queued, Running, Ended, Abandoned };

  const std::string name_;
  WaitPoint end_;
  CancelSource cancel_;
  State state_ = State::Queued;  ///< under the core's mutex
  base::Instant since_;          ///< of the present state
};

class BlockingCore;
// shared because a call may outlive the one who waits for it, and the pool
base::Result<void> submit(const std::shared_ptr<BlockingCore>& core, std::shared_ptr<BlockingCall> call);
void abandon(BlockingCore& core, BlockingCall& call);

/// T for T and for Result<T>.
template <class T>
struct result_value {
  using type = T;
};
/// T for T and for Result<T>.
template <class T>
struct result_value<base::Result<T>> {
  using type = T;
};

/// A call with its function and, when it has ended, its result.
template <class Function, class T>
class TypedCall final : public BlockingCall {
 public:
  TypedCall(std::string name, Function function) : BlockingCall(std::move(name)), function_(std::move(function)) {}

  void run() override {
    try {
      if constexpr (std::invocable<Function&, const CancelToken&>) {
        keep([this] { return function_(cancel().token()); });
      } else {
        keep([this] { return function_(); });
      }
    } catch (const std::exception& thrown) {
      result_.emplace(base::fail(task_failed(name(), thrown.what())));
    }
  }
  void refuse(base::Error error) override { result_.emplace(base::fail(std::move(error))); }
  /// Once, when it has ended.
  base::Result<T> take() {
    SLUICE_ASSERT(result_.has_value());
    return std::move(*result_);
  }

 private:
  template <class Call>
  void keep(Call call) {
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      result_.emplace();
    } else {
      result_.emplace(call());
    }
  }

  Function function_;
  std::optional<base::Result<T>> result_;
};

template <class Function>
auto call_with_token(Function& function) {
  if constexpr (std::invocable<Function&, const CancelToken&>) {
    return function(CancelToken());
  } else {
    return function();
  }
}
template <class Function>
using call_value = typename result_value<decltype(call_with_token(std::declval<Function&>()))>::type;

}  // namespace detail

/// Threads for calls that may block: directory walks, fsync, name look-ups, anything in a library that may wait. Grows
/// on demand up to threads_max and shrinks when idle; first come, first served.
///
/// A deadline bounds the caller. At the deadline, or when the calling task is cancelled, the caller goes on; a call
/// that had not begun never runs; one that runs is abandoned: it is told by its CancelToken, its result is dropped when
/// it comes, what it works on is its own and never used again, and it counts against abandoned_max until it returns. It
/// no longer counts against threads_max: the next call is not kept waiting by it. Any thread.
class BlockingPool {
 public:
  using Options = BlockingPoolOptions;

  explicit BlockingPool(Options options);
  /// stop() with one second.
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// Runs `function()` or `function(const CancelToken&)`, which returns T or Result<T>, and owns what it touches.
  /// `name` stands in errors. Errors: the function's; Internal (it threw); DeadlineExceeded; Cancelled;
  /// ResourceExhausted (a full queue, or abandoned_max calls, which are named); Terminated (stopped).
  template <class Function>
  Task<detail::call_value<Function>> run(std::string name, Function function, Deadline deadline) {
    return run_in(core_, std::move(name), std::move(function), deadline);
  }

  /// Hands the call over and goes on, for threads that run no task: the function says itself that it has ended. Nobody
  /// abandons it and its result is dropped. Errors: ResourceExhausted and Terminated, as above.
  template <class Function>
  base::Result<void> begin(std::string name, Function function) {
    using Call = detail::TypedCall<Function, detail::call_value<Function>>;
    // shared because a call may outlive the pool
    return detail::submit(core_, std::make_shared<Call>(std::move(name), std::move(function)));
  }

  /// Refuses what is new, drops what has not begun, waits for what runs. Returns the names of the calls that still run
  /// at the deadline: their threads are left to the process. Idempotent.
  std::vector<std::string> stop(Deadline deadline);

  BlockingPoolStats stats() const;

 private:
  template <class Function, class T = detail::call_value<Function>>
  // shared because a call may outlive the one who waits for it, and the pool
  static Task<T> run_in(std::shared_ptr<detail::BlockingCore> core, std::string name, Function function,
                        Deadline deadline) {
    const base::Instant began = base::now();
    // shared because a call may outlive the one who waits for it
    const auto call = std::make_shared<detail::TypedCall<Function, T>>(std::move(name), std::move(function));
    SLUICE_CO_CHECK(detail::submit(core, call));
    const Wake wake = co_await call->end().wait(deadline);
    if (wake == Wake::Woken) co_return call->take();
    detail::abandon(*core, *call);
    co_return base::fail(wake == Wake::Cancelled ? cancelled(call->name())
                                                 : deadline_exceeded(call->name(), base::now() - began));
  }

  // shared because threads that were abandoned outlive this object
  const std::shared_ptr<detail::BlockingCore> core_;
};

}  // namespace sluice::async
