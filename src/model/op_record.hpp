#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "model/names.hpp"
#include "model/operation.hpp"

namespace sluice::model {

/// One operation, after its last try: a line of the op-log. A plain value of fixed size, so that a worker can write it
/// down without allocating. Times are nanoseconds since the run began.
struct OpRecord {
  /// The `dataset` of targets that no dataset of the plan names.
  static constexpr std::uint32_t kForeign = UINT32_MAX;
  static constexpr std::uint32_t kHttpStatusMin = 300;  ///< a `code` below is an errno

  std::int64_t intended_ns = 0;    ///< when it was due; in a closed loop its start
  std::int64_t start_ns = 0;       ///< of its first try
  std::int64_t first_byte_ns = 0;  ///< 0: not known
  std::int64_t end_ns = 0;
  std::uint64_t bytes = 0;   ///< moved
  std::uint64_t index = 0;   ///< the target: of the dataset, or where that is kForeign an entry in a list of names
  std::uint64_t offset = 0;  ///< read, write: where the block begins
  std::uint32_t dataset = 0;
  std::uint32_t endpoint = 0;
  std::uint32_t worker = 0;   ///< the thread that did it
  std::uint32_t objects = 1;  ///< that it was about; a listing's entries
  std::uint32_t tries = 0;    ///< after the first
  std::uint32_t code = 0;     ///< of a failure: an errno, or an HTTP status; 0: not known
  OpKind kind = OpKind::Get;
  std::optional<ErrorKind> error;  ///< nothing: it succeeded

  bool operator==(const OpRecord&) const = default;

  /// From its start to its end, tries included. Held at the bounds of its type.
  std::int64_t latency_ns() const {
    std::int64_t latency = 0;
    if (!__builtin_sub_overflow(end_ns, start_ns, &latency)) return latency;
    return end_ns < start_ns ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  }
};

/// A record as a worker writes it down: what its target is called is found out later, by another thread.
struct TakenRecord {
  OpRecord record;               ///< but for `dataset`; `index` is that of names
  const Names* names = nullptr;  ///< of the target; null: it has none. Lives as long as the stage
};

}  // namespace sluice::model
