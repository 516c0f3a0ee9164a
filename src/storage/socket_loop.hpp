#pragma once

#include <memory>

#include "storage/store.hpp"

namespace sluice::async {
class TurnExecutor;
}

namespace sluice::storage {

/// The loop of socket workers: an Asio io_context of their own, run on the worker's thread only. Stores that complete
/// at once are not made to wait for it: the loop is polled at least every 8 turns, so sockets and timers never starve.
class SocketLoop final : public Loop {
 public:
  SocketLoop();
  ~SocketLoop() override;

  void turn(base::Instant until) override;
  void wake() noexcept override;

  /// For the sockets and timers of its stores: their handlers run in turns of the worker's LoopThread.
  async::TurnExecutor executor();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::storage
