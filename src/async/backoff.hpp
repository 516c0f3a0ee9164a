#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "async/deadline.hpp"
#include "async/task.hpp"
#include "base/random.hpp"

namespace sluice::async {

/// How a Backoff waits, and when it gives up.
struct BackoffOptions {
  base::Nanos initial{1'000'000'000};
  base::Nanos max{30'000'000'000};
  double multiplier = 2.0;
  std::uint32_t tries_max = UINT32_MAX;  ///< of the operation, the first one counted
  Deadline deadline = Deadline::never();
};

/// How long to wait before something that failed is tried again: exponential with full jitter (uniform in 0 to the
/// present step), so that many clients do not come back at once. Source: "Exponential Backoff And Jitter", AWS
/// Architecture Blog, 2015. One owner, no thread of its own.
class Backoff {
 public:
  using Options = BackoffOptions;
  Backoff(Options options, std::uint64_t seed) : options_(options), random_(seed), step_(options.initial) {}

  /// Notes a failure. The wait before the next try; nothing when no further one is to be made: the tries are spent, or
  /// it could not begin before the deadline.
  std::optional<base::Nanos> next(const base::Error& failure);
  /// After a success: the next failure is the first one again.
  void reset();

  std::uint32_t failures() const { return failures_; }
  /// `last`, with how often and how long it was tried, and the failures before it in its chain (the latest four).
  base::Error give_up(base::Error last) const;

 private:
  Options options_;
  base::Random random_;
  base::Nanos step_;
  std::uint32_t failures_ = 0;
  base::Instant first_;
  std::vector<std::string> earlier_;
};

}  // namespace sluice::async
