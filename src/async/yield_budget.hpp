#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.hpp"

namespace sluice::async {

/// How much a loop may do before it gives the thread a turn: a number of operations, or a time, whichever comes first.
/// A loop whose awaits complete without suspending starves its thread as surely as a blocking call. Belongs to one
/// loop. An operation costs one count; the clock is read at every 128th, and more often only where operations are so
/// slow that this would pass the time: a change from fast to slow ones is noticed 128 operations late at the most.
class YieldBudget {
 public:
  struct Limits {
    std::uint32_t operations = 100;
    base::Nanos time{200'000};
  };

  explicit YieldBudget(Limits limits) : limits_(limits) {}

  /// A turn begins at `t`. Call it before the first operation, too.
  void renew(base::Instant t) {
    // The loop's own clock tells the pace of the turn before: short turns need no look of their own.
    done_ += counted();
    if (done_ > 0) plan(t - began_);
    began_ = t;
    done_ = 0;
    until_look_ = planned_ = std::min(planned_, limits_.operations);
  }

  /// `completions` more were done. True when it is time for a turn: give it, then renew().
  bool spent(std::uint32_t completions = 1, base::Instant (*clock)() = base::now) {
    if (completions < until_look_) [[likely]] {
      until_look_ -= completions;
      return false;
    }
    return look(completions, clock);
  }

 private:
  static constexpr std::int64_t kLookEvery = 128;

  std::uint32_t counted() const { return planned_ - until_look_; }

  bool look(std::uint32_t completions, base::Instant (*clock)()) {
    done_ += counted() + completions;
    until_look_ = planned_ = 1;
    if (done_ >= limits_.operations) return true;
    const base::Nanos gone = clock() - began_;
    plan(gone);
    until_look_ = planned_ = std::min(planned_, limits_.operations - static_cast<std::uint32_t>(done_));
    return gone >= limits_.time;
  }

  /// The next look comes when half of the time that is left has gone by at the present pace.
  void plan(base::Nanos gone) {
    const std::int64_t worth = done_ * (limits_.time - gone).count();
    const std::int64_t twice_gone = 2 * std::max<std::int64_t>(gone.count(), 1);
    // No division for fast operations: a short turn would feel it.
    const std::int64_t fit =
        worth >= kLookEvery * twice_gone ? kLookEvery : std::max<std::int64_t>(worth / twice_gone, 1);
    planned_ = static_cast<std::uint32_t>(fit);
  }

  const Limits limits_;
  base::Instant began_;
  std::int64_t done_ = 0;  ///< in this turn, up to the last look
  std::uint32_t planned_ = 1, until_look_ = 1;
};

}  // namespace sluice::async
