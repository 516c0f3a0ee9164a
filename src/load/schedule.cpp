#include "load/schedule.hpp"

namespace sluice::load {

Schedule::Schedule(const model::IoRate& rate, base::Instant start, std::uint32_t part, std::uint32_t parts,
                   std::uint64_t seed)
    : distribution_(rate.distribution),
      start_(start),
      gap_ns_(1e9 / rate.iops),
      next_(part),
      step_(parts),
      random_(base::derive_seed(seed, distribution_ == model::IoRate::Distribution::Uniform ? 0 : part)) {
  if (distribution_ == model::IoRate::Distribution::Exponential) gap_ns_ *= parts;
}

base::Instant Schedule::next() {
  switch (distribution_) {
    case model::IoRate::Distribution::Deterministic:
      elapsed_ns_ = static_cast<double>(next_) * gap_ns_;
      next_ += step_;
      break;
    case model::IoRate::Distribution::Exponential: elapsed_ns_ += random_.exponential(gap_ns_); break;
    case model::IoRate::Distribution::Uniform:
      for (; made_ <= next_; ++made_) elapsed_ns_ += 2 * gap_ns_ * random_.unit();
      next_ += step_;
      break;
  }
  return start_ + base::Nanos{static_cast<std::int64_t>(elapsed_ns_)};
}

}  // namespace sluice::load
