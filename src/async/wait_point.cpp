#include "async/wait_point.hpp"

#include <atomic>
#include <optional>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/assert.hpp"

namespace sluice::async {

namespace asio = boost::asio;

namespace {
using Handler = asio::async_result<asio::use_awaitable_t<>, void()>::handler_type;
constexpr int kOpen = -1;

}  // namespace

/// Two parties meet here: the one that ends the wait (it wins `outcome`), and the task that parks. Whoever comes
/// second resumes the task, so neither has to wait for the other.
struct detail::WaitState {
  std::atomic<int> outcome{kOpen};
  std::atomic<int> arrived{0};
  std::optional<Handler> handler;           ///< written by the task before it arrives
  std::optional<asio::steady_timer> timer;  ///< the task's own

  bool finish(Wake how) {
    int open = kOpen;
    if (!outcome.compare_exchange_strong(open, static_cast<int>(how), std::memory_order_acq_rel)) return false;
    arrive();
    return true;
  }

  void arrive() {
    if (arrived.fetch_add(1, std::memory_order_acq_rel) == 0) return;
    SLUICE_ASSERT(handler.has_value());
    Handler parked = std::move(*handler);
    handler.reset();
    const asio::any_io_executor executor = parked.get_executor();
    asio::post(executor, std::move(parked));
  }
};

bool Waker::wake() const { return state_->finish(Wake::Woken); }

WaitPoint::WaitPoint() : state_(std::make_shared<detail::WaitState>()) {}

asio::awaitable<Wake> WaitPoint::wait(Deadline deadline, bool shielded) {
  const auto state = state_;  // this object may be gone when the wait ends
  const bool is_cancelled =
      !shielded && (co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none;
  if (is_cancelled) state->finish(Wake::Cancelled);
  if (deadline.has_passed()) state->finish(Wake::Expired);
  if (state->outcome.load(std::memory_order_acquire) == kOpen) {
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [state, deadline, shielded](Handler handler) {
          const asio::cancellation_slot slot = handler.get_cancellation_slot();
          if (slot.is_connected() && !shielded) {
            asio::cancellation_slot(slot).assign([state](asio::cancellation_type) { state->finish(Wake::Cancelled); });
          }
          if (!deadline.is_never()) {
            state->timer.emplace(handler.get_executor(), base::to_chrono(deadline.when()));
            state->timer->async_wait([state](const boost::system::error_code& stopped) {
              if (!stopped) state->finish(Wake::Expired);
            });
          }
          state->handler.emplace(std::move(handler));
          state->arrive();
        },
        asio::use_awaitable);
    state->timer.reset();
  }
  co_return static_cast<Wake>(state->outcome.load(std::memory_order_acquire));
}

}  // namespace sluice::async
