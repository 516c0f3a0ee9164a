#pragma once

#include <cstdint>
#include <memory>

#include <boost/asio/awaitable.hpp>

#include "async/deadline.hpp"

namespace sluice::async {

namespace detail {
struct WaitState;
}

/// How a wait ended.
enum class Wake : std::uint8_t { Woken, Expired, Cancelled };

/// Ends the wait of one WaitPoint; a cheap copy that may outlive it. Any thread, at any time, also before the wait.
class Waker {
 public:
  /// False where the wait had ended before, by another wake, its deadline or its cancellation: then whatever was to be
  /// handed over with this wake is still the caller's.
  bool wake() const;

 private:
  friend class WaitPoint;
  // shared because the one who wakes may come after the one who waited has gone
  explicit Waker(std::shared_ptr<detail::WaitState> state) : state_(std::move(state)) {}
  // shared because the one who wakes may come after the one who waited has gone
  std::shared_ptr<detail::WaitState> state_;
};

/// Where a task waits for one event of another thread: the one leaf that permits, channels, pools and handles of this
/// folder wait on. Exactly one of wake, deadline and cancellation ends it, and all see which. Used once.
class WaitPoint {
 public:
  WaitPoint();

  Waker waker() const { return Waker(state_); }

  /// Suspends the task until the first of the three; at once where that was before. `shielded`: the task's own
  /// cancellation does not end it; only for waits whose deadline is short. At most one task waits, once.
  boost::asio::awaitable<Wake> wait(Deadline deadline, bool shielded = false);

 private:
  // shared because the one who wakes may come after the one who waited has gone
  std::shared_ptr<detail::WaitState> state_;
};

}  // namespace sluice::async
