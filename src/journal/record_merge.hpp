#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "journal/chunk_source.hpp"

namespace sluice::journal {

/// An operation as the merge gives it; valid until its next call.
struct MergedRecord {
  const model::OpRecord* record = nullptr;
  std::string_view name;  ///< of a foreign target
  const ChunkPlace* place = nullptr;
};

/// A chunk that could not be read, and why.
struct ChunkFlaw {
  ChunkPlace place;
  base::Error error;
};

/// Gives the operations of many chunks one by one, by their start; of equals the one that ended first, that of the
/// lower worker, and then the one whose chunk and whose record was written first. A chunk is read when its least start
/// is reached. Chunks that are read share `bytes_max`: beyond it the one whose next operation is the farthest is put
/// aside, to be read again when that is reached. So a slow operation, whose chunk is reached long before the others in
/// it, costs a second reading and no memory. One thread.
class RecordMerge {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{128} << 20;

  /// outlives: `source`.
  RecordMerge(ChunkSource& source, std::vector<ChunkPlace> chunks, std::size_t bytes_max = kBytesMax);

  /// The next operation; false at the end. A chunk that cannot be read is left out and kept in flaws(). Errors: of the
  /// source, where it says nothing of the chunk itself.
  base::Result<bool> next(MergedRecord& out);

  /// The chunks that were left out, as far as the merge has come; each once.
  const std::vector<ChunkFlaw>& flaws() const { return flaws_; }
  /// How often a chunk was read, and the most bytes that chunks took at one time.
  std::uint64_t reads() const { return reads_; }
  std::size_t bytes_high_water() const { return bytes_high_water_; }

 private:
  /// Where an operation stands in the order.
  struct Key {
    std::int64_t start_ns = 0, end_ns = 0;
    std::uint32_t worker = 0, chunk = 0, index = 0;
    auto operator<=>(const Key&) const = default;
  };
  /// A chunk that is not in memory.
  struct Waiting {
    Key next;                 ///< not after its next operation
    std::uint32_t given = 0;  ///< of its operations, in their order
  };
  struct Open {
    Key next;
    std::uint32_t given = 0;
    std::size_t bytes = 0;
    RecordChunk chunk;
    std::vector<std::uint32_t> order;  ///< of its records
  };
  // For heaps with the first one in front.
  static bool is_later(const Waiting& a, const Waiting& b) { return a.next > b.next; }
  static bool is_later_open(const std::unique_ptr<Open>& a, const std::unique_ptr<Open>& b) {
    return a->next > b->next;
  }

  static void point(Open& open);
  base::Result<void> open_first();
  void put_aside_farthest();
  void step();

  ChunkSource& source_;  // outlives: the caller says so
  const std::vector<ChunkPlace> chunks_;
  const std::size_t bytes_max_;
  std::vector<Waiting> waiting_;
  std::vector<std::unique_ptr<Open>> open_;
  bool has_given_ = false;  ///< the first of open_ has given its operation away
  std::size_t bytes_ = 0, bytes_high_water_ = 0;
  std::uint64_t reads_ = 0;
  std::vector<ChunkFlaw> flaws_;
};

}  // namespace sluice::journal
