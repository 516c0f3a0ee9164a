#include "journal/records/chunk_format.hpp"

#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/hash.hpp"

namespace sluice::journal {

namespace {

static_assert(std::endian::native == std::endian::little, "the format is little endian");

constexpr char kMagic[] = {'S', 'L', 'R', 'C'};
constexpr std::size_t kVersionAt = 4, kHeaderCheckAt = 104;

/// Shows each number of the header to `c`, with the place where it stands.
template <class C, class Header>
void describe(C c, Header& h) {
  c(12, h.failed), c(16, h.names), c(20, h.content_bytes), c(24, h.packed_bytes), c(28, h.operations);
  c(32, h.zone.statuses), c(40, h.start_ns_min), c(48, h.end_ns_min), c(56, h.end_ns_max);
  c(64, h.zone.latency_ns_min), c(72, h.zone.latency_ns_max), c(80, h.zone.bytes_min), c(88, h.zone.bytes_max);
  c(96, h.packed_check);
}
constexpr std::size_t kRecordsAt = 8;

std::uint64_t check_of(std::span<const std::byte> header) { return base::hash64(header.first(kHeaderCheckAt)); }

}  // namespace

void write_chunk_header(const ChunkHeader& header, std::span<std::byte> out) {
  SLUICE_ASSERT(out.size() >= kChunkHeaderBytes);
  std::memset(out.data(), 0, kChunkHeaderBytes);
  std::memcpy(out.data(), kMagic, sizeof kMagic);
  out[kVersionAt] = std::byte{kChunkVersion};
  const auto put = [out](std::size_t at, const auto& value) { std::memcpy(out.data() + at, &value, sizeof value); };
  put(kRecordsAt, static_cast<std::uint32_t>(header.zone.records));
  describe(put, header);
  put(kHeaderCheckAt, check_of(out));
}

base::Result<ChunkHeader> read_chunk_header(std::span<const std::byte> chunk) {
  if (chunk.size() < kChunkHeaderBytes) return base::fail(corrupt_chunk("it is shorter than its header"));
  if (std::memcmp(chunk.data(), kMagic, sizeof kMagic) != 0) {
    return base::fail(corrupt_chunk("it does not begin like one"));
  }
  const auto version = std::to_integer<unsigned>(chunk[kVersionAt]);
  if (version > kChunkVersion) return base::fail(newer_chunk("version", version));
  const auto get = [chunk](std::size_t at, auto& value) { std::memcpy(&value, chunk.data() + at, sizeof value); };
  std::uint64_t check = 0;
  get(kHeaderCheckAt, check);
  if (version == 0 || check != check_of(chunk)) return base::fail(corrupt_chunk("its header has been changed"));
  ChunkHeader header;
  std::uint32_t records = 0;
  get(kRecordsAt, records);
  header.zone.records = records;
  describe(get, header);
  if (records > kChunkRecordsMax || header.names > records || header.content_bytes > kChunkContentBytesMax) {
    return base::fail(corrupt_chunk("its header declares more than a chunk can hold"));
  }
  return header;
}

base::Error corrupt_chunk(std::string_view problem) {
  return {.code = base::Code::Corrupt,
          .what = fmt::format("a chunk of operation records cannot be understood: {}", problem),
          .where = {},
          .likely = {"the bytes were changed or cut on their way", "a mistake in the program"},
          .try_next = {"read the block from another copy: the log has it as well as the database",
                       "if both say so, please report it, with the log"}};
}

base::Error newer_chunk(std::string_view what, std::uint64_t number) {
  return {.code = base::Code::Unsupported,
          .what = fmt::format("a chunk of operation records has {} {}, which this program does not know", what, number),
          .where = {},
          .likely = {"it was written by a newer sluice"},
          .try_next = {"read it with the version that wrote it"}};
}

}  // namespace sluice::journal
