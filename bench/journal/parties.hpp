#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "journal/stored_form.hpp"

namespace sluice::journal {

/// Seconds of four busy operations, measured once and said again and again with other times and numbers: about 4 KiB
/// each. Any thread.
class BusySeconds {
 public:
  BusySeconds();

  /// Calls `use(const model::Block&)` with one of them, as the interval `number` of a party.
  template <class Use>
  auto as(std::uint64_t which, std::uint64_t number, Use use) {
    Sample& sample = samples_[which % samples_.size()];
    const std::lock_guard lock(sample.mutex);
    place(sample.block, number);
    return use(std::as_const(sample.block));
  }

 private:
  struct Sample {
    std::mutex mutex;
    model::Block block;
  };
  static void place(model::Block& block, std::uint64_t number);

  std::array<Sample, 64> samples_;
};

/// The blocks of one party, as its log would have them: the run and its stage begin, then there is an interval for each
/// second. The same again for the same names. One thread at a time.
class PartyBlocks {
 public:
  /// outlives: `seconds`.
  PartyBlocks(BusySeconds& seconds, PartyKey key, std::uint64_t seed);

  /// The next one; no two of a party are alike.
  StoredBlock next();
  std::uint64_t made() const { return number_; }
  const PartyKey& key() const { return key_; }

 private:
  BusySeconds& seconds_;  // outlives: whoever made both
  const PartyKey key_;
  const std::uint64_t seed_;
  StoredForm form_;
  std::uint64_t number_ = 0;
};

}  // namespace sluice::journal
