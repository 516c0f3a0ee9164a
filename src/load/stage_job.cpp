#include "load/stage_job.hpp"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "base/units.hpp"

namespace sluice::load {

namespace {

/// Where the op-log has held a worker back for a thousandth of the time, the results say so.
constexpr int kHoldToldOneIn = 1000;

StageClock clock_from(const RunContext& context) {
  StageClock clock;
  clock.run_start = context.started;
  clock.start = base::now();
  clock.begin = clock.measure_from = clock.start;
  clock.interval = context.plan.perf_interval;
  return clock;
}

/// Sync workers do whole objects and names best, unless a store completes them later and needs a loop for that.
storage::WorkerChoice choose_for_ranges(RunContext& context, const std::set<std::uint32_t>& stores) {
  const std::vector<storage::Backend*> backends = context.targets.backends();
  for (const std::uint32_t store : stores) {
    storage::WorkerChoice choice = backends[store]->choose_worker({.in_flight = context.plan.concurrency});
    if (choice.kind == storage::WorkerKind::Socket) return choice;
  }
  return {storage::WorkerKind::Sync, "whole files and metadata: direct system calls, a thread an operation"};
}

}  // namespace

std::uint32_t loop_workers_of(const model::RunPlan& plan) {
  return plan.workers != 0 ? plan.workers : std::max(1U, std::thread::hardware_concurrency());
}

// shared because an abandoned operation may still touch the context
StageJob::StageJob(std::shared_ptr<RunContext> context, const model::Stage& stage, std::uint32_t index,
                   StageControl& control, ReadyCall ready)
    : context_(std::move(context)),
      stage_(stage),
      index_(index),
      control_(control),
      ready_(std::move(ready)),
      clock_(clock_from(*context_)),
      collector_(index, clock_, context_->sink, context_->activity.progress, context_->party_seq) {}

void StageJob::begin_activity(std::string what, std::string unit, std::uint64_t total) {
  context_->activity.set(std::move(what), std::move(unit));
  context_->activity.progress.start(total);
}

void StageJob::tell_ready(std::vector<model::WorkerInfo> workers) {
  if (ready_) ready_(std::move(workers));
  ready_ = nullptr;
}

// shared because an abandoned worker keeps its pass alive
std::shared_ptr<PassShared> StageJob::make_shared(std::uint32_t workers, const std::set<std::uint32_t>& stores) {
  auto shared = std::make_shared<PassShared>(workers);
  shared->backends = context_->targets.backends();
  for (std::uint32_t i = 0; i < shared->backends.size(); ++i) {
    if (!stores.contains(i)) shared->backends[i] = nullptr;
  }
  shared->store_options.page_cache = context_->plan.page_cache_mode;
  shared->store_options.cancel = control_.token();
  shared->budget = &context_->budget;
  shared->seed = context_->plan.seed;
  shared->progress = &context_->activity.progress;
  shared->stall_watch = context_->stall_watch.get();
  shared->clock = clock_;
  shared->keeps_operations = context_->operations != nullptr;
  shared->keep_alive = context_;
  return shared;
}

base::Result<PassOutcome> StageJob::run(PassSpec spec, const std::string& why) {
  spec.cpus = context_->plan.cpus;
  spec.drain_timeout = context_->plan.drain_timeout;
  spec.operations = context_->operations;
  spec.stage = index_;
  tell_ready(
      {{.kind = std::string(name_of(spec.kind)), .threads = spec.workers, .in_flight = spec.in_flight, .why = why}});
  SLUICE_TRY(PassOutcome outcome, run_pass(std::move(spec), collector_, control_));
  context_->max_hold_ns = std::max(context_->max_hold_ns, outcome.max_hold_ns);
  context_->max_preempted_ns = std::max(context_->max_preempted_ns, outcome.max_preempted_ns);
  context_->holds.merge(outcome.holds);
  context_->abandoned += outcome.abandoned;
  if (outcome.held_by_op_log > outcome.window / kHoldToldOneIn) {
    context_->note(
        fmt::format("the op-log could not take operations as fast as they came: the worker that waited most "
                    "waited {}, so these rates are no measure of the storage",
                    base::format_duration(outcome.held_by_op_log)));
  }
  if (outcome.abandoned > 0) {
    context_->note(
        fmt::format("{} operations had not returned when the time to wait for them was over, and were given up",
                    outcome.abandoned));
  }
  return outcome;
}

base::Result<StageJob::RangeOutcome> StageJob::run_ranges(RangePass pass) {
  std::set<std::uint32_t> stores;
  for (const Lane& lane : pass.lanes) stores.insert(lane.store);
  const storage::WorkerChoice choice = choose_for_ranges(*context_, stores);
  const Crew crew = crew_for(choice.kind, context_->plan.concurrency, loop_workers_of(context_->plan));
  auto work =
      std::make_shared<RangeWork>(std::move(pass.lanes), crew.in_flight);  // shared because workers may be abandoned
  begin_activity(std::move(pass.what), std::move(pass.unit), work->total());

  std::shared_ptr<PassShared> shared = make_shared(crew.workers, stores);  // shared because workers may be abandoned
  shared->counts_errors = pass.counts_errors;
  for (std::size_t i = 0; i < work->lanes(); ++i) {
    const Lane& lane = work->lane(i);
    if (lane.kind == model::OpKind::Put)
      shared->out_bytes = std::max(shared->out_bytes, std::min(kPieceMax, lane.size_max));
  }
  PassSpec spec;
  spec.shared = std::move(shared);
  spec.is_part = true;
  spec.kind = choice.kind;
  spec.workers = crew.workers;
  spec.in_flight = crew.in_flight;
  spec.make_source = [work](std::uint32_t, std::uint32_t) { return std::make_unique<RangeSource>(work); };
  if (pass.on_tick) spec.on_tick = [&] { pass.on_tick(*work); };
  SLUICE_TRY(PassOutcome outcome, run(std::move(spec), choice.why));
  if (outcome.abandoned > 0 && !outcome.stopped) return base::fail(given_up(outcome.abandoned));
  return RangeOutcome{std::move(work), std::move(outcome)};
}

StageResult StageJob::interrupted(std::int64_t window_ns) const {
  return {.status = model::RunStatus::Interrupted, .window_ns = window_ns};
}

base::Error StageJob::given_up(std::uint32_t operations) const {
  base::Error error{.code = base::Code::DeadlineExceeded,
                    .what = fmt::format("{} did not return within the drain timeout",
                                        operations == 1 ? "an operation" : fmt::format("{} operations", operations)),
                    .where = context_->plan.target};
  return std::move(error)
      .add_likely("the storage does not answer: a hung mount, a dead server")
      .add_try("ps -eLo state,wchan:32,comm | grep '^D': what do they wait for?");
}

StageResult StageJob::failed(base::Error error, std::int64_t window_ns) {
  return {.status = model::RunStatus::Failed, .error = std::move(error), .window_ns = window_ns};
}

}  // namespace sluice::load
