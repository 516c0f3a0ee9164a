#pragma once

#include <cstdint>
#include <mutex>

#include "base/random.hpp"
#include "base/time.hpp"
#include "model/run_plan.hpp"

namespace sluice::load {

/// When operations are meant to start in an open loop: an endless rising sequence of instants for part `part` of
/// `parts`; all parts together have the plan's rate. Deterministic: arrival k of the whole lies at start + k / rate and
/// belongs to part k mod parts. Exponential: each part is a Poisson process of its share of the rate, which together
/// are one of the whole rate. Uniform: the gaps of the whole are uniform in 0 .. 2 / rate, and arrival k belongs to
/// part k mod parts; each part makes the whole sequence for itself, a few ns an arrival. One thread, unless Shared.
class Schedule {
 public:
  Schedule(const model::IoRate& rate, base::Instant start, std::uint32_t part, std::uint32_t parts, std::uint64_t seed);

  /// The next intended start.
  base::Instant next();

 private:
  model::IoRate::Distribution distribution_;
  base::Instant start_;
  double gap_ns_;       ///< the mean one of the whole; of this part (exponential)
  std::uint64_t next_;  ///< the whole's number of this part's next one
  std::uint32_t step_;
  std::uint64_t made_ = 0;  ///< of the whole (uniform)
  double elapsed_ns_ = 0;
  base::Random random_;
};

/// One schedule drawn from by many sync workers: whoever is free takes the next arrival, so that a slow operation
/// delays only itself.
class SharedSchedule {
 public:
  explicit SharedSchedule(Schedule schedule) : schedule_(schedule) {}
  /// The next intended start, given to one caller only. Any thread.
  base::Instant next() {
    std::lock_guard lock(mutex_);
    return schedule_.next();
  }

 private:
  std::mutex mutex_;
  Schedule schedule_;
};

}  // namespace sluice::load
