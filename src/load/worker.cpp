#include "load/worker.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

namespace sluice::load {

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugeBytesMax = std::size_t{256} << 20;
/// Progress is shared by all workers, so it is told in lots, and of slow operations at least this often.
constexpr std::uint64_t kProgressLot = 64;
constexpr base::Nanos kProgressEvery{100'000'000};

std::size_t round_up(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

bool is_worth_a_retry(int errnum) {
  switch (model::error_kind_of_errno(errnum)) {
    case model::ErrorKind::NotFound:
    case model::ErrorKind::Exists:
    case model::ErrorKind::PermissionDenied:
    case model::ErrorKind::ReadOnly:
    case model::ErrorKind::Invalid:
    case model::ErrorKind::NotEmpty:
    case model::ErrorKind::NoSpace:
    case model::ErrorKind::Unsupported: return false;
    default: return true;
  }
}

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);  // checked when the plan was read; a lost CPU costs no run
}

}  // namespace

void Worker::Unmap::operator()(std::byte* memory) const { munmap(memory, bytes); }

// shared because an abandoned worker keeps its pass alive
Worker::Worker(std::shared_ptr<PassShared> shared, std::unique_ptr<OpSource> source, std::uint32_t index,
               std::uint32_t slots)
    : shared_(std::move(shared)),
      source_(std::move(source)),
      index_(index),
      slots_(slots),
      random_(base::derive_seed(shared_->seed, 5000 + std::uint64_t{index})) {}

Worker::~Worker() { join(); }

void Worker::start(std::optional<int> cpu) {
  thread_ = std::thread([this, cpu] { thread_main(cpu); });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::abandon(std::unique_ptr<Worker> worker) {
  worker->thread_.detach();  // tidy-allow: detach because an operation stuck in the kernel cannot be ended, only left
  // Chained up, so that a leak checker tells what is left on purpose from what is lost.
  static std::atomic<Worker*> last_left{nullptr};
  Worker* left = worker.release();
  left->left_before_ = last_left.exchange(left);
}

void Worker::thread_main(std::optional<int> cpu) {
  pthread_setname_np(pthread_self(), "load");
  prctl(PR_SET_TIMERSLACK, 1UL);  // arrivals are to start when they are meant to, not within 50 us of it
  if (cpu) pin_to(*cpu);
  opened_ = open();
  {
    std::lock_guard lock(shared_->mutex);
    shared_->opening.fetch_sub(1);
  }
  shared_->changed.notify_all();
  shared_->go.wait();
  if (opened_ && !shared_->stop.load()) {
    std::unique_ptr<OperationLane> lane;
    if (shared_->keeps_operations) lane = std::make_unique<OperationLane>(shared_->workers, slots_.size());
    recorder_ = std::make_unique<Recorder>(shared_->clock, shared_->rate.has_value(), index_, std::move(lane));
    source_->attach(*recorder_);
    recorder_ready_.store(recorder_.get(), std::memory_order_release);
    run();
  }
  end();
}

base::Result<void> Worker::open() {
  const std::size_t in_bytes = round_up(shared_->in_bytes);
  const std::size_t slot_bytes = in_bytes + round_up(shared_->out_bytes);
  const std::size_t bytes = std::max(slot_bytes * slots_.size(), kPage);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return base::fail(base::from_errno(errno, "could not get the memory for the operations in flight"));
  }
  memory_ = {static_cast<std::byte*>(memory), Unmap{bytes}};
  // Not for the one slot of a sync worker, nor for a hundred thousand slots: they would take huge pages for a few KiB
  // each.
  if (slots_.size() > 1 && bytes <= kHugeBytesMax) madvise(memory, bytes, MADV_HUGEPAGE);

  for (std::size_t i = 0; i < slots_.size(); ++i) {
    std::byte* at = memory_.get() + i * slot_bytes;
    slots_[i].in = {at, in_bytes};
    slots_[i].out = {at + in_bytes, slot_bytes - in_bytes};
    source_->adopt(slots_[i]);
  }

  SLUICE_TRY(loop_, make_loop());
  storage::StoreOptions options = shared_->store_options;
  options.slots = static_cast<std::uint32_t>(slots_.size());
  options.buffers = {memory_.get(), bytes};
  for (storage::Backend* backend : shared_->backends) {
    stores_.emplace_back();
    if (backend == nullptr) continue;
    SLUICE_TRY(stores_.back(), backend->open_store(kind(), loop_.get(), options));
  }
  return {};
}

void Worker::hand_over(base::Instant now) {
  if (recorder_ != nullptr) recorder_->finish(now);
  if (shared_->progress != nullptr) shared_->progress->add(unreported_);
}

void Worker::end() {
  if (is_left_) return;
  const bool is_idle = in_flight() == 0;
  if (is_idle) source_->ended();
  hand_over(base::now());
  if (shared_->sync_at_end && is_idle) {
    for (auto& store : stores_) {
      if (store == nullptr) continue;
      if (auto synced = store->sync_all(); !synced) synced_ = std::move(synced);
    }
  }
  // Descriptors go before the pass is over, unless the kernel still works with them: then this worker is abandoned.
  if (is_idle) stores_.clear();
  {
    std::lock_guard lock(shared_->mutex);
    ended_.store(true, std::memory_order_release);
    shared_->running.fetch_sub(1);
  }
  shared_->changed.notify_all();
}

std::optional<base::Instant> Worker::next_try(storage::OpSlot& slot, base::Instant failed) {
  const model::ErrorHandling& rules = shared_->budget->rules();
  if (!rules.retry_on_error || slot.tries >= rules.max_retries || !is_worth_a_retry(slot.error)) return {};
  if (shared_->stop.load(std::memory_order_relaxed)) return {};
  const double growth = std::pow(rules.retry_backoff_multiplier, static_cast<double>(slot.tries));
  const double delay_ns = std::min(static_cast<double>(rules.initial_retry_delay.count()) * growth,
                                   static_cast<double>(rules.max_retry_delay.count()));
  const double jitter = 1 + rules.retry_jitter_factor * (2 * random_.unit() - 1);
  const base::Instant due = failed + base::Nanos{static_cast<std::int64_t>(delay_ns * jitter)};
  if (due - slot.started >= rules.operation_timeout) return {};
  ++slot.tries;
  return due;
}

void Worker::charge(base::Instant failed) {
  if (!shared_->counts_errors) return;
  shared_->budget->count(failed);
  // At once, and for all workers: the supervisor looks only now and then.
  if (shared_->budget->spent()) shared_->request_stop(failed);
}

void Worker::finish(storage::OpSlot& slot, base::Instant reaped) {
  if (slot.timed_out) [[unlikely]] {
    slot.timed_out = false;
    recorder_->late(slot);
  } else if (slot.error == 0) [[likely]] {
    recorder_->success(slot, reaped);
  } else if (slot.error == ECANCELED && shared_->store_options.cancel.is_cancelled()) {
    // A listing that the stop has ended: neither done nor failed. The stage's thread may not have told of the stop yet.
    shared_->request_stop(reaped);
  } else if (!source_->forgives(slot)) {
    recorder_->failure(slot, reaped);
    charge(reaped);
  }
  source_->completed(slot);
  if (++unreported_ == kProgressLot || reaped - reported_at_ > kProgressEvery) {
    if (shared_->progress != nullptr) shared_->progress->add(unreported_);
    unreported_ = 0;
    reported_at_ = reaped;
  }
}

}  // namespace sluice::load
