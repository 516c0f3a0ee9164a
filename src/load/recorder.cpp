#include "load/recorder.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/assert.hpp"
#include "base/error.hpp"
#include "base/units.hpp"

namespace sluice::load {

std::string key_of(const storage::OpSlot& slot) {
  if (slot.names == nullptr) return {};
  std::array<char, model::kNameBytesMax> name;
  return {name.data(), slot.names->write_name(slot.index, name)};
}

model::ErrorSample overdue_sample(const storage::OpSlot& slot, base::Nanos timeout, base::Nanos at) {
  return {.op = slot.kind,
          .kind = model::ErrorKind::TimedOut,
          .at_ns = at.count(),
          .key = key_of(slot),
          .detail = "no answer within operation_timeout (" + base::format_duration(timeout) + ")"};
}

Recorder::Recorder(const StageClock& clock, bool open_loop, std::uint32_t index, std::unique_ptr<OperationLane> lane)
    : clock_(clock), open_loop_(open_loop), index_(index), lane_(std::move(lane)) {
  slowest_so_far_.fill(-1);
  open_batch(clock_.begin);
}

void Recorder::open_batch(base::Instant at) {
  batch_ = spare_ != nullptr ? std::move(spare_) : empty_.try_pop();
  if (batch_ == nullptr) {
    batch_ = std::make_unique<Batch>();
    ++batches_;
  }
  batch_->phase = clock_.phase_at(at);
  batch_->from_ns = (clock_.boundary_before(at) - clock_.start).count();
  boundary_ = clock_.boundary_after(at);
}

void Recorder::roll(base::Instant now) {
  if (lane_ != nullptr) lane_->hand_over();
  const bool phase_changes = clock_.phase_at(now) != batch_->phase;
  if (batches_ >= kBatchesMax && !phase_changes) {
    // The collector is behind. If it has returned nothing yet, go on in this batch: its window grows, nothing is lost.
    if (spare_ == nullptr) spare_ = empty_.try_pop();
    if (spare_ == nullptr) {
      boundary_ = clock_.boundary_after(now);
      return;
    }
  }
  batch_->to_ns = (boundary_ - clock_.start).count();
  const bool handed = filled_.try_push(std::move(batch_));
  SLUICE_ASSERT(handed);  // the queue is larger than the number of batches and of phases
  if (phase_changes) {
    // The slowest of the warm-up must not keep those of the window off the list.
    slowest_so_far_.fill(-1);
    slow_floor_ns_ = -1;
  }
  open_batch(now);
}

void Recorder::end_window(base::Instant at) {
  if (batch_->phase == model::Phase::Drain) return;
  const base::Instant from = clock_.start + base::Nanos{batch_->from_ns};
  clock_.measure_to = std::min(clock_.measure_to, std::max(at, from + base::Nanos{1}));
  boundary_ = std::min(boundary_, clock_.measure_to);
}

void Recorder::finish(base::Instant now) {
  tick(now);
  if (lane_ != nullptr) lane_->close(now);
  // The window as all workers of the stage have it; the collector cuts the last one where the stage ends.
  batch_->to_ns = (boundary_ - clock_.start).count();
  const bool handed = filled_.try_push(std::move(batch_));
  SLUICE_ASSERT(handed);
}

void Recorder::give_back(std::unique_ptr<Batch> batch) {
  for (model::OpStats& stats : batch->ops) stats.clear();
  batch->slowest.clear();
  batch->samples.clear();
  empty_.try_push(std::move(batch));
}

void Recorder::failure(const storage::OpSlot& slot, base::Instant reaped) {
  tick(reaped);
  model::OpStats& stats = batch_->ops[static_cast<std::size_t>(slot.kind)];
  const model::ErrorKind kind = model::error_kind_of_errno(slot.error);
  std::uint64_t& count = stats.errors[static_cast<std::size_t>(kind)];
  ++count;
  stats.retries += slot.tries;
  if (lane_ != nullptr) put_operation(slot, reaped, kind, slot.error);
  if (count > kSamplesMax) return;
  const char* text = strerrordesc_np(slot.error);
  batch_->samples.push_back({.op = slot.kind,
                             .kind = kind,
                             .at_ns = (reaped - clock_.run_start).count(),
                             .key = key_of(slot),
                             .detail = base::errno_name(slot.error) + " (" + std::to_string(slot.error) +
                                       "): " + (text != nullptr ? text : "unknown error")});
}

void Recorder::timed_out(const storage::OpSlot& slot, base::Nanos timeout, base::Instant now) {
  tick(now);
  model::OpStats& stats = batch_->ops[static_cast<std::size_t>(slot.kind)];
  std::uint64_t& count = stats.errors[static_cast<std::size_t>(model::ErrorKind::TimedOut)];
  if (++count <= kSamplesMax) batch_->samples.push_back(overdue_sample(slot, timeout, now - clock_.run_start));
  if (lane_ != nullptr) put_operation(slot, now, model::ErrorKind::TimedOut);
}

void Recorder::counted_elsewhere(const storage::OpSlot& slot, base::Instant now) {
  if (lane_ != nullptr) put_operation(slot, now, model::ErrorKind::TimedOut);
}

void Recorder::put_operation(const storage::OpSlot& slot, base::Instant ended, std::optional<model::ErrorKind> error,
                             int code) {
  const auto since_run = [this](base::Instant t) { return (t - clock_.run_start).count(); };
  model::TakenRecord taken{.names = slot.names};
  model::OpRecord& record = taken.record;
  record.start_ns = since_run(slot.started);
  record.intended_ns = open_loop_ ? since_run(slot.intended) : record.start_ns;
  record.end_ns = since_run(ended);
  record.bytes = error ? 0 : slot.bytes;
  record.index = slot.index;
  record.offset = slot.offset;
  record.endpoint = slot.store;
  record.worker = index_;
  record.tries = slot.tries;
  record.code = static_cast<std::uint32_t>(code);
  record.kind = slot.kind;
  record.error = error;
  lane_->put(taken);
}

void Recorder::unstarted(model::OpKind kind, base::Nanos wait) {
  model::OpStats& stats = batch_->ops[static_cast<std::size_t>(kind)];
  ++stats.unstarted;
  stats.unstarted_wait.record(wait.count());
}

void Recorder::remember_slow(const storage::OpSlot& slot, std::int64_t service_ns, base::Instant reaped) {
  std::pop_heap(slowest_so_far_.begin(), slowest_so_far_.end(), std::greater<>{});
  slowest_so_far_.back() = service_ns;
  std::push_heap(slowest_so_far_.begin(), slowest_so_far_.end(), std::greater<>{});
  slow_floor_ns_ = slowest_so_far_.front();

  model::SlowOp slow{.kind = slot.kind,
                     .service_ns = service_ns,
                     .at_ns = (reaped - clock_.run_start).count(),
                     .bytes = slot.bytes,
                     .key = key_of(slot)};
  if (batch_->slowest.size() < kSlowestMax) {
    batch_->slowest.push_back(std::move(slow));
    return;
  }
  auto least = std::ranges::min_element(batch_->slowest, {}, &model::SlowOp::service_ns);
  *least = std::move(slow);
}

}  // namespace sluice::load
