#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fleet/clock.hpp"
#include "fleet/local_run.hpp"
#include "journal/block_log.hpp"

namespace sluice::fleet {

/// Clock, host and log of a run in a test, in its one task: waiting moves the time to the next thing that is planned.
/// `calls` tells what the run did, in order.
class SimulatedHost final : public Clock, public StageHost, public journal::BlockLog {
 public:
  // Clock. Waiting for ever with nothing planned throws: the run would hang.
  base::Instant now() override { return now_; }
  async::Task<protocol::Event> receive(async::Channel<protocol::Event>& events, base::Instant until) override;

  // StageHost.
  void start_stage(std::uint32_t stage) override;
  void stop_stage(std::uint32_t stage, protocol::StopReason reason, base::Instant drain_deadline) override;
  void abort() override { calls.push_back("abort"); }

  // BlockLog.
  base::Result<void> append(const model::Block& block) override;
  async::Task<> sync(async::Deadline deadline) override;

  /// Runs `action` when the time has come to `seconds` after the beginning.
  void plan(double seconds, std::function<void()> action);
  /// The stage answers with `ended` this long after its start; without a plan never.
  void plan_stage(std::uint32_t stage, double lasts_s, protocol::StageEnded ended = {});

  LocalRun* run = nullptr;
  std::vector<std::string> calls;
  std::vector<std::string> notes;
  std::optional<base::Error> append_error;  ///< from now on
  std::optional<base::Error> sync_error;    ///< from now on
  double stops_after_s = 1;                 ///< a stopped stage ends this long after; negative: never

 private:
  void plan_at(base::Instant at, std::function<void()> action) { planned_.emplace(at, std::move(action)); }

  base::Instant now_;
  std::multimap<base::Instant, std::function<void()>> planned_;
  std::map<std::uint32_t, std::pair<double, protocol::StageEnded>> stages_;
};

}  // namespace sluice::fleet
