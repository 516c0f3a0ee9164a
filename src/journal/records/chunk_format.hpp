#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.hpp"
#include "journal/tiers/stored_block.hpp"

namespace sluice::journal {

/// A chunk: up to kChunkRecordsMax operation records as bytes. Integers are little endian.
///
///   header, 112 bytes
///       0  "SLRC"                      4  u8 format version (1)        5  3 bytes 0
///       8  u32 records                12  u32 of them failed          16  u32 foreign names
///      20  u32 content bytes          24  u32 packed bytes
///      28  u32 operations: bit k where model::OpKind k occurs
///      32  u32 statuses: bit 0 where one succeeded, bit 1 + k where model::ErrorKind k occurs     36  u32 0
///      40  i64 least start            48  i64 least end               56  i64 greatest end; ns since the run began
///      64  i64 least latency          72  i64 greatest latency; end - start, held at the bounds of i64
///      80  u64 least bytes            88  u64 greatest bytes
///      96  u64 XXH3-64 of the packed bytes                           104  u64 XXH3-64 of the 104 bytes before
///   packed bytes: one or more zstd frames one after the other, which hold the content
///
/// All bounds are 0 where there is no record. The content is columns (columns.hpp) of unsigned 64-bit numbers; all
/// arithmetic between them is modulo 2^64, so every value of every field can be written:
///
///   where there are foreign names: columns `shared` and `rest` of as many values as names, then text. Each name is the
///       first `shared` bytes of the name before it, and the next `rest` bytes of the text.
///   then 15 columns of as many values as records. In the order of the records:
///       worker, end, kind (model::OpKind)
///   and in the order of their kinds, those of one kind in the order of the records:
///       latency: end - start. Guess 3 for it is end(i) less what guess 2 says of end(i), with end(0) as its first:
///           the time since the end of the worker's record before
///       wait: start - intended
///       first byte: let c = first byte - start + 1. First byte 0 is written as 0, c = 0 as 1 - start, all others as c.
///       status (0 success, 1 + model::ErrorKind), code, bytes, objects, tries,
///       dataset (0 foreign, else 1 + its number), index (of foreign ones: the number of the name), offset, endpoint
/// Guess 2 may stand in end, index and offset.
///
/// Where records follow each other in the order of their ends, or a worker's targets in order, the columns say so in a
/// byte or less; what is random costs its bits.

inline constexpr std::uint8_t kChunkVersion = 1;
inline constexpr std::size_t kChunkHeaderBytes = 112;
inline constexpr std::uint32_t kChunkRecordsMax = 65'536;
/// A longer foreign name is cut: its first 1,007 bytes, "~", and 16 digits of XXH3-64 of the whole of it.
inline constexpr std::size_t kForeignNameBytesMax = 1024;
/// Of all foreign names of a chunk together, before any packing.
inline constexpr std::size_t kChunkNameBytesMax = std::size_t{8} << 20;
/// What the content of a chunk may be at most.
inline constexpr std::size_t kChunkContentBytesMax = std::size_t{20} << 20;

/// What is known of a chunk without unpacking it.
struct ChunkHeader {
  ZoneMap zone;
  std::uint32_t failed = 0;
  std::uint32_t names = 0;  ///< foreign ones that occur
  std::uint32_t content_bytes = 0, packed_bytes = 0;
  OperationSet operations = 0;
  std::int64_t start_ns_min = 0, end_ns_min = 0, end_ns_max = 0;  ///< since the run began
  std::uint64_t packed_check = 0;
  bool operator==(const ChunkHeader&) const = default;
};

/// Writes kChunkHeaderBytes to the beginning of `out`.
void write_chunk_header(const ChunkHeader& header, std::span<std::byte> out);

/// The header of a chunk; reads the first kChunkHeaderBytes only.
/// Errors: Corrupt; Unsupported for a format version that is newer.
base::Result<ChunkHeader> read_chunk_header(std::span<const std::byte> chunk);

/// Corrupt, with what is wrong about a chunk.
base::Error corrupt_chunk(std::string_view problem);
/// Unsupported: the chunk has something that only a newer version knows.
base::Error newer_chunk(std::string_view what, std::uint64_t number);

}  // namespace sluice::journal
