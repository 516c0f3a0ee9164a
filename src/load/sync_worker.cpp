#include "load/sync_worker.hpp"

#include <algorithm>

namespace sluice::load {

namespace {

/// How long a worker waits that may not start anything because of what others have in flight (caps of operations).
constexpr base::Nanos kCapRetry{200'000};
constexpr base::Nanos kTick{200'000'000};

}  // namespace

void SyncWorker::wake() {
  // The lock orders this after the worker's look at `stop`: without it the worker could miss both.
  std::lock_guard lock(mutex_);
  woken_.notify_all();
}

void SyncWorker::wait_until(base::Instant until) {
  std::unique_lock lock(mutex_);
  while (!shared_->stop.load(std::memory_order_relaxed)) {
    // An interval's hand-over is due in time also when nothing completes.
    const base::Instant tick = std::min(until, base::now() + kTick);
    woken_.wait_until(lock, base::to_chrono(tick));
    const base::Instant t = base::now();
    recorder_->tick(t);
    if (t >= until) return;
  }
}

base::Instant SyncWorker::wait_to_start(base::Instant until) {
  wait_until(std::min(until, shared_->clock.measure_to));
  return base::now();
}

std::optional<model::ErrorSample> SyncWorker::take_overdue(base::Instant now) {
  std::int64_t started_ns = flight_.load(std::memory_order_relaxed);
  if (started_ns <= 0 || now.ns - started_ns < operation_timeout().count()) return {};
  std::lock_guard lock(mutex_);
  if (!flight_.compare_exchange_strong(started_ns, kCounted, std::memory_order_acq_rel)) return {};  // just returned
  return overdue_sample(slots_.front(), operation_timeout(), now - shared_->clock.run_start);
}

bool SyncWorker::leave(base::Instant now) {
  std::int64_t seen = flight_.load(std::memory_order_relaxed);
  while (seen != kNone) {
    if (!flight_.compare_exchange_weak(seen, kLeft, std::memory_order_acq_rel)) continue;
    if (seen == kCounted) {
      std::lock_guard lock(mutex_);
      recorder_->counted_elsewhere(slots_.front(), now);
    }
    hand_over(now);
    return true;
  }
  return false;
}

bool SyncWorker::make_call(storage::OpSlot& slot, base::Instant& ended) {
  slot.error = 0;
  flight_.store(slot.started.ns, std::memory_order_release);
  store_of(slot).start(slot);
  ended = base::now();
  const std::int64_t flight = flight_.exchange(kNone, std::memory_order_acq_rel);
  if (flight > 0) [[likely]]
    return true;
  std::lock_guard lock(mutex_);  // the stage's thread may still be reading the slot
  slot.timed_out = flight == kCounted;
  return flight == kCounted;
}

std::optional<base::Instant> SyncWorker::run_operation(storage::OpSlot& slot) {
  slot.tries = 0;
  slot.started = base::now();
  for (base::Instant ended;;) {
    if (!make_call(slot, ended)) return std::nullopt;
    if (slot.error == 0 || slot.timed_out) [[likely]]
      return ended;
    const std::optional<base::Instant> due = next_try(slot, ended);
    if (!due) return ended;
    wait_until(*due);
    // The error of the last try stands, and so does the try that was not made.
    if (shared_->stop.load(std::memory_order_relaxed)) return --slot.tries, base::now();
  }
}

void SyncWorker::run() {
  storage::OpSlot& slot = slots_.front();
  SharedSchedule* schedule = shared_->schedule.get();
  bool has_arrival = false;
  bool source_ended = false;

  for (base::Instant t = base::now(); may_start(t);) {
    if (!has_room(t)) [[unlikely]] {
      t = wait_to_start(t + kRoomRetry);
      continue;
    }
    if (const base::Instant backoff = backoff_until(); t < backoff) [[unlikely]] {
      t = wait_to_start(backoff);
      continue;
    }
    if (schedule != nullptr) {
      if (!has_arrival) slot.intended = schedule->next();
      has_arrival = true;
      if (slot.intended > t) {
        t = wait_to_start(slot.intended);
        if (slot.intended > t || !may_start(t)) continue;
      }
    }
    const OpSource::Draw draw = source_->next(slot);
    source_ended = draw == OpSource::Draw::End;
    if (source_ended) break;
    if (draw == OpSource::Draw::Wait) {
      t = wait_to_start(t + kCapRetry);
      continue;
    }
    has_arrival = false;
    const std::optional<base::Instant> ended = run_operation(slot);
    if (!ended) [[unlikely]]
      return leave_behind();
    t = *ended;
    notice_stop();
    if (slot.timed_out) [[unlikely]]
      recorder_->counted_elsewhere(slot, t);
    finish(slot, t);
  }
  if (schedule != nullptr && !source_ended) {
    const base::Instant first = has_arrival ? slot.intended : schedule->next();
    count_unstarted(first, [schedule] { return schedule->next(); });
  }
}

}  // namespace sluice::load
