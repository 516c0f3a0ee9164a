#include "protocol/exit_code.hpp"

#include <csignal>

namespace sluice::protocol {

namespace {

int exit_code_of(int signal) {
  switch (signal) {
    case SIGHUP: return kExitHungUp;
    case SIGTERM: return kExitTerminated;
    default: return kExitInterrupted;
  }
}

}  // namespace

Verdict verdict(const RunFacts& facts) {
  using model::RunStatus;
  if (facts.signal != 0) return {RunStatus::Interrupted, exit_code_of(facts.signal)};
  if (facts.bad_usage) return {RunStatus::Failed, kExitBadUsage};
  if (facts.failed) return {RunStatus::Failed, kExitFailed};
  if (facts.host_lost) return {RunStatus::Partial, kExitHostLost};
  if (facts.threshold_missed) return {RunStatus::ThresholdMissed, kExitThresholdMissed};
  return {RunStatus::Completed, kExitDone};
}

}  // namespace sluice::protocol
