#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "journal/tiers/stored_block.hpp"

namespace sluice::journal {

/// From `min` to `max`, both included.
template <class T>
struct Range {
  T min = std::numeric_limits<T>::min();
  T max = std::numeric_limits<T>::max();
  bool is_all() const { return *this == Range{}; }
  bool has(T value) const { return min <= value && value <= max; }
  bool operator==(const Range&) const = default;
};

/// A target's name, or the beginning of names.
struct TargetMatch {
  std::string text;
  bool is_prefix = false;
  bool has(std::string_view target) const { return is_prefix ? target.starts_with(text) : target == text; }
};

/// Which blocks, and which operation records of them. An empty set means all. A block is looked into only where its
/// header and zone map say that something may be there.
struct Filter {
  // Of blocks.
  std::vector<std::string> runs, parties;
  std::vector<std::uint32_t> stages;
  std::vector<BlockKind> kinds;
  OperationSet operations = 0;   ///< 0: all
  Range<std::int64_t> time_ns;   ///< since 1970: windows that touch it; of records: their end
  bool with_superseded = false;  ///< what discard() has marked, too
  // Of operation records.
  StatusSet statuses = 0;  ///< 0: all
  std::vector<TargetMatch> targets;
  Range<std::int64_t> latency_ns;
  Range<std::uint64_t> bytes;

  /// Errors: InvalidArgument (a range whose end is before its start, more than kFilterValuesMax in a set, a number
  /// that no database can hold).
  base::Result<void> check() const;
  /// By the header alone; a discarded attempt is the caller's to know.
  bool may_match(const BlockHeader& header) const;
  bool matches(const BlockHeader& header, const NotableRecord& record) const;
};

inline constexpr std::size_t kFilterValuesMax = 1000;

}  // namespace sluice::journal
