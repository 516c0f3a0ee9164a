#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/random.hpp"
#include "base/units.hpp"
#include "load/mix_plan.hpp"
#include "load/mix_source.hpp"
#include "load/stage_job.hpp"

namespace sluice::load {

namespace {

std::set<std::uint32_t> stores_of(const MixPlan& mix) {
  std::set<std::uint32_t> stores;
  for (const MixLine& line : mix.lines) stores.insert(line.store);
  return stores;
}

bool syncs_at_end(const model::RunPlan& plan) {
  return std::ranges::any_of(plan.workload, [](const model::Operation& op) { return op.fsync == model::Fsync::End; });
}

/// Which worker the stores of this mix ask for. Several targets of different minds: the one that every store has.
storage::WorkerChoice choose(RunContext& context, const MixPlan& mix) {
  const std::vector<storage::Backend*> backends = context.targets.backends();
  std::optional<storage::WorkerChoice> choice;
  for (const std::uint32_t store : stores_of(mix)) {
    storage::WorkerChoice one = backends[store]->choose_worker(mix.mix);
    if (choice && one.kind != choice->kind) {
      return {storage::WorkerKind::Sync, "targets of different kinds share the sync workers"};
    }
    if (!choice) choice = std::move(one);
  }
  return choice.value_or(storage::WorkerChoice{});
}

/// An operation that found nothing to work on is said once a stage, with how often. True where there was one.
bool note_starved(StageJob& job) {
  bool any = false;
  for (std::size_t i = 0; i < model::kOpKinds; ++i) {
    const auto kind = static_cast<model::OpKind>(i);
    const std::uint64_t times = job.collector().starved(kind);
    if (times == 0) continue;
    any = true;
    job.context().note(
        fmt::format("stage {}: {} found nothing to work on ({} times); its weight went to the other operations",
                    job.stage().name, name_of(kind), base::format_count(times)));
  }
  return any;
}

/// Time in which nothing was started is no fault of the storage's: it is said.
void note_backoffs(StageJob& job, std::uint64_t times) {
  if (times == 0) return;
  const model::ErrorHandling& rules = job.context().plan.errors;
  job.context().note(fmt::format(
      "stage {}: the load was held back {} time{} for {}, because of more than {:g} errors a second (error_handling); "
      "rates include these pauses",
      job.stage().name, base::format_count(times), times == 1 ? "" : "s", base::format_duration(rules.backoff_duration),
      rules.error_rate_threshold));
}

/// An errno of this kind, whose usual causes and remedies are known; 0 where there is none.
int errno_of(model::ErrorKind kind) {
  switch (kind) {
    case model::ErrorKind::NotFound: return ENOENT;
    case model::ErrorKind::Exists: return EEXIST;
    case model::ErrorKind::PermissionDenied: return EACCES;
    case model::ErrorKind::ReadOnly: return EROFS;
    case model::ErrorKind::NoSpace: return ENOSPC;
    case model::ErrorKind::Io: return EIO;
    case model::ErrorKind::Stale: return ESTALE;
    case model::ErrorKind::TimedOut: return ETIMEDOUT;
    case model::ErrorKind::Descriptors: return EMFILE;
    case model::ErrorKind::NotEmpty: return ENOTEMPTY;
    case model::ErrorKind::Invalid: return EINVAL;
    case model::ErrorKind::Unsupported: return EOPNOTSUPP;
    case model::ErrorKind::Busy: return EBUSY;
    case model::ErrorKind::Short:
    case model::ErrorKind::Other: return 0;
  }
  return 0;
}

/// Of operations that failed: what their most frequent kind usually comes from.
base::Error of_operations(base::Code code, std::string what, StageJob& job) {
  base::Error error = base::from_errno(errno_of(job.collector().most_frequent_failure()), std::move(what));
  error.code = code;
  error.where = "stage " + job.stage().name;
  if (error.likely.empty()) error.add_likely("the storage, or the way to it, fails");
  return std::move(error).add_try("errors.tsv in the results has kinds, counts and examples");
}

// shared because abandoned workers keep the plan they draw from
PassSpec pass_for(StageJob& job, const std::shared_ptr<MixPlan>& mix, const Crew& crew, storage::WorkerKind kind) {
  const model::RunPlan& plan = job.context().plan;
  PassSpec spec;
  spec.shared = job.make_shared(crew.workers, stores_of(*mix));
  spec.shared->in_bytes = mix->in_bytes;
  spec.shared->out_bytes = mix->out_bytes;
  spec.shared->store_options.writes_blocks = mix->mix.writes_blocks;
  spec.shared->sync_at_end = syncs_at_end(plan);
  if (plan.io_rate.iops > 0) spec.shared->rate = plan.io_rate;
  spec.kind = kind;
  spec.workers = crew.workers;
  spec.in_flight = crew.in_flight;
  spec.warmup = plan.warmup;
  const bool by_tasks = job.stage().completion == model::Completion::TasksDone && job.stage().expected_tasks;
  if (!by_tasks) spec.duration = job.stage().duration;
  spec.make_source = [mix](std::uint32_t worker, std::uint32_t workers) {
    return std::make_unique<MixSource>(mix, worker, workers);
  };
  return spec;
}

/// Progress of a stage with a duration is time; of one that counts operations, operations.
void show_progress(StageJob& job) {
  const model::Stage& stage = job.stage();
  const std::string what = job.context().plan.warmup.count() > 0 ? "warm-up first" : "";
  job.begin_activity(what, "operations", stage.expected_tasks.value_or(model::Progress::kUnknown));
}

}  // namespace

StageResult run_execute(StageJob& job) {
  RunContext& context = job.context();
  // shared because abandoned workers keep the plan they draw from
  base::Result<std::shared_ptr<MixPlan>> mix =
      plan_mix(context, job.control(), base::derive_seed(context.plan.seed, 100 + job.index()));
  if (job.control().stop_requested()) return job.interrupted();
  if (!mix) return StageJob::failed(std::move(mix).error());
  if (const auto& tasks = job.stage().expected_tasks) {
    (*mix)->operations_left.emplace(static_cast<std::int64_t>(*tasks));
  }

  const storage::WorkerChoice choice = choose(context, **mix);
  const Crew crew = crew_for(choice.kind, context.plan.concurrency, loop_workers_of(context.plan));
  for (MixLine& line : (*mix)->lines) {
    if (line.makes != nullptr) line.makes->begin(crew.workers);
  }
  const std::string why = crew.limit.empty() ? choice.why : choice.why + "; " + crew.limit;
  show_progress(job);
  const std::uint64_t backoffs_before = context.budget.backoffs();
  base::Result<PassOutcome> outcome = job.run(pass_for(job, *mix, crew, choice.kind), why);
  if (!outcome) return StageJob::failed(std::move(outcome).error());
  const bool any_starved = note_starved(job);
  note_backoffs(job, context.budget.backoffs() - backoffs_before);

  const std::int64_t window_ns = outcome->window.count();
  if (outcome->budget_spent) {
    base::Error error = of_operations(
        base::Code::ResourceExhausted,
        fmt::format("more than {} operations failed, the run's error budget", context.plan.errors.max_total_errors),
        job);
    error.add_try("mend the cause, or raise error_handling.max_total_errors");
    return StageJob::failed(std::move(error), window_ns);
  }
  if (outcome->stopped) return job.interrupted(window_ns);
  if (outcome->abandoned > 0) return StageJob::failed(job.given_up(outcome->abandoned), window_ns);
  if (job.collector().successes() == 0 && job.collector().failures() > 0) {
    return StageJob::failed(of_operations(base::Code::Unavailable, "every operation failed", job), window_ns);
  }
  if (job.collector().successes() == 0 && any_starved) {
    base::Error error{.code = base::Code::NotFound,
                      .what = "no operation found anything to work on",
                      .where = "stage " + job.stage().name};
    return StageJob::failed(std::move(error)
                                .add_likely("an earlier stage, or the warm-up, has deleted all of it")
                                .add_try("prepare more objects, or put some in the same mix"),
                            window_ns);
  }
  return {.window_ns = window_ns};
}

}  // namespace sluice::load
