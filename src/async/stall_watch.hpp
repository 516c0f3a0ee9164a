#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "async/hold_mark.hpp"
#include "async/permits.hpp"
#include "base/error.hpp"

namespace sluice::async {

/// A loop thread that was seen held.
struct StallReport {
  std::string thread;
  std::string work;
  base::Nanos hold{0};             ///< so far, `preempted` taken out
  base::Nanos preempted{0};        ///< the scheduler kept it from running
  std::vector<std::string> stack;  ///< innermost first; empty where the thread could not be asked
};

/// For people: "the loop 'load worker 0' was held for 35.2 ms by 'execute': load::seal <- load::collect". Of the stack
/// the three innermost functions of our own; other people's say nothing to who does not know them.
std::string to_text(const StallReport& report);

/// Looks at loop threads from outside and names what holds one: thread, work, and a stack trace taken in that thread.
/// Owns one sampler thread, which looks every threshold/2 and sleeps while nothing is registered. A hold is wall time
/// less run-queue delay. LoopThread registers itself. Made by app and handed down; outlives the loops.
///
/// The trace is taken by a real-time signal (SIGRTMIN + 3): a loop whose call it interrupts sees EINTR or a restart. A
/// thread that sits in an uninterruptible call cannot answer: it is reported without a trace.
///
/// It also looks at Permits, and tells of units that are held for too long while they are held: who waits for a permit
/// may wait for a task that awaits what has no bound.
class StallWatch {
 public:
  struct Options {
    base::Nanos threshold{20'000'000};
    base::Nanos report_every{1'000'000'000};  ///< at most, of one thread; a hold that lasts is reported again
    base::Nanos permit_threshold{5'000'000'000};
  };
  /// Called on the sampler's thread, one call at a time. May block and may throw nothing.
  using Report = std::function<void(const StallReport&)>;
  /// The same, of Permits.
  using PermitReport = std::function<void(const PermitHold&)>;

  /// Errors: ResourceExhausted (no thread to be had).
  static base::Result<std::unique_ptr<StallWatch>> create(Options options, Report report,
                                                          PermitReport permit_report = {});
  /// Every loop has unregistered. No report comes afterwards.
  ~StallWatch();
  StallWatch(const StallWatch&) = delete;
  StallWatch& operator=(const StallWatch&) = delete;

  /// Registers the calling thread, whose turns `mark` tells. For LoopThread.
  void add(const HoldMark& mark, std::string_view name);
  /// On the same thread. The mark is not read afterwards.
  void remove(const HoldMark& mark);

  /// Looks at these, too, until they and all that they gave out have gone; units of theirs that are held for longer
  /// than permit_threshold are reported once in report_every. Any thread.
  void watch(const Permits& permits);

  /// Holds of loops that were reported so far.
  std::uint64_t reports() const { return reports_.load(std::memory_order_relaxed); }

 private:
  struct Watched;
  /// A hold that one look found; what is needed to look again without the registry's mutex.
  struct Suspect;

  struct WatchedPermits {
    PermitProbe probe;
    base::Instant due;  ///< not reported before
  };

  StallWatch(Options options, Report report, PermitReport permit_report);
  void run();
  base::Nanos permit_period() const { return std::min(options_.report_every, options_.permit_threshold / 2); }
  /// Null when the thread has unregistered.
  Watched* find(const Suspect& suspect);
  base::Instant next_look() const;
  std::vector<Suspect> look();
  void question(const Suspect& suspect);
  std::vector<PermitHold> look_at_permits();

  const Options options_;
  const Report report_;
  const PermitReport permit_report_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Watched>> watched_;
  std::vector<WatchedPermits> permits_;
  base::Instant loops_due_, permits_due_;  ///< the next looks at them
  std::uint64_t registered_ = 0;           ///< grows when there is something to look at sooner than that
  std::uint64_t last_id_ = 0;
  bool ending_ = false;
  std::atomic<std::uint64_t> reports_{0};
  std::thread sampler_;
};

}  // namespace sluice::async
