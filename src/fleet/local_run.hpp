#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/error.hpp"
#include "base/time.hpp"
#include "fleet/clock.hpp"
#include "fleet/mailbox.hpp"
#include "journal/block_log.hpp"
#include "protocol/stage_machine.hpp"

namespace sluice::fleet {

/// What runs stages on this host. Calls come from the task of LocalRun::run(), return at once and never throw; the
/// answers are events given to LocalRun::post() from any thread.
class StageHost {
 public:
  virtual ~StageHost() = default;

  /// Start the stage in the background. Every start is answered, in the end, by one protocol::StageEnded{0, stage}.
  virtual void start_stage(std::uint32_t stage) = 0;
  /// Start no further operation, wait for those in flight until the deadline, then post StageEnded.
  virtual void stop_stage(std::uint32_t stage, protocol::StopReason reason, base::Instant drain_deadline) = 0;
  /// Drop everything at once; nothing is awaited.
  virtual void abort() = 0;
};

/// How a run ended. Thresholds are not judged yet.
struct Outcome {
  model::RunStatus status = model::RunStatus::Completed;
  std::optional<base::Error> error;
  int exit_code = 0;
};

/// A run on this host: gives the stage machine a clock, a log and a host to run its stages on.
///
/// run() is a task that lasts as long as the run: it takes events from the mailbox or wakes for the machine's timer,
/// steps the machine, appends the step's blocks to the log and waits for them to be durable, and only then calls the
/// host. Two exceptions: an abort waits for nothing, and a log that is only slow (sync_timeout) is noted and not waited
/// for longer. A log that fails ends the run, as failed.
class LocalRun {
 public:
  struct Options {
    base::Nanos sync_timeout{2'000'000'000};
    std::function<void(const protocol::Event&)> on_event;  ///< sees every event before it is taken; for the display
  };

  /// outlives: host, log and clock outlive this.
  LocalRun(protocol::RunRules rules, StageHost& host, journal::BlockLog& log, Clock& clock, Options options);
  LocalRun(protocol::RunRules rules, StageHost& host, journal::BlockLog& log, Clock& clock)
      : LocalRun(std::move(rules), host, log, clock, Options{}) {}

  /// Hands over an event: any thread, before, during and after run(); never waits for the disk or a stage. Not for
  /// signal handlers. Progress is dropped when the mailbox is full; nothing else ever is.
  void post(protocol::Event event) { mailbox_.post(std::move(event)); }

  /// Each event that waits for run() holds one: for StallWatch, which tells of a driver that does not come to them.
  const async::Permits& room_of_events() const { return mailbox_.room(); }

  /// Runs all stages. To be called once. Errors: Cancelled; a run is ended by an Interrupt, which has an Outcome.
  async::Task<Outcome> run();

 private:
  async::Task<> step(const protocol::Event& event);
  async::Task<> make_durable(const protocol::Effects& effects);
  void send(const protocol::Effect& effect);
  void log_failed(base::Error error);

  protocol::StageMachine machine_;
  StageHost& host_;
  journal::BlockLog& log_;
  Clock& clock_;
  Options options_;
  Mailbox mailbox_;
  base::Instant began_;
  std::optional<base::Error> log_error_;
  bool noted_slow_log_ = false;
  std::optional<Outcome> outcome_;
};

}  // namespace sluice::fleet
