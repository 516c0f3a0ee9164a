#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace sluice::async {

/// What is bounded and can be waited for.
struct BoundedPlace {
  enum class Kind : std::uint8_t {
    Values,   ///< a queue
    Starts,   ///< loops that never block: a task that comes is started at once
    Threads,  ///< a queue of calls, each of which holds a thread until it ends
    Permits,
  };
  std::string name;
  Kind kind = Kind::Values;
  unsigned holds = 1;    ///< values or calls that wait; permits
  unsigned threads = 0;  ///< of Threads
};

/// One step of a party.
struct PartyStep {
  enum class Verb : std::uint8_t {
    Put,
    Send,
    Take,
    Flush,
    Begin,
    Call,
    Await,
    Join,
    Acquire,
    Release,
    Outside,
    Again,
    Until
  };
  Verb verb{};
  unsigned place = 0;       ///< by index
  unsigned job = 0;         ///< Begin, Call, Await, Join: a party, by index
  unsigned value = 0;       ///< Put, Send, Until
  unsigned target = 0;      ///< Again, Until: the step to go back to; Acquire: the one after its release
  bool is_bounded = false;  ///< it has a deadline, and goes on then
  bool is_outside = false;  ///< it may never come
  std::string text;         ///< as it was written
};

/// Who waits: a thread, a task, or a call.
struct WaitingParty {
  enum class Kind : std::uint8_t {
    Thread,   ///< there from the start, and has to come to its end
    Service,  ///< there from the start, does its steps again and again, and is left to the process
    Job,      ///< begun or called by others
  };
  std::string name;
  Kind kind = Kind::Thread;
  std::vector<PartyStep> steps;
};

/// The bounded places of a program and the parties that wait at them.
struct Topology {
  std::vector<BoundedPlace> places;
  std::vector<WaitingParty> parties;
  std::vector<std::string> values;  ///< 0 is no value in particular
};

/// Reads the tables of a text: rows of `name` and of what it holds, rows of `name` and of its steps; docs/async.md says
/// how these are written. Errors: InvalidArgument, with the row.
base::Result<Topology> read_topology(std::string_view markdown);

}  // namespace sluice::async
