#pragma once

#include <utility>

#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>

#include "async/loop_thread.hpp"

namespace sluice::async {

/// The Asio executor for what runs on the io_context of a LoopThread: its handlers are part of a turn, so one that
/// holds the thread is measured and named. The first handler after a wait begins the turn; the loop ends it on its way
/// into the next wait. On a thread that runs no LoopThread it is the plain executor. Models Asio's execution::executor.
class TurnExecutor {
 public:
  explicit TurnExecutor(boost::asio::io_context& context, bool at_once = true) noexcept
      : context_(&context), at_once_(at_once) {}

  /// Asio asks.
  boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept { return *context_; }
  TurnExecutor require(boost::asio::execution::blocking_t::never_t) const { return TurnExecutor(*context_, false); }
  TurnExecutor require(boost::asio::execution::blocking_t::possibly_t) const { return TurnExecutor(*context_, true); }
  bool operator==(const TurnExecutor&) const noexcept = default;

  /// Runs `function` on the loop: here and now where this is its thread and it may, else later.
  template <class Function>
  void execute(Function&& function) const {
    namespace asio = boost::asio;
    auto in_turn = [call = std::forward<Function>(function)]() mutable {
      LoopThread::begin_turn();
      std::move(call)();
    };
    if (at_once_) {
      context_->get_executor().execute(std::move(in_turn));
    } else {
      asio::require(context_->get_executor(), asio::execution::blocking.never).execute(std::move(in_turn));
    }
  }

 private:
  boost::asio::io_context* context_;  // outlives: the loop's
  bool at_once_;
};

}  // namespace sluice::async
