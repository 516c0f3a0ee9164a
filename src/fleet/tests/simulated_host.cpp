#include "fleet/tests/simulated_host.hpp"

#include <stdexcept>
#include <utility>
#include <variant>

namespace sluice::fleet {

namespace {

base::Nanos seconds_of(double seconds) { return base::Nanos{static_cast<std::int64_t>(seconds * 1e9)}; }

}  // namespace

async::Task<protocol::Event> SimulatedHost::receive(async::Channel<protocol::Event>& events, base::Instant until) {
  while (events.size() == 0 && now_ < until) {
    if (planned_.empty() || planned_.begin()->first > until) {
      if (until == base::Instant::never()) throw std::runtime_error("the run waits for ever");
      now_ = until;
      break;
    }
    auto next = planned_.extract(planned_.begin());
    now_ = std::max(now_, next.key());
    next.mapped()();
  }
  // Simulated time is up to now_, so what is not there yet does not come.
  co_return co_await events.receive(async::Deadline::at({0}));
}

void SimulatedHost::start_stage(std::uint32_t stage) {
  calls.push_back("start " + std::to_string(stage));
  const auto found = stages_.find(stage);
  if (found == stages_.end()) return;
  plan_at(now_ + seconds_of(found->second.first), [this, ended = found->second.second] { run->post(ended); });
}

void SimulatedHost::stop_stage(std::uint32_t stage, protocol::StopReason reason, base::Instant drain_deadline) {
  calls.push_back("stop " + std::to_string(stage) + " " + std::string(name_of(reason)) + " until " +
                  std::to_string(drain_deadline.ns / 1'000'000'000));
  if (stops_after_s < 0) return;
  plan_at(now_ + seconds_of(stops_after_s),
          [this, stage] { run->post(protocol::StageEnded{.stage = stage, .status = model::RunStatus::Interrupted}); });
}

base::Result<void> SimulatedHost::append(const model::Block& block) {
  if (append_error) return base::fail(*append_error);
  if (const auto* started = std::get_if<model::StageStarted>(&block)) {
    calls.push_back("append started " + std::to_string(started->stage));
  } else if (const auto* ended = std::get_if<model::StageEnded>(&block)) {
    calls.push_back("append ended " + std::to_string(ended->stage) + " " + std::string(name_of(ended->status)));
  } else if (const auto* note = std::get_if<model::Note>(&block)) {
    calls.push_back("append note");
    notes.push_back(note->text);
  }
  return {};
}

async::Task<> SimulatedHost::sync(async::Deadline deadline) {
  calls.push_back("sync");
  if (!sync_error) co_return base::Result<void>();
  if (sync_error->code == base::Code::DeadlineExceeded) now_ = std::max(now_, deadline.when());
  co_return base::fail(*sync_error);
}

void SimulatedHost::plan(double seconds, std::function<void()> action) {
  plan_at({seconds_of(seconds).count()}, std::move(action));
}

void SimulatedHost::plan_stage(std::uint32_t stage, double lasts_s, protocol::StageEnded ended) {
  ended.stage = stage;
  stages_[stage] = {lasts_s, std::move(ended)};
}

}  // namespace sluice::fleet
