#pragma once

#include <algorithm>

#include "base/time.hpp"

namespace sluice::async {

/// Until when a caller waits: absolute, on CLOCK_MONOTONIC, so that it is passed down unchanged. It bounds the caller,
/// never the kernel: what a deadline has passed by may still be going on, and whoever started it says who counts it.
class Deadline {
 public:
  /// No bound: for waits that their owner ends by cancelling.
  static constexpr Deadline never() { return Deadline(base::Instant::never()); }
  static constexpr Deadline at(base::Instant when) { return Deadline(when); }
  /// From now on; a span that reaches past the end of the clock is never, a negative one has passed.
  static Deadline in(base::Nanos span) {
    const std::int64_t now = base::now().ns;
    std::int64_t when = 0;
    if (__builtin_add_overflow(now, span.count(), &when)) return span.count() < 0 ? Deadline({0}) : never();
    return Deadline({when});
  }

  base::Instant when() const { return when_; }
  bool is_never() const { return when_ == base::Instant::never(); }
  bool has_passed() const { return !is_never() && base::now() >= when_; }
  /// What is left of it; zero once it has passed, Nanos::max() where there is no bound.
  base::Nanos left() const {
    return is_never() ? base::Nanos::max() : std::max(base::Nanos{0}, when_ - base::now());
  }

  auto operator<=>(const Deadline&) const = default;

 private:
  explicit constexpr Deadline(base::Instant when) : when_(when) {}
  base::Instant when_;
};

/// Both have to hold.
inline Deadline earlier(Deadline a, Deadline b) { return std::min(a, b); }

}  // namespace sluice::async
