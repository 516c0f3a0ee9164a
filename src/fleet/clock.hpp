#pragma once

#include "async/channel.hpp"
#include "base/time.hpp"
#include "protocol/events.hpp"

namespace sluice::fleet {

/// The time of a run and the one way to wait for what happens in it, so that tests can run hours of it in no time.
class Clock {
 public:
  virtual ~Clock() = default;
  /// The present, on the clock of every deadline. Any thread.
  virtual base::Instant now() = 0;
  /// The next event. Errors: DeadlineExceeded (`until` came first; Instant::never(): it does not), Cancelled.
  virtual async::Task<protocol::Event> receive(async::Channel<protocol::Event>& events, base::Instant until) = 0;
};

/// CLOCK_MONOTONIC.
class SystemClock final : public Clock {
 public:
  base::Instant now() override;
  async::Task<protocol::Event> receive(async::Channel<protocol::Event>& events, base::Instant until) override;
};

}  // namespace sluice::fleet
