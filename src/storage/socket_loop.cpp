#include "storage/socket_loop.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "async/turn_executor.hpp"

namespace sluice::storage {

namespace {

/// Turns that may go by without a look at the sockets while stores complete at once.
constexpr int kUnpolledMax = 8;

}  // namespace

struct SocketLoop::Impl {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  int unpolled = 0;
};

SocketLoop::SocketLoop() : impl_(std::make_unique<Impl>()) {}
SocketLoop::~SocketLoop() = default;

async::TurnExecutor SocketLoop::executor() { return async::TurnExecutor(impl_->context); }

void SocketLoop::turn(base::Instant until) {
  if (!completed().empty()) {
    if (++impl_->unpolled < kUnpolledMax) return;
    impl_->unpolled = 0;
    impl_->context.poll();
    return;
  }
  impl_->unpolled = 0;
  if (impl_->context.poll() != 0) return;
  const auto deadline = base::to_chrono(until);
  if (impl_->context.run_one_until(deadline) != 0) impl_->context.poll();
}

void SocketLoop::wake() noexcept {
  boost::asio::post(impl_->context, [] {});
}

}  // namespace sluice::storage
