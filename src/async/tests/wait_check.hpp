#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "async/tests/topology.hpp"

namespace sluice::async {

/// What check_waits() found.
struct WaitVerdict {
  std::size_t states = 0;  ///< that were looked at: all that can be reached
  /// Empty: from every state all parties can come to their end, whatever the outside does or does not do. Else the
  /// state that is reached first from which they cannot: the cycle of waits, or all waits, and the steps that led
  /// there.
  std::string problem;
  std::vector<std::string> broken_rules;  ///< permits that are held across a wait without a bound
};

/// Explores every interleaving of the parties' steps. A wait with a bound can always end; a step outside may never
/// come. More than `states_max` states are a problem, too.
WaitVerdict check_waits(const Topology& topology, std::size_t states_max = 1'000'000);

}  // namespace sluice::async
