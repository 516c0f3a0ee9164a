#include "fleet/clock.hpp"

namespace sluice::fleet {

base::Instant SystemClock::now() { return base::now(); }

async::Task<protocol::Event> SystemClock::receive(async::Channel<protocol::Event>& events, base::Instant until) {
  return events.receive(async::Deadline::at(until));
}

}  // namespace sluice::fleet
