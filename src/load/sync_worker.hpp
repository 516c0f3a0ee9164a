#pragma once

#include "load/worker.hpp"

namespace sluice::load {

/// A worker with one operation in flight and no loop: direct system calls in its own thread, which is all that metadata
/// and whole small files want. A slow call is the measurement, not a stall.
class SyncWorker final : public Worker {
 public:
  using Worker::Worker;
  void wake() override;
  std::uint32_t in_flight() const override { return flight_.load(std::memory_order_relaxed) == kNone ? 0 : 1; }
  std::uint32_t overdue() const override { return flight_.load(std::memory_order_relaxed) == kCounted ? 1 : 0; }
  std::optional<model::ErrorSample> take_overdue(base::Instant now) override;
  bool leave(base::Instant now) override;

 protected:
  storage::WorkerKind kind() const override { return storage::WorkerKind::Sync; }
  void run() override;

 private:
  /// Waits until `until` or a stop.
  void wait_until(base::Instant until);
  /// Waits until `until`, the end of the window or a stop, and returns the time.
  base::Instant wait_to_start(base::Instant until);
  /// One try. False where this worker was left meanwhile.
  bool make_call(storage::OpSlot& slot, base::Instant& ended);
  /// Runs the operation with all its tries; returns when it ended, or nothing where this worker was left.
  std::optional<base::Instant> run_operation(storage::OpSlot& slot);

  /// The call under way: when its operation was started, or what the stage's thread has done about it. Whoever takes
  /// the time stamp out of it counts the operation, so it is counted once. Left: what this worker has recorded belongs
  /// to the stage's thread, and a worker that comes back from its call touches nothing any more.
  static constexpr std::int64_t kNone = 0, kCounted = -1, kLeft = -2;
  std::atomic<std::int64_t> flight_{kNone};

  std::mutex mutex_;  ///< of woken_; and held while the stage's thread reads a slot that it has counted
  std::condition_variable woken_;
};

}  // namespace sluice::load
