#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.hpp"

namespace sluice::async {

/// How much a loop may do before it gives the thread a turn: a number of operations, or a time, whichever comes first.
/// A loop whose awaits complete without suspending starves its thread as surely as a blocking call. Belongs to one
/// loop. The clock is read at every 32nd operation, and more often only where operations are so slow that this would
/// pass the time: a change from fast to slow ones is noticed 32 operations late at the most.
class YieldBudget {
 public:
  struct Limits {
    std::uint32_t operations = 100;
    base::Nanos time{200'000};
  };

  explicit YieldBudget(Limits limits) : limits_(limits) {}

  /// A turn begins at `t`. Call it before the first operation, too.
  void renew(base::Instant t) {
    began_ = t;
    done_ = 0;
  }

  /// `completions` more were done. True when it is time for a turn: give it, then renew().
  bool spent(std::uint32_t completions = 1, base::Instant (*clock)() = base::now) {
    done_ += completions;
    if (done_ >= limits_.operations) return true;
    if (completions < until_look_) [[likely]] {
      until_look_ -= completions;
      return false;
    }
    return look(clock());
  }

 private:
  static constexpr std::int64_t kLookEvery = 32;

  /// Looks again when half of the time that is left has gone by at the present pace.
  bool look(base::Instant t) {
    const base::Nanos gone = t - began_;
    const base::Nanos left = limits_.time - gone;
    const std::int64_t fit = gone.count() <= 0 ? kLookEvery : done_ * left.count() / gone.count() / 2;
    until_look_ = static_cast<std::uint32_t>(std::clamp<std::int64_t>(fit, 1, kLookEvery));
    return left.count() <= 0;
  }

  const Limits limits_;
  base::Instant began_;
  std::uint32_t done_ = 0;
  std::uint32_t until_look_ = 1;
};

}  // namespace sluice::async
