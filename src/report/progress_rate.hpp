#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace sluice::report {

/// Rate and time left of a piece of work, from what its Progress showed at the last moments it was looked at: steady
/// enough to read, quick enough to show that something stopped. One thread; a value.
class ProgressRate {
 public:
  /// `done` at `elapsed` since the stage began. A step back in time (another stage began) forgets what was before; one
  /// in `done` alone (its next piece of work began) counts from nothing done at the last look.
  void sample(base::Nanos elapsed, std::uint64_t done);

  /// Over the span that the kept samples cover, at most the last ten of them; 0 before there are two.
  double per_second() const;

  /// Time left at that rate; absent where the total is unknown or nothing moves. Zero once all is done.
  std::optional<base::Nanos> time_left(std::optional<std::uint64_t> total) const;

 private:
  static constexpr std::size_t kSamplesMax = 10;
  struct Sample {
    base::Nanos elapsed{0};
    std::uint64_t done = 0;
  };
  void keep(Sample sample);
  const Sample& newest() const { return samples_[(next_ + kSamplesMax - 1) % kSamplesMax]; }
  const Sample& oldest() const { return samples_[(next_ + kSamplesMax - count_) % kSamplesMax]; }

  std::array<Sample, kSamplesMax> samples_{};
  std::size_t next_ = 0, count_ = 0;
};

}  // namespace sluice::report
