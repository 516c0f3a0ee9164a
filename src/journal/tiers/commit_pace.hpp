#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.hpp"

namespace sluice::journal {

/// When the next small commit may begin: `every` apart in the long run, and up to `at_once` of them without a wait
/// after a quiet time (the generic cell rate algorithm, ITU-T I.371). A commit costs the same whether it has one block
/// or ten: many parties that each append alone would else keep the writer busy with commits of one block. One thread at
/// a time.
class CommitPace {
 public:
  CommitPace(base::Nanos every, std::uint32_t at_once)
      : every_(every), ahead_max_(every * (std::max<std::int64_t>(at_once, 1) - 1)) {}

  /// The earliest instant for the next one; in the past where it may begin at once.
  base::Instant next() const { return due_ - ahead_max_; }
  /// A small commit begins at `t`.
  void begin(base::Instant t) { due_ = std::max(due_, t) + every_; }

 private:
  base::Nanos every_, ahead_max_;
  base::Instant due_;  ///< when the next one would be due if all kept their distance
};

}  // namespace sluice::journal
