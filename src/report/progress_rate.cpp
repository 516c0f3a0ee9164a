#include "report/progress_rate.hpp"

namespace sluice::report {

namespace {

/// Longer than anybody would wait: keeps the conversion to nanoseconds in range.
constexpr double kTimeLeftMaxS = 100.0 * 365 * 86400;

}  // namespace

void ProgressRate::keep(Sample sample) {
  samples_[next_] = sample;
  next_ = (next_ + 1) % kSamplesMax;
  if (count_ < kSamplesMax) ++count_;
}

void ProgressRate::sample(base::Nanos elapsed, std::uint64_t done) {
  if (count_ > 0 && (elapsed < newest().elapsed || done < newest().done)) {
    const base::Nanos last_look = newest().elapsed;
    count_ = 0;
    if (elapsed > last_look) keep({.elapsed = last_look, .done = 0});
  }
  keep({.elapsed = elapsed, .done = done});
}

double ProgressRate::per_second() const {
  if (count_ < 2) return 0;
  const base::Nanos span = newest().elapsed - oldest().elapsed;
  if (span.count() <= 0) return 0;
  return static_cast<double>(newest().done - oldest().done) / (static_cast<double>(span.count()) / 1e9);
}

std::optional<base::Nanos> ProgressRate::time_left(std::optional<std::uint64_t> total) const {
  if (!total || count_ == 0) return std::nullopt;
  if (newest().done >= *total) return base::Nanos{0};
  const double rate = per_second();
  if (rate <= 0) return std::nullopt;
  const double left_s = static_cast<double>(*total - newest().done) / rate;
  if (left_s > kTimeLeftMaxS) return std::nullopt;
  return base::Nanos{static_cast<std::int64_t>(left_s * 1e9)};
}

}  // namespace sluice::report
