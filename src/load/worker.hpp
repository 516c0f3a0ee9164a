#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "async/stall_meter.hpp"
#include "async/stall_watch.hpp"
#include "base/error.hpp"
#include "base/random.hpp"
#include "load/error_budget.hpp"
#include "load/op_source.hpp"
#include "load/recorder.hpp"
#include "load/schedule.hpp"
#include "load/stage_clock.hpp"
#include "model/progress.hpp"
#include "storage/store.hpp"

namespace sluice::load {

/// What all workers of one pass share. Lives as long as the last of them.
struct PassShared {
  std::vector<storage::Backend*>
      backends;                         // outlives: kept by keep_alive. By store number; null: not used in this pass
  storage::StoreOptions store_options;  ///< without slots and buffers, which are each worker's own
  std::size_t in_bytes = 0, out_bytes = 0;  ///< of one slot's buffers for what is read and what is written
  bool sync_at_end = false;                 ///< fsync: end
  ErrorBudget* budget = nullptr;            // outlives: kept by keep_alive
  bool counts_errors = true;                ///< failures are charged to the budget
  bool keeps_operations = false;            ///< one by one, for an op-log
  std::optional<model::IoRate> rate;        ///< open loop
  std::uint64_t seed = 0;
  model::Progress* progress = nullptr;       ///< counts completed operations; outlives: kept by keep_alive
  async::StallWatch* stall_watch = nullptr;  ///< of loops; may be null. outlives: kept by keep_alive
  std::unique_ptr<SharedSchedule> schedule;  ///< sync workers in open loop

  StageClock clock;                  ///< set before `go` is released
  std::latch go{1};                  ///< the clock is set
  std::atomic<bool> stop{false};     ///< start nothing more
  std::atomic<bool> abandon{false};  ///< do not even wait for what is in flight

  // Where workers are; changed under the mutex, each change signalled.
  std::mutex mutex;
  std::condition_variable changed;
  std::atomic<std::uint32_t> opening;  ///< those that have not yet opened their stores, or failed to
  std::atomic<std::uint32_t> running;

  // shared because a worker that is stuck in the kernel may outlive the run; what it may touch must outlive it
  std::shared_ptr<const void> keep_alive;

  const std::uint32_t workers;

  explicit PassShared(std::uint32_t count) : opening(count), running(count), workers(count) {}

  /// Nothing is started from `at` on, which ends the window. The first call counts. Any thread.
  void request_stop(base::Instant at) {
    std::int64_t none = base::Instant::never().ns;
    stopped_at_ns_.compare_exchange_strong(none, at.ns);
    stop.store(true, std::memory_order_release);
  }
  /// When starting operations ends or has ended: the end of the window or the stop.
  base::Instant starting_ends() const {
    return std::min(clock.measure_to, base::Instant{stopped_at_ns_.load(std::memory_order_relaxed)});
  }

 private:
  std::atomic<std::int64_t> stopped_at_ns_{base::Instant::never().ns};
};

/// One thread of load. Owns its stores, slots, buffers, source and recorder; shares nothing on the hot path. It runs
/// from start() until its source ends, its window is over or PassShared::stop is set, and then ends by itself.
/// Subclasses are the kinds of loop.
class Worker {
 public:
  // shared because an abandoned worker keeps its pass alive
  Worker(std::shared_ptr<PassShared> shared, std::unique_ptr<OpSource> source, std::uint32_t index,
         std::uint32_t slots);
  virtual ~Worker();

  /// Starts the thread, pinned to `cpu` where one is given.
  void start(std::optional<int> cpu);
  /// Makes a waiting worker look at PassShared::stop. Any thread.
  virtual void wake() = 0;
  /// Waits for the thread's end.
  void join();
  /// Leaves the thread, and this object with it, to the process: for operations that never return.
  static void abandon(std::unique_ptr<Worker> worker);

