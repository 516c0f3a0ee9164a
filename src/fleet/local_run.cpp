#include "fleet/local_run.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/assert.hpp"
#include "base/units.hpp"
#include "protocol/exit_code.hpp"

namespace sluice::fleet {

namespace {

template <class T>
bool holds(const protocol::Effect& effect) {
  return std::holds_alternative<T>(effect);
}

}  // namespace

LocalRun::LocalRun(protocol::RunRules rules, StageHost& host, journal::BlockLog& log, Clock& clock, Options options)
    : machine_(std::move(rules)),
      host_(host),
      log_(log),
      clock_(clock),
      options_(std::move(options)),
      mailbox_(clock) {}

async::Task<Outcome> LocalRun::run() {
  SLUICE_ASSERT(!outcome_);
  began_ = clock_.now();
  SLUICE_CO_CHECK(co_await step(protocol::Start{}));
  while (!outcome_) {
    auto event = co_await mailbox_.take(machine_.next_wakeup().value_or(base::Instant::never()));
    if (!event && event.error().code != base::Code::DeadlineExceeded) co_return base::fail(std::move(event).error());
    SLUICE_CO_CHECK(co_await step(event ? std::move(*event) : protocol::Event(protocol::DeadlineTick{})));
  }
  // The machine does not hear of a log that failed in its last step.
  if (log_error_ && outcome_->status == model::RunStatus::Completed) {
    outcome_ = Outcome{model::RunStatus::Failed, log_error_, protocol::kExitFailed};
  }
  co_return *outcome_;
}

async::Task<> LocalRun::step(const protocol::Event& event) {
  if (options_.on_event) options_.on_event(event);
  protocol::Effects effects;
  machine_.step(clock_.now(), event, effects);
  if (std::ranges::any_of(effects, holds<protocol::AbortNow>)) host_.abort();
  SLUICE_CO_CHECK(co_await make_durable(effects));
  for (const protocol::Effect& effect : effects) send(effect);
  co_return base::Result<void>();
}

/// Errors: Cancelled. A log that fails is no error here: the machine hears of it.
async::Task<> LocalRun::make_durable(const protocol::Effects& effects) {
  if (log_error_ || std::ranges::none_of(effects, holds<protocol::Journal>)) co_return base::Result<void>();
  for (const protocol::Effect& effect : effects) {
    const auto* journal = std::get_if<protocol::Journal>(&effect);
    if (journal == nullptr) continue;
    if (auto appended = log_.append(journal->block); !appended) {
      log_failed(std::move(appended).error());
      co_return base::Result<void>();
    }
  }
  auto synced = co_await log_.sync(async::Deadline::at(clock_.now() + options_.sync_timeout));
  if (synced) co_return base::Result<void>();
  if (synced.error().code == base::Code::Cancelled) co_return synced;
  if (synced.error().code != base::Code::DeadlineExceeded) {
    log_failed(std::move(synced).error());
  } else if (!std::exchange(noted_slow_log_, true)) {
    const model::Note note{.at_ns = (clock_.now() - began_).count(),
                           .text = "the log of results was not durable within " +
                                   base::format_duration(options_.sync_timeout) + "; the run goes on without waiting"};
    if (auto appended = log_.append(note); !appended) log_failed(std::move(appended).error());
  }
  co_return base::Result<void>();
}

void LocalRun::send(const protocol::Effect& effect) {
  if (const auto* start = std::get_if<protocol::RunStage>(&effect)) {
    host_.start_stage(start->stage);
  } else if (const auto* stop = std::get_if<protocol::StopStage>(&effect)) {
    host_.stop_stage(stop->stage, stop->reason, stop->drain_deadline);
  } else if (const auto* finish = std::get_if<protocol::Finish>(&effect)) {
    outcome_ = Outcome{finish->status, finish->error, finish->exit_code};
  }
}

void LocalRun::log_failed(base::Error error) {
  log_error_ = std::move(error);
  post(protocol::JournalFailed{*log_error_});
}

}  // namespace sluice::fleet
