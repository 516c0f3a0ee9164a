#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "journal/records/chunk_format.hpp"
#include "journal/records/columns.hpp"
#include "journal/records/foreign_names.hpp"
#include "journal/records/kind_order.hpp"
#include "journal/records/packing.hpp"
#include "model/op_record.hpp"

namespace sluice::journal {

/// The columns of a chunk, in the order in which they are written.
enum class RecordColumn : std::uint8_t {
  Worker,
  End,
  Kind,
  Latency,
  Wait,
  FirstByte,
  Status,
  Code,
  Bytes,
  Objects,
  Tries,
  Dataset,
  Index,
  Offset,
  Endpoint
};
inline constexpr std::size_t kRecordColumns = 15;
inline constexpr RecordColumn kFirstByKind = RecordColumn::Latency;  ///< from here on in the order of kinds

/// Makes chunks, one after the other, in memory that it keeps: 12 MB for 65,536 records, and in finish() what their
/// content takes, below kChunkContentBytesMax twice. add() allocates only for foreign names that are new. One thread at
/// a time; finish() takes some milliseconds.
class RecordEncoder {
 public:
  struct Options {
    std::uint32_t records_max = kChunkRecordsMax;  ///< of a chunk; 1 to kChunkRecordsMax
    int level = 1;                                 ///< of zstd; bench/pieces/records_bench.cpp compares them
  };
  RecordEncoder() : RecordEncoder(Options{}) {}
  /// Throws std::bad_alloc where there is no memory for it.
  explicit RecordEncoder(Options options);

  /// Takes a record, unless full(). Of a foreign target `name` counts and `index` does not.
  void add(const model::OpRecord& record, std::string_view name = {});
  std::uint32_t size() const { return size_; }
  /// No further record can be taken before finish().
  bool full() const { return size_ == records_max_ || names_.text_bytes() > kChunkNameBytesMax - kForeignNameBytesMax; }

  /// The chunk of the records since the one before, in their order; also of none. Valid until the next call.
  std::span<const std::byte> finish();

 private:
  std::span<std::uint64_t> column(RecordColumn column) {
    return std::span(values_).subspan(static_cast<std::size_t>(column) * stride_, size_);
  }
  void write_names();
  void write_columns();

  const std::uint32_t records_max_;
  const std::size_t stride_;  ///< from one column to the next
  std::uint32_t size_ = 0;
  ChunkHeader header_;
  std::vector<std::uint64_t> values_;
  ForeignNames names_;
  KindOrder order_;
  std::vector<std::uint64_t> guesses_, by_kind_, workers_by_kind_, guesses_by_kind_;
  ColumnWriter content_;
  Packer packer_;
  std::vector<std::byte> chunk_;
};

/// A chunk that was read.
struct RecordChunk {
  ChunkHeader header;
  std::vector<model::OpRecord> records;
  NameList names;  ///< of foreign targets, by their index
};

/// Takes any bytes whatever; uses below 64 MiB, and no more than in proportion to what the header declares.
/// Errors: Corrupt; Unsupported for what is newer.
base::Result<RecordChunk> decode_records(std::span<const std::byte> chunk);

// The two halves of that, for tests and fuzzers, which have content without right checks.

/// The content of a chunk, checked and unpacked, as chunk_format.hpp has it. Errors: as decode_records().
base::Result<std::vector<std::byte>> unpack_content(const ChunkHeader& header, std::span<const std::byte> chunk);

/// What a content says that belongs to a chunk of so many records and foreign names; its header has the bounds of these
/// records, and no sizes. Takes any bytes whatever. Errors: as decode_records().
base::Result<RecordChunk> decode_content(std::uint32_t records, std::uint32_t names,
                                         std::span<const std::byte> content);

/// A chunk with such a content, whose header says what `header` does but for sizes and checks.
std::vector<std::byte> pack_content(ChunkHeader header, std::span<const std::byte> content);

/// Takes the record into the bounds of a header.
void widen(ChunkHeader& header, const model::OpRecord& record);

}  // namespace sluice::journal