  bool has_ended() const { return ended_.load(std::memory_order_acquire); }
  /// Why the stores could not be opened; only when none is PassShared::opening.
  const base::Result<void>& opened() const { return opened_; }
  /// Of making durable what was written; only after the end.
  const base::Result<void>& synced() const { return synced_; }
  /// Null before the worker has begun. Collector's thread.
  Recorder* recorder() { return recorder_ready_.load(std::memory_order_acquire); }
  virtual const async::StallMeter* stall_meter() const { return nullptr; }
  /// Operations in flight now, about.
  virtual std::uint32_t in_flight() const = 0;
  /// Those of them that were counted as timed out and have not returned, about.
  virtual std::uint32_t overdue() const = 0;
  /// An operation that has been in flight longer than operation_timeout and was not counted so far; from now on it is.
  /// Of workers that cannot look themselves, because they are in that very call. Stage's thread.
  virtual std::optional<model::ErrorSample> take_overdue(base::Instant now) {
    return static_cast<void>(now), std::nullopt;
  }
  /// Takes what this worker has recorded out of its hands, where it is in a call and cannot hand it over; true then. It
  /// is to be abandoned. Stage's thread.
  virtual bool leave(base::Instant now) { return static_cast<void>(now), false; }

 protected:
  virtual storage::WorkerKind kind() const = 0;
  virtual base::Result<std::unique_ptr<storage::Loop>> make_loop() { return std::unique_ptr<storage::Loop>(); }
  /// The load itself, on the worker's thread; returns when the source, the window or the pass has ended.
  virtual void run() = 0;

  storage::Store& store_of(const storage::OpSlot& slot) { return *stores_[slot.store]; }
  /// May another operation start at `t`? Not after the window's end or a stop.
  bool may_start(base::Instant t) const {
    return !shared_->stop.load(std::memory_order_relaxed) && t < shared_->clock.measure_to;
  }
  /// How soon a worker asks again whether the op-log has room.
  static constexpr base::Nanos kRoomRetry{200'000};
  /// Has the op-log room for another one?
  bool has_room(base::Instant t) { return recorder_->has_room(t); }
  /// Until when nothing may start because of the rate of errors; in the past where there is no such rule.
  base::Instant backoff_until() const {
    return shared_->counts_errors ? shared_->budget->backoff_until() : base::Instant{};
  }
  /// When the slot that failed at `failed` is to be tried once more; nothing where it is not. Counts the try.
  std::optional<base::Instant> next_try(storage::OpSlot& slot, base::Instant failed);
  /// After a stop: what is recorded from now on is of the drain.
  void notice_stop() {
    if (shared_->stop.load(std::memory_order_acquire)) [[unlikely]]
      recorder_->end_window(shared_->starting_ends());
  }
  /// Hands over everything that was recorded.
  void hand_over(base::Instant now);
  /// This worker was left: it ends without touching anything.
  void leave_behind() { is_left_ = true; }
  base::Nanos operation_timeout() const { return shared_->budget->rules().operation_timeout; }
  /// Charges a failure to the error budget, which may end the pass.
  void charge(base::Instant failed);
  /// Records a slot that has ended after its last try, unless it was counted as timed out, and tells the source.
  void finish(storage::OpSlot& slot, base::Instant reaped);
  /// Counts the arrivals up to the end of starting that never started; `arrival` is the first of them.
  template <class NextArrival>
  void count_unstarted(base::Instant arrival, NextArrival next) {
    const base::Instant end = shared_->starting_ends();
    for (; arrival < end; arrival = next()) recorder_->unstarted(source_->likely_kind(), end - arrival);
  }

  // shared because an abandoned worker keeps its pass alive
  std::shared_ptr<PassShared> shared_;
  std::unique_ptr<OpSource> source_;
  const std::uint32_t index_;
  std::vector<storage::OpSlot> slots_;
  std::unique_ptr<storage::Loop> loop_;
  std::unique_ptr<Recorder> recorder_;

 private:
  void thread_main(std::optional<int> cpu);
  base::Result<void> open();
  void end();

  struct Unmap {
    std::size_t bytes = 0;
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, Unmap> memory_{nullptr, Unmap{}};
  std::vector<std::unique_ptr<storage::Store>> stores_;
  base::Result<void> opened_;
  base::Result<void> synced_;
  bool is_left_ = false;
  base::Random random_;           ///< for the jitter of retries
  std::uint64_t unreported_ = 0;  ///< completions not yet added to the progress
  base::Instant reported_at_;
  std::atomic<Recorder*> recorder_ready_{nullptr};
  std::atomic<bool> ended_{false};
  Worker* left_before_ = nullptr;  ///< once abandoned: the one abandoned before
  std::thread thread_;
};

}  // namespace sluice::load
