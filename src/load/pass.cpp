#include "load/pass.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "load/loop_worker.hpp"
#include "load/operation_drain.hpp"
#include "load/sync_worker.hpp"

namespace sluice::load {

namespace {

/// How often batches are collected and conditions looked at.
constexpr base::Nanos kTick{50'000'000};
/// How long workers that are told to leave what is in flight may take to hand over what they have measured.
constexpr base::Nanos kHandOver{500'000'000};
/// How often workers are asked for operations that are overdue.
constexpr base::Nanos kSweep{100'000'000};

/// The coordinating side of one pass; lives on the stage's thread for the time of run_pass.
class Pass {
 public:
  Pass(PassSpec spec, Collector& collector, StageControl& control)
      : spec_(std::move(spec)), shared_(*spec_.shared), collector_(collector), control_(control) {}
  ~Pass() { leave_workers(); }
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  base::Result<PassOutcome> run();

 private:
  void make_workers();
  base::Result<void> start_workers();
  base::Result<void> start_drain();
  bool await_opened();
  base::Result<void> first_failure() const;
  void release();
  void supervise();
  void look_for_a_reason_to_stop(base::Instant now);
  void request_stop(base::Instant now);
  void collect();
  void count_overdue(base::Instant now);
  bool is_at_a_standstill(base::Instant now);
  void leave_workers();
  void take_leave_of(Worker& worker);

