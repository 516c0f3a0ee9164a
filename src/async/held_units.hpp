#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/assert.hpp"
#include "base/time.hpp"

namespace sluice::async {

/// Counts the units that are held, by when they were taken, so that the oldest are known while they are held. Times are
/// kept by spans of kSpan, of which only those with units are kept: what is told of a time is the least that it can be.
/// Not thread-safe: under its owner's mutex.
class HeldUnits {
 public:
  static constexpr int kSpanBits = 26;  ///< of nanoseconds: 67 ms
  static constexpr base::Nanos kSpan{std::int64_t{1} << kSpanBits};

  /// At a time not before that of the last call.
  void take(base::Instant at, std::uint64_t units) {
    const std::int64_t number = at.ns >> kSpanBits;
    if (spans_.empty() || spans_.back().number != number) {
      SLUICE_DEBUG_ASSERT(spans_.empty() || spans_.back().number < number);
      spans_.push_back({.number = number});
    }
    spans_.back().units += units;
    spans_.back().youngest = at;
    total_ += units;
  }
  /// Of those taken at that time.
  void give_back(base::Instant since, std::uint64_t units) {
    const auto span = find(since);
    span->units -= units;
    total_ -= units;
    if (span->units == 0) spans_.erase(span);
  }
  /// Units of `from` count from now on as taken at `to`, when others were that are still held.
  void move(base::Instant from, base::Instant to, std::uint64_t units) {
    find(to)->units += units;
    total_ += units;
    give_back(from, units);
  }

  std::uint64_t total() const { return total_; }

  struct Late {
    std::uint64_t units = 0;
    base::Nanos longest{0};  ///< up to kSpan less than it really is
  };
  /// What has been held for at least so long.
  Late longer_than(base::Nanos threshold, base::Instant now) const {
    Late late;
    for (const Span& span : spans_) {
      const base::Nanos held = now - span.youngest;
      if (held < threshold) break;
      late.units += span.units;
      late.longest = std::max(late.longest, held);
    }
    return late;
  }

 private:
  struct Span {
    std::int64_t number = 0;  ///< since the clock began
    std::uint64_t units = 0;
    base::Instant youngest;
  };

  std::vector<Span>::iterator find(base::Instant since) {
    const auto found = std::ranges::lower_bound(spans_, since.ns >> kSpanBits, {}, &Span::number);
    SLUICE_DEBUG_ASSERT(found != spans_.end() && found->number == since.ns >> kSpanBits && found->units > 0);
    return found;
  }

  std::vector<Span> spans_;  ///< oldest first
  std::uint64_t total_ = 0;
};

}  // namespace sluice::async
