#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "model/block.hpp"

namespace sluice::protocol {

/// What the stage machine may be told. Agents and stages are indices from 0; what names an agent or a stage that does
/// not run is ignored, so late and repeated messages do no harm.

/// Begin the run: the first stage is started in the same step.
struct Start {};

/// An agent has set the stage up and runs it.
struct StageReady {
  std::uint32_t agent = 0;
  std::uint32_t stage = 0;
  std::vector<model::WorkerInfo> workers;  ///< what drives its operations, and why
};

/// How far an agent is in the running stage; each message replaces that agent's one before.
struct StageProgress {
  std::uint32_t agent = 0;
  std::uint32_t stage = 0;
  std::uint64_t done = 0;
  std::optional<std::uint64_t> total;
  std::uint64_t errors = 0;  ///< failed operations of this stage that count against the error budget
};

/// An agent has ended the stage, by itself or after StopStage, and all its intervals are in its log.
struct StageEnded {
  std::uint32_t agent = 0;
  std::uint32_t stage = 0;
  model::RunStatus status = model::RunStatus::Completed;  ///< Completed, Failed or Interrupted (stopped early)
  std::optional<base::Error> error;                       ///< of a failed one
  std::int64_t window_ns = 0;                             ///< the measured window
  std::string note;
  std::string output;   ///< Custom: the last 64 KiB of what the command printed
  bool touched = true;  ///< false: it ended before it changed anything at the target
};

/// Whoever counts the errors found the run's budget spent; the machine also adds up what StageProgress tells it.
struct ErrorBudgetSpent {
  std::uint32_t stage = 0;
  std::uint64_t errors = 0;
};

/// A signal of the user: the first stops the run cleanly, the second aborts at once.
struct Interrupt {
  int signal = 2;           ///< SIGHUP 1, SIGINT 2, SIGTERM 15
  std::uint32_t count = 1;  ///< how many there have been, this one included
};

/// Results can no longer be written: the run stops, because what it measured from now on would be lost.
struct JournalFailed {
  base::Error error;
};

/// Time has passed next_wakeup(). Timers that are due are also served by every other event.
struct DeadlineTick {};

using Event = std::variant<Start, StageReady, StageProgress, StageEnded, ErrorBudgetSpent, Interrupt, JournalFailed,
                           DeadlineTick>;

}  // namespace sluice::protocol