  PassSpec spec_;
  PassShared& shared_;
  Collector& collector_;
  StageControl& control_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<OperationDrain> drain_;
  PassOutcome outcome_;
  base::Result<void> synced_;
  base::Instant drain_until_ = base::Instant::never();
  base::Instant next_sweep_, moved_at_;
  std::uint64_t done_ = 0;
  bool are_opened_ = false, is_released_ = false, is_stopping_ = false;
};

void Pass::make_workers() {
  for (std::uint32_t i = 0; i < spec_.workers; ++i) {
    const std::uint32_t slots = spec_.in_flight / spec_.workers + (i < spec_.in_flight % spec_.workers ? 1 : 0);
    std::unique_ptr<OpSource> source = spec_.make_source(i, spec_.workers);
    if (spec_.kind == storage::WorkerKind::Sync) {
      workers_.push_back(std::make_unique<SyncWorker>(spec_.shared, std::move(source), i, 1));
    } else {
      workers_.push_back(
          std::make_unique<LoopWorker>(spec_.shared, std::move(source), i, slots, spec_.workers, spec_.kind));
    }
  }
}

base::Result<void> Pass::start_workers() {
  for (std::uint32_t i = 0; i < spec_.workers; ++i) {
    try {
      workers_[i]->start(spec_.cpus.empty() ? std::nullopt : std::optional(spec_.cpus[i % spec_.cpus.size()]));
    } catch (const std::system_error& thrown) {
      const std::uint32_t unstarted = spec_.workers - i;
      workers_.resize(i);
      shared_.opening.fetch_sub(unstarted);
      shared_.running.fetch_sub(unstarted);
      base::Error error =
          base::from_errno(thrown.code().value(), "could not start a thread for each operation in flight",
                           "thread " + std::to_string(i + 1) + " of " + std::to_string(spec_.workers));
      return base::fail(std::move(error)
                            .add_likely("each operation in flight has a thread here, and a limit on threads is reached")
                            .add_try("lower concurrency, or raise ulimit -u and the container's pids limit"));
    }
  }
  return {};
}

base::Result<void> Pass::start_drain() {
  if (spec_.operations == nullptr) return {};
  std::vector<std::string> base_uris;
  for (const storage::Backend* backend : shared_.backends) {
    base_uris.push_back(backend == nullptr ? std::string() : backend->uri());
  }
  std::vector<Worker*> workers;
  for (const auto& worker : workers_) workers.push_back(worker.get());
  try {
    drain_.emplace(*spec_.operations, spec_.stage, std::move(base_uris));
    drain_->start(std::move(workers));
  } catch (const std::system_error& thrown) {
    drain_.reset();
    return base::fail(base::from_errno(thrown.code().value(), "could not start a thread for the op-log"));
  }
  return {};
}

/// Waits until all workers have opened their stores; false where the stage is to end and the storage does not answer.
bool Pass::await_opened() {
  std::unique_lock lock(shared_.mutex);
  while (!shared_.changed.wait_for(lock, kTick, [this] { return shared_.opening.load() == 0; })) {
    if (control_.stop_requested() && base::now() >= control_.drain_until()) return false;
  }
  return are_opened_ = true;
}

base::Result<void> Pass::first_failure() const {
  for (const auto& worker : workers_) {
    if (!worker->opened()) return worker->opened();
  }
  return {};
}

void Pass::release() {
  StageClock& clock = shared_.clock;
  clock.begin = base::now();
  if (!spec_.is_part) clock.measure_from = clock.begin + spec_.warmup;
  clock.measure_to = spec_.duration ? clock.measure_from + *spec_.duration : base::Instant::never();
  if (shared_.rate && spec_.kind == storage::WorkerKind::Sync) {
    shared_.schedule = std::make_unique<SharedSchedule>(Schedule(*shared_.rate, clock.begin, 0, 1, shared_.seed));
  }
  collector_.follow(clock);
  look_for_a_reason_to_stop(clock.begin);  // the stage before may have left one
  is_released_ = true;
  shared_.go.count_down();
}

void Pass::collect() {
  for (const auto& worker : workers_) {
    if (Recorder* recorder = worker->recorder()) collector_.take(*recorder);
    if (const async::StallMeter* meter = worker->stall_meter()) collector_.note_hold(meter->max_hold_ns());
  }
}

void Pass::count_overdue(base::Instant now) {
  if (now < next_sweep_) return;
  next_sweep_ = now + kSweep;
  for (const auto& worker : workers_) {
    std::optional<model::ErrorSample> sample = worker->take_overdue(now);
    if (!sample) continue;
    collector_.count_failure(std::move(*sample), now);
    if (shared_.counts_errors) shared_.budget->count(now);
  }
}

/// A pass that ends with its work would wait for ever where nothing but overdue operations is left of it: after the
/// drain timeout without an answer it has ended.
bool Pass::is_at_a_standstill(base::Instant now) {
  if (spec_.duration || shared_.rate) return false;
  const bool waits = std::ranges::all_of(workers_, [](const auto& worker) {
    return worker->has_ended() || (worker->overdue() > 0 && worker->overdue() == worker->in_flight());
  });
  const std::uint64_t done = shared_.progress == nullptr ? 0 : shared_.progress->done.load(std::memory_order_relaxed);
  if (!waits || done != done_) moved_at_ = now;
  done_ = done;
  return now - moved_at_ >= spec_.drain_timeout;
}

void Pass::request_stop(base::Instant now) {
  shared_.request_stop(now);
  collector_.end_window(now);
  // Before a worker has opened there is nothing to wake, and its loop is still its own.
  if (!are_opened_) return;
  for (const auto& worker : workers_) worker->wake();
}

void Pass::look_for_a_reason_to_stop(base::Instant now) {
  const bool is_told = control_.stop_requested();
  const bool is_spent = shared_.counts_errors && shared_.budget->spent();
  if (is_stopping_ || !(is_told || is_spent)) return;
  is_stopping_ = true;
  outcome_.budget_spent = is_spent;
  outcome_.stopped = !is_spent;
  request_stop(now);
  drain_until_ = std::min(drain_until_, now + spec_.drain_timeout);
}

void Pass::supervise() {
  base::Instant tick = base::now();
  moved_at_ = tick;
  do {
    tick = std::max(tick + kTick, base::now());
    {
      std::unique_lock lock(shared_.mutex);
      shared_.changed.wait_until(lock, base::to_chrono(tick), [this] { return shared_.running.load() == 0; });
    }
    const base::Instant now = base::now();
    collect();
    count_overdue(now);
    collector_.emit(now);
    if (spec_.on_tick) spec_.on_tick();
    look_for_a_reason_to_stop(now);
    if (now >= shared_.clock.measure_to) {
      drain_until_ = std::min(drain_until_, shared_.clock.measure_to + spec_.drain_timeout);
    }
    if (now >= std::min(drain_until_, control_.drain_until()) || is_at_a_standstill(now)) break;
  } while (shared_.running.load() != 0);
  const base::Instant end = std::min(base::now(), shared_.starting_ends());
  outcome_.window = std::max(base::Nanos{0}, end - shared_.clock.measure_from);
}

/// Of one that has ended, with nothing in flight.
void Pass::take_leave_of(Worker& worker) {
  worker.join();
  if (Recorder* recorder = worker.recorder()) collector_.take(*recorder);
  if (!worker.synced()) synced_ = worker.synced();
  const async::StallMeter* meter = worker.stall_meter();
  if (meter == nullptr) return;
  outcome_.max_hold_ns = std::max(outcome_.max_hold_ns, meter->max_hold_ns());
  outcome_.max_preempted_ns = std::max(outcome_.max_preempted_ns, meter->max_preempted_ns());
  outcome_.holds.merge(meter->holds());
}

/// Ends the workers, whatever state the pass is in. Those that the kernel holds on to, or something of them, are left.
void Pass::leave_workers() {
  if (workers_.empty()) return;
  shared_.abandon.store(true);
  if (shared_.running.load() != 0) {
    const base::Instant now = base::now();
    request_stop(now);
    if (!std::exchange(is_released_, true)) shared_.go.count_down();
    std::unique_lock lock(shared_.mutex);
    shared_.changed.wait_until(lock, base::to_chrono(now + kHandOver), [this] { return shared_.running.load() == 0; });
  }
  collect();
  std::vector<std::unique_ptr<Worker>> left;
  for (std::unique_ptr<Worker>& worker : workers_) {
    if (worker->has_ended() && worker->in_flight() == 0) {
      take_leave_of(*worker);
    } else {
      outcome_.abandoned += std::max(1U, worker->in_flight());
      if (worker->leave(base::now())) collector_.take(*worker->recorder());
      left.push_back(std::move(worker));
    }
  }
  if (drain_) outcome_.held_by_op_log = drain_->finish();
  for (std::unique_ptr<Worker>& worker : left) Worker::abandon(std::move(worker));
  workers_.clear();
}

base::Result<PassOutcome> Pass::run() {
  make_workers();
  base::Result<void> begun = start_workers();
  const bool are_opened = await_opened();
  if (begun && !are_opened) {
    outcome_.stopped = true;
    leave_workers();
    return std::move(outcome_);
  }
  if (begun) begun = first_failure();
  if (begun) begun = start_drain();
  if (begun) {
    release();
    supervise();
  }
  leave_workers();
  if (begun) begun = std::move(synced_);
  if (!begun) return base::fail(std::move(begun).error());
  return std::move(outcome_);
}

}  // namespace

Crew crew_for(storage::WorkerKind kind, std::uint32_t concurrency, std::uint32_t loop_workers) {
  if (kind != storage::WorkerKind::Sync) {
    const std::uint32_t workers = std::max(1U, std::min(loop_workers, concurrency));
    return {.workers = workers, .in_flight = std::max(1U, concurrency)};
  }
  const std::uint32_t threads = std::clamp(concurrency, 1U, kSyncWorkersMax);
  Crew crew{.workers = threads, .in_flight = threads};
  if (threads < concurrency) {
    crew.limit = std::to_string(threads) + " of " + std::to_string(concurrency) +
                 " operations in flight: a sync worker is a thread, and there are at most " +
                 std::to_string(kSyncWorkersMax);
  }
  return crew;
}

base::Result<PassOutcome> run_pass(PassSpec spec, Collector& collector, StageControl& control) {
  return Pass(std::move(spec), collector, control).run();
}

}  // namespace sluice::load
