#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace sluice::base {

/// A span of time in nanoseconds.
using Nanos = std::chrono::nanoseconds;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;
using std::chrono_literals::operator""ns;

/// A point on CLOCK_MONOTONIC of this host, in nanoseconds; the clock of every deadline and every latency.
struct Instant {
  std::int64_t ns = 0;

  auto operator<=>(const Instant&) const = default;
  Instant operator+(Nanos d) const { return {ns + d.count()}; }
  Instant operator-(Nanos d) const { return {ns - d.count()}; }
  Nanos operator-(Instant o) const { return Nanos{ns - o.ns}; }

  /// Later than every other instant: no deadline.
  static constexpr Instant never() { return {INT64_MAX}; }
};

/// Reads CLOCK_MONOTONIC (about 22 ns).
Instant now();

/// The same point for waits of the standard library and of Asio, whose steady clock is this one. Instant::never() too
/// is a time that they can wait for.
inline std::chrono::steady_clock::time_point to_chrono(Instant t) {
  return std::chrono::steady_clock::time_point(Nanos{t.ns});
}

/// A point on the wall clock in nanoseconds since 1970 UTC; for showing and naming only, never for intervals.
struct WallTime {
  std::int64_t ns = 0;
  auto operator<=>(const WallTime&) const = default;
};

/// Reads CLOCK_REALTIME.
WallTime wall_now();

/// "2026-11-21T03:44:21.123Z".
std::string to_iso8601(WallTime time);
/// "20261121T034421Z": for names of files and folders.
std::string to_compact(WallTime time);

}  // namespace sluice::base
