#pragma once

#include <optional>

#include "async/loop_thread.hpp"
#include "async/yield_budget.hpp"
#include "load/worker.hpp"

namespace sluice::load {

/// A worker with many operations in flight on one loop: an io_uring (RingWorker of the design) or an event loop
/// (SocketWorker); the storage's Loop is the difference. Per turn: fill the free slots, submit, wait, reap, with two
/// clock reads for all of them. Where the store completes at once, a turn ends after a budget of operations or of time:
/// it would else be as long as there are slots.
class LoopWorker final : public Worker {
 public:
  // shared because an abandoned worker keeps its pass alive
  LoopWorker(std::shared_ptr<PassShared> shared, std::unique_ptr<OpSource> source, std::uint32_t index,
             std::uint32_t slots, std::uint32_t workers, storage::WorkerKind kind);
  void wake() override;
  std::uint32_t in_flight() const override { return in_flight_.load(std::memory_order_relaxed); }
  std::uint32_t overdue() const override { return overdue_.load(std::memory_order_relaxed); }
  const async::StallMeter* stall_meter() const override { return &meter_; }

 protected:
  storage::WorkerKind kind() const override { return kind_; }
  base::Result<std::unique_ptr<storage::Loop>> make_loop() override;
  void run() override;

 private:
  /// A failed operation that waits for its next try; it is in flight all the time.
  struct Retry {
    base::Instant due;
    storage::OpSlot* slot = nullptr;
  };

  /// Starts what may start now; sets look_again_.
  void refill(base::Instant t);
  void start_retries(base::Instant t);
  bool take_arrival(storage::OpSlot& slot, base::Instant t);
  void start(storage::OpSlot& slot, base::Instant t);
  void mark_submitted();
  void reap(base::Instant t);
  void end_operation(storage::OpSlot& slot, base::Instant t);
  void count_what_never_started(Schedule& schedule);
  /// Counts operations in flight longer than operation_timeout as failed; they stay lent to the kernel.
  void count_overdue(base::Instant t);

  const storage::WorkerKind kind_;
  const std::uint32_t workers_;
  const std::size_t lot_;  ///< operations that are started before the kernel gets them
  async::StallMeter meter_;
  async::LoopThread* turns_ = nullptr;  ///< while run() runs
  async::YieldBudget budget_;           ///< of operations that the store completes at once
  bool is_spent_ = false;
  std::optional<Schedule> schedule_;
  std::optional<base::Instant> arrival_;  ///< drawn and not yet started
  bool source_ended_ = false;
  base::Instant look_again_;  ///< for arrivals and back-off
  std::uint32_t busy_ = 0;    ///< slots in flight, retries included
  std::atomic<std::uint32_t> in_flight_{0}, overdue_{0};
  base::Instant next_sweep_;  ///< over the slots, for what is overdue
  storage::SlotList free_;    ///< a stack: the processor still knows the memory of the last one
  std::vector<Retry> retries_;
  std::vector<storage::OpSlot*> fresh_;  ///< first tries since the last turn that have not completed at once
};

}  // namespace sluice::load
