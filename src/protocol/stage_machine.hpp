#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "model/run_plan.hpp"
#include "protocol/effects.hpp"
#include "protocol/events.hpp"

namespace sluice::protocol {

/// What the machine needs to know of a stage.
struct StageRule {
  std::string name;
  model::StageType type = model::StageType::Execute;
  bool optional = false;
  std::optional<base::Nanos> timeout;
  base::Nanos delay_after{0};  ///< a pause before the next stage, after a stage that succeeded
};

/// What the machine needs to know of a run.
struct RunRules {
  std::vector<StageRule> stages;
  std::uint32_t agent_count = 1;
  std::uint64_t errors_max = 100;                 ///< of the whole run; one more spends the budget
  base::Nanos drain_timeout{30'000'000'000};      ///< for operations in flight after a time-out or a spent budget
  base::Nanos interrupt_drain{5'000'000'000};     ///< the same after an interrupt
  base::Nanos force_after_drain{10'000'000'000};  ///< an agent that has not ended by then is given up: abort
};

/// The rules of a plan. A custom stage without timeout gets 600 s; post_prepare_delay follows every prepare stage.
RunRules rules_of(const model::RunPlan& plan, std::uint32_t agent_count = 1);

/// The rules by which a run goes through its stages, for one agent or many; a local run is a fleet of one.
///
/// Stages run in order. A stage ends when every agent has ended it (the barrier); it fails when one of them failed, or
/// when its timeout passed. A failed optional stage leaves a note; any other ends the run, and so do an interrupt, a
/// spent error budget and a log that cannot be written: the running stage is stopped and drained, later stages, cleanup
/// among them, do not run, and a note says what was left behind. An agent that does not end in time is given up.
/// The machine has no clock, thread or log: it is driven by step(), and by next_wakeup() for its timers.
class StageMachine {
 public:
  explicit StageMachine(RunRules rules);

  /// Takes one event at `now` (never earlier than the step before) and appends to `out` what is to be done.
  void step(base::Instant now, const Event& event, Effects& out);

  /// When to call step() with DeadlineTick at the latest; absent while nothing is timed.
  std::optional<base::Instant> next_wakeup() const;

  /// Asserts what must hold between any two steps.
  void check_invariants() const;

  enum class Phase : std::uint8_t { Idle, Running, Stopping, Pausing, Finished };
  Phase phase() const { return phase_; }
  bool finished() const { return phase_ == Phase::Finished; }
  /// The stage that runs, or ran last; while pausing the one before the pause.
  std::uint32_t stage() const { return stage_; }

 private:
  struct Agent {
    bool ready = false;
    bool ended = false;
    std::optional<std::uint64_t> done;  ///< absent until it has said how far it is
    std::optional<std::uint64_t> total;
    std::uint64_t errors = 0;
    std::vector<model::WorkerInfo> workers;
  };
  /// What is known of the stage that runs, or ran last.
  struct StageState {
    base::Instant began;
    base::Instant stop_by = base::Instant::never();   ///< its timeout
    base::Instant force_at = base::Instant::never();  ///< once stopped: when agents are given up
    std::optional<StopReason> stopped;
    model::RunStatus status = model::RunStatus::Running;  ///< once it has ended: how
    std::optional<base::Error> error;                     ///< the first one
    std::int64_t window_ns = 0;
    std::string note, output;
  };

  void on(const Start& event, Effects& out);
  void on(const StageReady& event, Effects& out);
  void on(const StageProgress& event, Effects& out);
  void on(const StageEnded& event, Effects& out);
  void on(const ErrorBudgetSpent& event, Effects& out);
  void on(const Interrupt& event, Effects& out);
  void on(const JournalFailed& event, Effects& out);
  void on(const DeadlineTick& event, Effects& out);
  void serve_timers(Effects& out);

  void begin_stage(std::uint32_t stage, Effects& out);
  void stop_stage(StopReason reason, Effects& out);
  void stop_stage_failed(StopReason reason, base::Error error, Effects& out);
  void end_stage(Effects& out);
  void go_on(Effects& out);
  void spend_budget(std::uint64_t errors, Effects& out);
  void give_up_agents(Effects& out);
  void finish(Effects& out);
  void note(std::string text, Effects& out) const;
  void note_what_did_not_run(Effects& out) const;

  bool in_stage() const { return phase_ == Phase::Running || phase_ == Phase::Stopping; }
  /// The agent that a message is about, where it is about the running stage and the agent still runs it.
  Agent* running_agent(std::uint32_t agent, std::uint32_t stage);
  std::uint32_t agents_left() const;
  std::uint64_t stage_errors() const;
  const StageRule& rule() const { return rules_.stages[stage_]; }
  std::string where_it_is() const;
  std::int64_t since_start() const { return (now_ - started_).count(); }

  RunRules rules_;
  Phase phase_ = Phase::Idle;
  base::Instant now_, started_;
  std::uint32_t stage_ = 0;
  std::vector<Agent> agents_;
  StageState state_;
  base::Instant pause_until_ = base::Instant::never();
  std::uint64_t errors_before_ = 0;  ///< of the stages that have ended
  std::uint32_t stages_begun_ = 0;
  std::uint32_t stages_ended_ = 0;
  bool touched_ = false;              ///< a stage has, or may have, changed something at the target
  int signal_ = 0;                    ///< the first one
  std::optional<base::Error> error_;  ///< of the run: why it failed
};

}  // namespace sluice::protocol
