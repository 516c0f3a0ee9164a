#pragma once

#include <cstddef>

#include "async/channel.hpp"
#include "base/time.hpp"
#include "fleet/clock.hpp"
#include "protocol/events.hpp"

namespace sluice::fleet {

/// Events on their way to one reader, in order. Any thread posts, one task takes. post() waits for nothing.
class Mailbox {
 public:
  /// Progress beyond this many waiting events is dropped (and replaced by later progress soon).
  static constexpr std::size_t kProgressMax = 4096;
  /// All other events are few by nature: a handful for each stage and signal. They have this much room of their own.
  static constexpr std::size_t kOthersMax = 65'536;

  explicit Mailbox(Clock& clock) : clock_(clock), events_(kProgressMax + kOthersMax, "events of the run") {}

  /// Puts an event behind those that wait and wakes the reader. Drops progress where kProgressMax events wait already.
  void post(protocol::Event event);

  /// The next event. Errors: DeadlineExceeded (`until` came first), Cancelled.
  async::Task<protocol::Event> take(base::Instant until) { return clock_.receive(events_, until); }

  /// Each event that waits holds one: for StallWatch.
  const async::Permits& room() const { return events_.room(); }

 private:
  Clock& clock_;  // outlives: the driver owns both
  async::Channel<protocol::Event> events_;
};

}  // namespace sluice::fleet
