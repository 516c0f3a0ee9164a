#include "load/loop_worker.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sluice::load {

namespace {

/// A turn is never longer: stop, ticks and the watch over stuck operations are looked at this often.
constexpr base::Nanos kTurnMax{100'000'000};

/// Of operations that the store completes at once.
constexpr async::YieldBudget::Limits kInlineMax{.operations = 256, .time = base::Nanos{200'000}};

/// Slots are looked through for overdue operations at most this often, and only when the oldest may be one.
constexpr base::Nanos kSweepMin{100'000'000};

/// A ring gets what is started in about four lots a turn, not all at once: a device that completes many at a time would
/// else stand idle while the next ones are being started. Smaller lots cost more calls than they save.
constexpr std::size_t kLotsInTurn = 4, kLotMin = 8;

std::size_t lot_of(storage::WorkerKind kind, std::size_t slots) {
  return kind == storage::WorkerKind::Ring ? std::max(slots / kLotsInTurn, kLotMin) : slots;
}

}  // namespace

// shared because an abandoned worker keeps its pass alive
LoopWorker::LoopWorker(std::shared_ptr<PassShared> shared, std::unique_ptr<OpSource> source, std::uint32_t index,
                       std::uint32_t slots, std::uint32_t workers, storage::WorkerKind kind)
    : Worker(std::move(shared), std::move(source), index, slots),
      kind_(kind),
      workers_(workers),
      lot_(lot_of(kind, slots)),
      budget_(kInlineMax) {}

void LoopWorker::wake() {
  if (loop_ != nullptr) loop_->wake();
}

base::Result<std::unique_ptr<storage::Loop>> LoopWorker::make_loop() {
  const auto backend = std::ranges::find_if(shared_->backends, [](const storage::Backend* b) { return b != nullptr; });
  return (*backend)->make_loop(kind_, static_cast<std::uint32_t>(slots_.size()));
}

bool LoopWorker::take_arrival(storage::OpSlot& slot, base::Instant t) {
  if (!schedule_) return slot.intended = t, true;
  if (!arrival_) arrival_ = schedule_->next();
  if (*arrival_ > t) return look_again_ = std::min(look_again_, *arrival_), false;
  slot.intended = *arrival_;
  return true;
}

/// Service time begins when the operation is handed to the kernel, which is at the turn or with its lot. Where the
/// store completes it at once, that was here: `t` is then the last instant known to lie before it.
void LoopWorker::start(storage::OpSlot& slot, base::Instant t) {
  if (fresh_.size() == lot_) {
    mark_submitted();
    loop_->flush();
    turns_->enter(base::now());
  }
  slot.error = 0;
  const bool is_first_try = slot.tries == 0;
  if (store_of(slot).start(slot)) {
    if (is_first_try) slot.started = t;
    loop_->completed().push(slot);
    is_spent_ = budget_.spent();
  } else if (is_first_try) {
    fresh_.push_back(&slot);
  }
}

void LoopWorker::mark_submitted() {
  const base::Instant submitted = base::now();
  for (storage::OpSlot* slot : fresh_) slot->started = submitted;
  fresh_.clear();
  turns_->leave(submitted);
}

/// Those that are due; after a stop all of them end with the error they have.
void LoopWorker::start_retries(base::Instant t) {
  const bool is_stopped = shared_->stop.load(std::memory_order_relaxed);
  std::vector<Retry> waiting = std::exchange(retries_, {});
  for (const Retry& retry : waiting) {
    if (is_stopped || retry.slot->timed_out) {
      --retry.slot->tries;  // the next one is not made
      end_operation(*retry.slot, t);
    } else if (retry.due <= t && !is_spent_) {
      start(*retry.slot, t);
    } else {
      look_again_ = std::min(look_again_, retry.due);
      retries_.push_back(retry);
    }
  }
}

void LoopWorker::refill(base::Instant t) {
  look_again_ = t + kTurnMax;
  budget_.renew(t);
  is_spent_ = false;
  if (!retries_.empty()) [[unlikely]]
    start_retries(t);
  if (source_ended_ || !may_start(t)) return;
  if (!has_room(t)) [[unlikely]] {
    look_again_ = std::min(look_again_, t + kRoomRetry);
    return;
  }
  if (const base::Instant backoff = backoff_until(); t < backoff) [[unlikely]] {
    look_again_ = std::min(look_again_, backoff);
    return;
  }
  while (!is_spent_) {
    storage::OpSlot* slot = free_.pop();
    if (slot == nullptr) return;
    if (take_arrival(*slot, t)) {
      const OpSource::Draw draw = source_->next(*slot);
      if (draw == OpSource::Draw::Ready) {
        arrival_.reset();
        slot->tries = 0;
        ++busy_;
        start(*slot, t);
        continue;
      }
      source_ended_ = draw == OpSource::Draw::End;
      if (busy_ == 0) look_again_ = std::min(look_again_, t + base::Nanos{200'000});  // others hold what this one needs
    }
    free_.push_front(*slot);
    return;
  }
}

void LoopWorker::end_operation(storage::OpSlot& slot, base::Instant t) {
  --busy_;
  if (slot.timed_out) [[unlikely]]
    overdue_.fetch_sub(1, std::memory_order_relaxed);
  finish(slot, t);
  slot.started = base::Instant::never();  // so that a sweep passes it over
  free_.push_front(slot);
}

void LoopWorker::count_overdue(base::Instant t) {
  const base::Nanos timeout = operation_timeout();
  base::Instant oldest = t;
  for (storage::OpSlot& slot : slots_) {
    if (slot.timed_out) continue;
    if (t - slot.started < timeout) {
      oldest = std::min(oldest, slot.started);
      continue;
    }
    slot.timed_out = true;
    overdue_.fetch_add(1, std::memory_order_relaxed);
    recorder_->timed_out(slot, timeout, t);
    charge(t);
    loop_->give_up(slot);
  }
  // Nothing can be overdue before the oldest is, or what is started now.
  next_sweep_ = std::max(t + kSweepMin, oldest + timeout);
}

void LoopWorker::reap(base::Instant t) {
  while (storage::OpSlot* slot = loop_->completed().pop()) {
    if (slot->error != 0 && !slot->timed_out) [[unlikely]] {
      if (const std::optional<base::Instant> due = next_try(*slot, t)) {
        retries_.push_back({*due, slot});
        continue;
      }
    }
    end_operation(*slot, t);
  }
  in_flight_.store(busy_, std::memory_order_relaxed);
}

void LoopWorker::run() {
  const StageClock& clock = shared_->clock;
  if (const auto& rate = shared_->rate) schedule_.emplace(*rate, clock.begin, index_, workers_, shared_->seed);
  for (storage::OpSlot& slot : slots_) {
    slot.started = base::Instant::never();
    free_.push(slot);
  }
  fresh_.reserve(slots_.size());
  async::LoopThread turns(fmt::format("{} {}", name_of(kind_), index_), meter_, shared_->stall_watch);
  turns_ = &turns;

  base::Instant t = base::now();
  turns.enter("load", t);  // handlers of the loop's own are part of the load, too
  while (t < clock.begin) {
    async::LoopThread::end_turn();
    loop_->turn(clock.begin);
    t = base::now();
  }
  if (!turns.in_turn()) turns.enter(t);
  for (;;) {
    refill(t);
    if (busy_ == 0 && (source_ended_ || !may_start(t))) break;
    if (shared_->abandon.load(std::memory_order_relaxed)) break;
    mark_submitted();
    const bool has_results = !loop_->completed().empty();
    const base::Instant window = t < clock.measure_to ? clock.measure_to : base::Instant::never();
    loop_->turn(has_results ? base::Instant{} : std::min(look_again_, window));
    t = base::now();
    if (!turns.in_turn()) turns.enter(t);  // else a handler has begun the turn
    notice_stop();
    recorder_->tick(t);
    reap(t);
    if (t >= next_sweep_) [[unlikely]]
      count_overdue(t);
  }
  turns_ = nullptr;
  in_flight_.store(busy_, std::memory_order_relaxed);
  if (schedule_ && !source_ended_) count_what_never_started(*schedule_);
}

void LoopWorker::count_what_never_started(Schedule& schedule) {
  const base::Instant first = arrival_ ? *arrival_ : schedule.next();
  count_unstarted(first, [&schedule] { return schedule.next(); });
}

}  // namespace sluice::load
