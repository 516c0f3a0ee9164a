#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "load/operation_lane.hpp"
#include "load/spsc_queue.hpp"
#include "load/stage_clock.hpp"
#include "model/block.hpp"
#include "storage/op_slot.hpp"

namespace sluice::load {

/// What one worker measured in one window.
struct Batch {
  model::Phase phase = model::Phase::Measured;
  std::int64_t from_ns = 0, to_ns = 0;  ///< since the stage's start
  model::OpStatsSet ops;
  std::vector<model::SlowOp> slowest;
  std::vector<model::ErrorSample> samples;
};

/// The measuring of one worker. The worker records into a batch; at the first completion past a boundary it hands the
/// filled batch to the collector and takes an empty one, without locks. An operation belongs to the window in which it
/// completes. All counts that were recorded are handed over sooner or later: finish() hands over the rest.
class Recorder {
 public:
  static constexpr std::size_t kSlowestMax = 10;
  static constexpr std::size_t kSamplesMax = 3;  ///< per kind of error and batch
  static constexpr std::size_t kBatchesMax = 8;  ///< in circulation; beyond, the open batch grows over several windows

  Recorder(const StageClock& clock, bool open_loop) : Recorder(clock, open_loop, 0, nullptr) {}
  /// With an op-log: every operation of the worker `index` goes to `lane`, too.
  Recorder(const StageClock& clock, bool open_loop, std::uint32_t index, std::unique_ptr<OperationLane> lane);

  // --- the worker's thread ---

  /// A success that was reaped at `reaped`.
  void success(const storage::OpSlot& slot, base::Instant reaped) {
    if (reaped >= boundary_) [[unlikely]]
      roll(reaped);
    const std::int64_t service_ns = (reaped - slot.started).count();
    model::OpStats& stats = batch_->ops[static_cast<std::size_t>(slot.kind)];
    model::SizeClassStats& in_class = stats.in_class(model::size_class_of(slot.bytes));
    ++stats.count;
    stats.bytes += slot.bytes;
    ++in_class.count;
    in_class.bytes += slot.bytes;
    in_class.service.record(service_ns);
    if (open_loop_) in_class.response.record((reaped - slot.intended).count());
    if (slot.tries != 0) [[unlikely]]
      stats.retries += slot.tries;
    if (service_ns > slow_floor_ns_) [[unlikely]]
      remember_slow(slot, service_ns, reaped);
    if (lane_ != nullptr) put_operation(slot, reaped, std::nullopt);
  }

  /// A failure after its last try.
  void failure(const storage::OpSlot& slot, base::Instant reaped);
  /// An operation that is still in flight after `timeout`: a failure now. Its end is told to late().
  void timed_out(const storage::OpSlot& slot, base::Nanos timeout, base::Instant now);
  /// An operation has ended that was counted as timed out before.
  void late(const storage::OpSlot& slot) { batch_->ops[static_cast<std::size_t>(slot.kind)].retries += slot.tries; }
  /// An operation that others have counted as timed out, because the worker was in it, has ended or was left.
  void counted_elsewhere(const storage::OpSlot& slot, base::Instant now);
  /// May another operation start at `t`? Not while the op-log is behind.
  bool has_room(base::Instant t) { return lane_ == nullptr || lane_->has_room(t); }
  /// A draw that found the operation's pool empty.
  void starved(model::OpKind kind) { ++batch_->ops[static_cast<std::size_t>(kind)].starved; }
  /// An intended arrival that never started, with its wait so far.
  void unstarted(model::OpKind kind, base::Nanos wait);
  /// Hands over what is past its boundary, also when nothing completes.
  void tick(base::Instant now) {
    if (now >= boundary_) roll(now);
  }
  /// The measured window has ended before its time, at `at`: what completes from now on is of the drain.
  void end_window(base::Instant at);
  /// Hands over everything; the last call of the worker.
  void finish(base::Instant now);

  // --- the collector's thread ---

  /// A filled batch, or null.
  std::unique_ptr<Batch> take() { return filled_.try_pop(); }
  /// Gives a batch back for reuse.
  void give_back(std::unique_ptr<Batch> batch);

  /// The worker's operations one by one, for the thread that takes them away; null where there is no op-log.
  OperationLane* lane() { return lane_.get(); }

 private:
  void roll(base::Instant now);
  void open_batch(base::Instant at);
  void remember_slow(const storage::OpSlot& slot, std::int64_t service_ns, base::Instant reaped);
  void put_operation(const storage::OpSlot& slot, base::Instant ended, std::optional<model::ErrorKind> error,
                     int code = 0);

  StageClock clock_;
  bool open_loop_;
  const std::uint32_t index_;
  const std::unique_ptr<OperationLane> lane_;
  base::Instant boundary_;
  std::int64_t slow_floor_ns_ = -1;
  std::unique_ptr<Batch> batch_, spare_;                  ///< the open one; one that has come back
  std::array<std::int64_t, kSlowestMax> slowest_so_far_;  ///< a heap, the least at the front
  std::size_t batches_ = 0;
  SpscQueue<std::unique_ptr<Batch>, 2 * kBatchesMax> filled_, empty_;
};

/// The name of the slot's target, for people.
std::string key_of(const storage::OpSlot& slot);

/// What the results say of an operation that is still in flight after `timeout`, `at` after the run's start.
model::ErrorSample overdue_sample(const storage::OpSlot& slot, base::Nanos timeout, base::Nanos at);

}  // namespace sluice::load
