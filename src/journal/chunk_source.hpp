#pragma once

#include <cstdint>

#include "base/error.hpp"
#include "journal/records/record_chunk.hpp"

namespace sluice::journal {

/// Where a chunk of operation records stands, and what is known of it before it is read.
struct ChunkPlace {
  std::uint32_t party = 0;  ///< an index: whose log
  std::uint32_t stage = 0;
  std::uint64_t number = 0;  ///< of its frame among the party's
  std::uint64_t at = 0;      ///< for the source: the byte of its frame in a log, the seq of its block in a journal
  std::uint64_t records = 0;
  std::int64_t start_ns_min = 0;  ///< no operation in it has started earlier; ns since the run began
};

/// Chunks of operation records that can be read in any order, and more than once. One thread at a time; calls block.
class ChunkSource {
 public:
  virtual ~ChunkSource() = default;
  /// Errors: Corrupt, Unsupported or NotFound for a chunk that cannot be had, whatever is tried; others of the reads.
  virtual base::Result<RecordChunk> read(const ChunkPlace& place) = 0;
  /// "frame 12 at byte 3,456": for a person.
  virtual std::string where(const ChunkPlace& place) const = 0;
};

}  // namespace sluice::journal
