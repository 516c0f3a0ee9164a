#pragma once

#include <mutex>
#include <string>

#include <fmt/format.h>

#include "base/time.hpp"
#include "model/histogram.hpp"

namespace sluice::journal {

/// Times that were taken by several tasks. Any thread.
class Latencies {
 public:
  void note(base::Nanos time) {
    const std::lock_guard lock(mutex_);
    times_.record(time.count());
  }
  void merge(const Latencies& other) {
    const std::scoped_lock lock(mutex_, other.mutex_);
    times_.merge(other.times_);
  }
  /// "1.23 / 4.56 / 78.90": p50, p99 and the greatest, in ms.
  std::string text() const {
    const std::lock_guard lock(mutex_);
    const auto ms = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e6; };
    return fmt::format("{:.2f} / {:.2f} / {:.2f}", ms(times_.quantile(0.5)), ms(times_.quantile(0.99)),
                       ms(times_.max()));
  }

 private:
  mutable std::mutex mutex_;
  model::Histogram times_;
};

}  // namespace sluice::journal
