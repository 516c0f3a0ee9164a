#include "protocol/stage_machine.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/assert.hpp"
#include "base/units.hpp"
#include "protocol/exit_code.hpp"
#include "protocol/run_errors.hpp"

namespace sluice::protocol {

namespace {

using model::RunStatus;
using model::StageType;

constexpr base::Nanos kCustomTimeout{600'000'000'000};
constexpr base::Nanos kCustomGrace{15'000'000'000};

/// What several agents say stands line by line, each with its agent; what one says stands as it is.
void add_text(std::string& all, const std::string& text, std::uint32_t agent, std::uint32_t agent_count) {
  if (text.empty()) return;
  if (!all.empty()) all += '\n';
  if (agent_count > 1) all += "agent " + std::to_string(agent) + ": ";
  all += text;
}

}  // namespace

std::string_view name_of(StopReason reason) {
  switch (reason) {
    case StopReason::Interrupted: return "interrupted";
    case StopReason::TimedOut: return "timed out";
    case StopReason::ErrorBudget: return "error budget spent";
    case StopReason::OtherAgentFailed: return "another agent failed";
    case StopReason::JournalFailed: return "results cannot be written";
  }
  return "interrupted";
}

RunRules rules_of(const model::RunPlan& plan, std::uint32_t agent_count) {
  RunRules rules{
      .agent_count = agent_count, .errors_max = plan.errors.max_total_errors, .drain_timeout = plan.drain_timeout};
  for (const model::Stage& stage : plan.stages) {
    StageRule rule{.name = stage.name, .type = stage.type, .optional = stage.optional, .timeout = stage.timeout};
    // A custom stage ends its command itself and says so; the machine's timer is for one that cannot even do that.
    if (stage.type == StageType::Custom) rule.timeout = rule.timeout.value_or(kCustomTimeout) + kCustomGrace;
    if (stage.type == StageType::Prepare) rule.delay_after = plan.prepare.post_prepare_delay;
    rules.stages.push_back(std::move(rule));
  }
  return rules;
}

StageMachine::StageMachine(RunRules rules) : rules_(std::move(rules)), agents_(rules_.agent_count) {
  SLUICE_ASSERT(rules_.agent_count > 0);
}

void StageMachine::step(base::Instant now, const Event& event, Effects& out) {
  now_ = std::max(now_, now);
  if (finished()) return;
  std::visit([&](const auto& e) { on(e, out); }, event);
  serve_timers(out);
}

std::optional<base::Instant> StageMachine::next_wakeup() const {
  switch (phase_) {
    case Phase::Idle:
    case Phase::Finished: return std::nullopt;
    case Phase::Running: return state_.stop_by == base::Instant::never() ? std::nullopt : std::optional(state_.stop_by);
    case Phase::Stopping: return state_.force_at;
    case Phase::Pausing: return pause_until_;
  }
  return std::nullopt;
}

// Events.

void StageMachine::on(const Start&, Effects& out) {
  if (phase_ != Phase::Idle) return;
  started_ = now_;
  if (rules_.stages.empty()) return finish(out);
  begin_stage(0, out);
}

void StageMachine::on(const StageReady& event, Effects& out) {
  Agent* agent = running_agent(event.agent, event.stage);
  if (agent == nullptr || agent->ready) return;
  agent->ready = true;
  agent->workers = event.workers;
  if (!std::ranges::all_of(agents_, &Agent::ready)) return;
  model::StageStarted started{.stage = stage_, .name = rule().name, .type = rule().type};
  started.at_ns = (state_.began - started_).count();
  for (const Agent& a : agents_) started.workers.insert(started.workers.end(), a.workers.begin(), a.workers.end());
  if (!started.workers.empty()) out.emplace_back(Journal{std::move(started)});
}

void StageMachine::on(const StageProgress& event, Effects& out) {
  Agent* agent = running_agent(event.agent, event.stage);
  if (agent == nullptr) return;
  agent->done = event.done;
  agent->total = event.total;
  agent->errors = event.errors;
  if (const std::uint64_t errors = errors_before_ + stage_errors(); errors > rules_.errors_max)
    spend_budget(errors, out);
}

void StageMachine::on(const StageEnded& event, Effects& out) {
  Agent* agent = running_agent(event.agent, event.stage);
  if (agent == nullptr) return;
  agent->ended = true;
  touched_ |= event.touched;
  state_.window_ns = std::max(state_.window_ns, event.window_ns);
  add_text(state_.note, event.note, event.agent, rules_.agent_count);
  add_text(state_.output, event.output, event.agent, rules_.agent_count);
  // A stage that ends short of its end without having been told to has failed, whatever it calls itself.
  const bool failed =
      event.status == RunStatus::Failed || (event.status != RunStatus::Completed && !state_.stopped.has_value());
  if (failed && !state_.error) state_.error = event.error ? *event.error : ended_without_a_reason(where_it_is());
  if (agents_left() == 0) return end_stage(out);
  if (failed && phase_ == Phase::Running) stop_stage(StopReason::OtherAgentFailed, out);
}

void StageMachine::on(const ErrorBudgetSpent& event, Effects& out) {
  if (in_stage() && event.stage == stage_) spend_budget(event.errors, out);
}

void StageMachine::on(const Interrupt& event, Effects& out) {
  const bool again = signal_ != 0 || event.count > 1;
  if (signal_ == 0) signal_ = event.signal;
  if (!in_stage()) return finish(out);
  if (!again) return stop_stage(StopReason::Interrupted, out);
  out.emplace_back(AbortNow{});
  if (!state_.stopped) state_.stopped = StopReason::Interrupted;
  end_stage(out);
}

void StageMachine::on(const JournalFailed& event, Effects& out) {
  if (phase_ == Phase::Running) return stop_stage_failed(StopReason::JournalFailed, event.error, out);
  if (!error_) error_ = event.error;
  if (!in_stage()) finish(out);
}

void StageMachine::on(const DeadlineTick&, Effects&) {}

void StageMachine::serve_timers(Effects& out) {
  for (auto due = next_wakeup(); due && now_ >= *due; due = next_wakeup()) {
    switch (phase_) {
      case Phase::Idle:
      case Phase::Finished: return;
      case Phase::Running:
        stop_stage_failed(StopReason::TimedOut,
                          stage_timed_out(rule().name, rule().timeout.value_or(base::Nanos{0}), where_it_is()), out);
        break;
      case Phase::Stopping: give_up_agents(out); break;
      case Phase::Pausing: begin_stage(stage_ + 1, out); break;
    }
  }
}

// Transitions.

void StageMachine::begin_stage(std::uint32_t stage, Effects& out) {
  phase_ = Phase::Running;
  stage_ = stage;
  ++stages_begun_;
  agents_.assign(rules_.agent_count, {});
  state_ = {.began = now_};
  if (const auto& timeout = rule().timeout) state_.stop_by = now_ + *timeout;
  out.emplace_back(
      Journal{model::StageStarted{.stage = stage_, .name = rule().name, .type = rule().type, .at_ns = since_start()}});
  out.emplace_back(RunStage{stage_});
}

void StageMachine::stop_stage(StopReason reason, Effects& out) {
  const base::Nanos drain = reason == StopReason::Interrupted ? rules_.interrupt_drain : rules_.drain_timeout;
  const base::Instant drained_by = now_ + drain;
  const base::Instant force_at = drained_by + rules_.force_after_drain;
  if (!state_.stopped) state_.stopped = reason;
  phase_ = Phase::Stopping;
  if (force_at >= state_.force_at) return;  // told already, and to hurry more
  state_.force_at = force_at;
  out.emplace_back(StopStage{stage_, reason, drained_by});
}

void StageMachine::stop_stage_failed(StopReason reason, base::Error error, Effects& out) {
  if (!state_.error) state_.error = std::move(error);
  stop_stage(reason, out);
}

void StageMachine::end_stage(Effects& out) {
  const bool interrupted = state_.stopped == StopReason::Interrupted && !state_.error;
  state_.status = state_.error ? RunStatus::Failed : interrupted ? RunStatus::Interrupted : RunStatus::Completed;
  ++stages_ended_;
  touched_ |= agents_left() > 0;  // who has not told may have done anything
  errors_before_ += stage_errors();
  out.emplace_back(Journal{model::StageEnded{.stage = stage_,
                                             .status = state_.status,
                                             .at_ns = since_start(),
                                             .window_ns = state_.window_ns,
                                             .error = state_.error,
                                             .note = state_.note,
                                             .output = state_.output}});
  go_on(out);
}

void StageMachine::go_on(Effects& out) {
  if (state_.status == RunStatus::Failed) {
    // Only a stage's own failure is forgiven: a spent budget and a log that cannot be written concern the whole run.
    const bool own = state_.stopped != StopReason::ErrorBudget && state_.stopped != StopReason::JournalFailed;
    if (rule().optional && own && !error_) {
      const std::string why = state_.error ? ": " + state_.error->what : std::string();
      note("stage '" + rule().name + "' is optional and failed" + why, out);
    } else if (!error_) {
      error_ = state_.error;
    }
  }
  if (error_ || signal_ != 0 || stage_ + 1 == rules_.stages.size()) return finish(out);
  if (state_.status != RunStatus::Completed || rule().delay_after <= base::Nanos{0})
    return begin_stage(stage_ + 1, out);
  phase_ = Phase::Pausing;
  pause_until_ = now_ + rule().delay_after;
  note("waiting " + base::format_duration(rule().delay_after) + " before stage '" + rules_.stages[stage_ + 1].name +
           "' (post_prepare_delay)",
       out);
}

void StageMachine::spend_budget(std::uint64_t errors, Effects& out) {
  if (phase_ != Phase::Running) return;
  stop_stage_failed(StopReason::ErrorBudget, error_budget_spent(errors, rules_.errors_max, where_it_is()), out);
}

void StageMachine::give_up_agents(Effects& out) {
  std::string stuck;
  for (std::size_t i = 0; i < agents_.size(); ++i) {
    if (!agents_[i].ended) stuck += (stuck.empty() ? "" : ", ") + std::to_string(i);
  }
  base::Error error =
      stage_does_not_stop(rule().name, rules_.agent_count > 1 ? "agents " + stuck : "this host", where_it_is());
  if (state_.error) error.chain.push_back(state_.error->what);
  state_.error = error;
  error_ = std::move(error);  // optional or not: nothing can run beside what is stuck
  out.emplace_back(AbortNow{});
  end_stage(out);
}

void StageMachine::finish(Effects& out) {
  note_what_did_not_run(out);
  phase_ = Phase::Finished;
  const Verdict end = verdict({.signal = signal_, .failed = error_.has_value()});
  out.emplace_back(Finish{end.status, error_, end.exit_code});
}

void StageMachine::note(std::string text, Effects& out) const {
  out.emplace_back(Journal{model::Note{.at_ns = since_start(), .text = std::move(text)}});
}

void StageMachine::note_what_did_not_run(Effects& out) const {
  if (stages_begun_ == 0) return;  // nothing was made
  std::string names;
  bool cleanup_left = false;
  for (std::size_t i = stages_begun_; i < rules_.stages.size(); ++i) {
    names += (names.empty() ? "" : ", ") + rules_.stages[i].name;
    cleanup_left |= rules_.stages[i].type == StageType::Cleanup;
  }
  if (!names.empty()) note("stages that did not run: " + names, out);
  constexpr auto kHow = "; `sluice cleanup PLAN` removes it";
  if (cleanup_left && touched_) return note(std::string("what this run made is left where it is") + kHow, out);
  if (rule().type == StageType::Cleanup && state_.status == RunStatus::Failed) {
    // What made it fail is not this run's, perhaps, and cleanup alone would fail as well.
    note("cleanup failed: what it could not remove is left where it is; the error says why", out);
  } else if (rule().type == StageType::Cleanup && state_.status != RunStatus::Completed) {
    note(std::string("cleanup did not finish: a part of what this run made is left where it is") + kHow, out);
  }
}

// What is known.

StageMachine::Agent* StageMachine::running_agent(std::uint32_t agent, std::uint32_t stage) {
  if (!in_stage() || stage != stage_ || agent >= agents_.size() || agents_[agent].ended) return nullptr;
  return &agents_[agent];
}

std::uint32_t StageMachine::agents_left() const {
  return static_cast<std::uint32_t>(std::ranges::count(agents_, false, &Agent::ended));
}

std::uint64_t StageMachine::stage_errors() const {
  return std::accumulate(agents_.begin(), agents_.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Agent& agent) { return sum + agent.errors; });
}

std::string StageMachine::where_it_is() const {
  std::optional<std::uint64_t> done;
  std::optional<std::uint64_t> total = 0;
  for (const Agent& agent : agents_) {
    if (agent.done) done = done.value_or(0) + *agent.done;
    total = total && agent.total ? std::optional(*total + *agent.total) : std::nullopt;
  }
  std::string text = "stage " + std::to_string(stage_ + 1) + " of " + std::to_string(rules_.stages.size()) + ", '" +
                     rule().name + "' (" + std::string(name_of(rule().type)) + "),";
  if (done) text += " " + base::format_count(*done) + (total ? " of " + base::format_count(*total) : "") + " done";
  return text + " after " + base::format_duration(now_ - state_.began);
}

void StageMachine::check_invariants() const {
  SLUICE_ASSERT(agents_.size() == rules_.agent_count);
  SLUICE_ASSERT(stages_begun_ <= rules_.stages.size());
  SLUICE_ASSERT(stages_begun_ == 0 || stage_ + 1 == stages_begun_);
  switch (phase_) {
    case Phase::Idle: SLUICE_ASSERT(stages_begun_ == 0 && stages_ended_ == 0 && signal_ == 0); break;
    case Phase::Running:
      SLUICE_ASSERT(stages_begun_ == stages_ended_ + 1 && agents_left() > 0);
      SLUICE_ASSERT(!state_.stopped && signal_ == 0 && !error_);
      SLUICE_ASSERT(now_ < state_.stop_by);
      break;
    case Phase::Stopping:
      SLUICE_ASSERT(stages_begun_ == stages_ended_ + 1 && agents_left() > 0);
      SLUICE_ASSERT(state_.stopped && now_ < state_.force_at && state_.force_at != base::Instant::never());
      break;
    case Phase::Pausing:
      SLUICE_ASSERT(stages_begun_ == stages_ended_ && stages_begun_ < rules_.stages.size());
      SLUICE_ASSERT(signal_ == 0 && !error_ && now_ < pause_until_);
      break;
    case Phase::Finished: SLUICE_ASSERT(stages_begun_ == stages_ended_ && !next_wakeup()); break;
  }
}

}  // namespace sluice::protocol
