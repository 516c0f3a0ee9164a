#pragma once

#include <memory>
#include <optional>
#include <string>

#include "journal/postgres/connection.hpp"

namespace sluice::journal::postgres {

/// What libpq is given in place of a list of names: the three lists are of one length.
struct HostList {
  std::string hosts, addresses, ports;
};

/// All addresses of the hosts, in the order in which they are tried. libpq would ask the system's resolver itself, and
/// wait for it without a bound; here a question that gets no answer is left alone, is counted, and ends by itself.
/// Nothing where no name has to be looked up: for addresses, sockets' folders, and where the URI says `hostaddr`.
/// Errors: Unavailable (no such name), ResourceExhausted (kLeftMax questions go on), DeadlineExceeded, Cancelled.
base::Result<std::optional<HostList>> look_up(const ServerAddress& address, const LookupsPtr& lookups,
                                              const Call& call);

}  // namespace sluice::journal::postgres
