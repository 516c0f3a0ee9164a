#include "load/stage_host.hpp"

#include <cerrno>
#include <exception>
#include <mutex>

#include <fcntl.h>
#include <unistd.h>

namespace sluice::load {

namespace {

/// Writes back and drops the page cache of this host; says why when it may not.
void drop_caches(RunContext& context) {
  sync();
  const int file = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
  const bool dropped = file >= 0 && write(file, "3", 1) == 1;
  const int error = errno;
  if (file >= 0) close(file);
  if (!dropped) {
    context.note("drop_caches was refused (" + base::errno_name(error) +
                 "): the page cache is as it was; it needs root, and a container must be privileged");
  }
}

StageResult run_stage(StageJob& job) {
  if (job.stage().drop_caches) {
    job.begin_activity("dropping the page cache", "steps", 1);
    drop_caches(job.context());
  }
  switch (job.stage().type) {
    case model::StageType::Prepare: return run_prepare(job);
    case model::StageType::Execute:
    case model::StageType::Hybrid: return run_execute(job);
    case model::StageType::Cleanup: return run_cleanup(job);
    case model::StageType::Custom: return run_custom(job);
    case model::StageType::Validation: return run_validation(job);
  }
  return {};
}

}  // namespace

/// A stage and its call's way to the outside.
struct StageHost::Running {
  // shared because abandoned operations may still touch the context
  std::shared_ptr<RunContext> context;
  std::uint32_t stage = 0;
  StageControl control;
  std::mutex mutex;     ///< held while a callback runs, so that none runs on after abort()
  Callbacks callbacks;  ///< empty after abort()

  void tell_ready(std::vector<model::WorkerInfo> workers) {
    std::lock_guard lock(mutex);
    if (callbacks.ready) callbacks.ready(stage, std::move(workers));
  }
  void tell_ended(StageResult result) {
    std::lock_guard lock(mutex);
    if (callbacks.ended) callbacks.ended(stage, std::move(result));
  }
  StageResult run();
  // shared because the call of an aborted stage outlives its host
  static async::Task<> call(std::shared_ptr<Running> running, async::BlockingPool& pool);
};

StageResult StageHost::Running::run() {
  try {
    StageJob job(context, context->plan.stages[stage], stage, control,
                 [this](std::vector<model::WorkerInfo> workers) { tell_ready(std::move(workers)); });
    StageResult result = run_stage(job);
    job.finish();
    return result;
  } catch (const std::exception& thrown) {
    return StageJob::failed(
        {.code = base::Code::Internal, .what = "a stage ended by an exception", .where = thrown.what()});
  }
}

// shared because the call of an aborted stage outlives its host
async::Task<> StageHost::Running::call(std::shared_ptr<Running> running, async::BlockingPool& pool) {
  auto ended = co_await pool.run("stage", [running] { running->tell_ended(running->run()); }, async::Deadline::never());
  if (!ended && ended.error().code != base::Code::Cancelled) running->tell_ended(StageJob::failed(ended.error()));
  co_return ended;
}

// shared because abandoned operations may still touch the context
StageHost::StageHost(std::shared_ptr<RunContext> context, async::Runtime& runtime, Callbacks callbacks)
    : context_(std::move(context)), runtime_(runtime), callbacks_(std::move(callbacks)) {}

StageHost::~StageHost() {
  if (call_) static_cast<void>(call_->join(async::Deadline::never()));
}

void StageHost::start(std::uint32_t stage) {
  running_ = std::make_shared<Running>();  // shared because the call of an aborted stage outlives this
  running_->context = context_;
  running_->stage = stage;
  running_->callbacks = callbacks_;
  auto call = runtime_.executor().try_spawn("stage", Running::call(running_, runtime_.blocking()), {});
  if (!call) return running_->tell_ended(StageJob::failed(std::move(call).error()));
  call_ = std::move(*call);
}

void StageHost::stop(base::Instant drain_until) {
  if (running_ != nullptr) running_->control.request_stop(drain_until);
}

void StageHost::abort() {
  if (running_ == nullptr) return;
  running_->control.abort();
  {
    std::lock_guard lock(running_->mutex);
    running_->callbacks = {};
  }
  if (call_) call_->cancel();
  call_.reset();  // an abort waits for nothing
}

base::Result<void> open_targets(RunContext& context) {
  if (!context.plan.target.empty()) SLUICE_CHECK(context.targets.locate(""));
  for (const model::Dataset& spec : context.plan.prepare.datasets) {
    SLUICE_TRY(std::unique_ptr<PreparedSet> set, PreparedSet::create(spec, context.plan.prepare.key_prefix_shards,
                                                                     context.plan.dataset_seed, context.targets));
    for (const std::unique_ptr<PreparedSet>& other : context.sets) {
      if (other->uri() != set->uri()) continue;
      base::Error error{.code = base::Code::InvalidArgument,
                        .what = "two entries of ensure_objects have the same base_uri",
                        .where = set->uri()};
      return base::fail(std::move(error)
                            .add_likely("their objects would have the same names")
                            .add_try("give each a base_uri of its own, or make them one entry with a size_spec"));
    }
    context.sets.push_back(std::move(set));
  }
  for (const model::Operation& operation : context.plan.workload) SLUICE_CHECK(context.targets.locate(operation.path));
  return {};
}

}  // namespace sluice::load
