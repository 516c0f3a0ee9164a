#pragma once

#include "model/block.hpp"

namespace sluice::protocol {

/// What can be true of a run at its end; several at once.
struct RunFacts {
  int signal = 0;          ///< the first signal that stopped it (SIGHUP 1, SIGINT 2, SIGTERM 15); 0: none
  bool bad_usage = false;  ///< options or plan were refused
  bool failed = false;
  bool host_lost = false;         ///< finished, but without an agent that it began with
  bool threshold_missed = false;  ///< or a comparison is worse
};

/// How a run ended, for its results and for the shell.
struct Verdict {
  model::RunStatus status = model::RunStatus::Completed;
  int exit_code = 0;
};

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitBadUsage = 2;
inline constexpr int kExitThresholdMissed = 3;
inline constexpr int kExitHostLost = 4;
inline constexpr int kExitHungUp = 129;
inline constexpr int kExitInterrupted = 130;
inline constexpr int kExitTerminated = 143;

/// The status and exit code of a run. Where several facts hold the order is: signal (129 for SIGHUP, 143 for
/// SIGTERM, else 130), bad usage 2, failed 1, host lost 4, threshold missed 3. None: completed, 0.
Verdict verdict(const RunFacts& facts);

}  // namespace sluice::protocol
