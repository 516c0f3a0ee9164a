#include "journal/postgres/block_rows.hpp"

#include <charconv>

#include <fmt/format.h>

#include "journal/tiers/commit_check.hpp"

namespace sluice::journal::postgres {

const char* const kHeaderSelection =
    "b.seq, p.run, p.party, p.attempt, b.party_seq, b.stage, b.kind, b.from_ns, b.to_ns, b.clock_error_ns, "
    "b.operations, "
    "b.zone_records, b.zone_latency_ns_min, b.zone_latency_ns_max, b.zone_bytes_min, b.zone_bytes_max, "
    "b.zone_statuses, "
    "b.hash, b.previous";
const char* const kNotableSelection =
    "n.seq, n.index, n.operation, n.status, n.end_ns, n.latency_ns, n.bytes, n.target, n.detail";

const char* const kCopyBlocks =
    "COPY sluice.blocks (seq, party_id, party_seq, stage, kind, from_ns, to_ns, clock_error_ns, operations, "
    "zone_records, "
    "zone_latency_ns_min, zone_latency_ns_max, zone_bytes_min, zone_bytes_max, zone_statuses, hash, previous, payload) "
    "FROM STDIN WITH (FORMAT binary)";
const char* const kCopyNotable =
    "COPY sluice.notable (seq, index, operation, status, end_ns, latency_ns, bytes, target, detail) "
    "FROM STDIN WITH (FORMAT binary)";

namespace {

void put_u64(std::string& out, std::uint64_t value) { put_copy_field(out, static_cast<std::int64_t>(value)); }

}  // namespace

void put_block(std::string& out, const StoredBlock& block, std::int64_t party_id) {
  const BlockHeader& header = block.header;
  put_copy_row(out, 18);
  put_u64(out, header.seq);
  put_copy_field(out, party_id);
  put_u64(out, header.party_seq);
  if (header.stage) {
    put_u64(out, *header.stage);
  } else {
    put_copy_null(out);
  }
  put_u64(out, static_cast<std::uint64_t>(header.kind));
  for (const std::int64_t value : {header.from_ns, header.to_ns, header.clock_error_ns}) put_copy_field(out, value);
  put_u64(out, header.operations);
  if (header.zone) {
    const ZoneMap& zone = *header.zone;
    put_u64(out, zone.records);
    put_copy_field(out, zone.latency_ns_min);
    put_copy_field(out, zone.latency_ns_max);
    for (const std::uint64_t value : {zone.bytes_min, zone.bytes_max, std::uint64_t{zone.statuses}})
      put_u64(out, value);
  } else {
    for (int i = 0; i < 6; ++i) put_copy_null(out);
  }
  put_copy_field(out, bytes_of(header.hash));
  put_copy_field(out, bytes_of(header.previous));
  put_copy_field(out, as_text(block.payload));
}

void put_notable(std::string& out, std::uint64_t seq, const NotableRecord& record) {
  put_copy_row(out, 9);
  put_u64(out, seq);
  put_u64(out, record.index);
  put_u64(out, static_cast<std::uint64_t>(record.operation));
  put_u64(out, record.status);
  put_copy_field(out, record.end_ns);
  put_copy_field(out, record.latency_ns);
  put_u64(out, record.bytes);
  put_copy_field(out, record.target);
  put_copy_field(out, record.detail);
}

base::Result<BlockHeader> header_of(const Rows& rows, int row, int column, std::string_view store) {
  const auto i64 = [&](int offset) { return rows.i64(row, column + offset); };
  const auto u64 = [&](int offset) { return rows.u64(row, column + offset); };
  const auto u32 = [&](int offset) { return static_cast<std::uint32_t>(rows.i64(row, column + offset)); };
  BlockHeader header{.seq = u64(0),
                     .party = {.run = std::string(rows.bytes(row, column + 1)),
                               .party = std::string(rows.bytes(row, column + 2)),
                               .attempt = u32(3)},
                     .party_seq = u64(4),
                     .kind = static_cast<BlockKind>(u64(6)),
                     .from_ns = i64(7),
                     .to_ns = i64(8),
                     .clock_error_ns = i64(9),
                     .operations = u32(10),
                     .hash = digest_from(rows.bytes(row, column + 17)),
                     .previous = digest_from(rows.bytes(row, column + 18))};
  if (name_of(header.kind) == "unknown") return base::fail(corrupt_block(header.seq, "it is of no known kind", store));
  if (!rows.is_null(row, column + 5)) header.stage = u32(5);
  if (!rows.is_null(row, column + 11)) {
    header.zone = ZoneMap{.records = u64(11),
                          .latency_ns_min = i64(12),
                          .latency_ns_max = i64(13),
                          .bytes_min = u64(14),
                          .bytes_max = u64(15),
                          .statuses = u32(16)};
  }
  return header;
}

base::Result<NotableRecord> notable_of(const Rows& rows, int row, int column, std::string_view store) {
  const auto operation = rows.u64(row, column + 2);
  if (operation >= model::kOpKinds) {
    return base::fail(corrupt_block(rows.u64(row, column), "a notable record is of no known operation", store));
  }
  return NotableRecord{.index = static_cast<std::uint32_t>(rows.i64(row, column + 1)),
                       .operation = static_cast<model::OpKind>(operation),
                       .status = static_cast<StatusSet>(rows.i64(row, column + 3)),
                       .end_ns = rows.i64(row, column + 4),
                       .latency_ns = rows.i64(row, column + 5),
                       .bytes = rows.u64(row, column + 6),
                       .target = std::string(rows.bytes(row, column + 7)),
                       .detail = std::string(rows.bytes(row, column + 8))};
}

std::string bytes_of(const Digest& digest) {
  std::string out;
  for (const std::uint64_t half : {digest.high, digest.low}) {
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(half >> shift);
  }
  return out;
}

Digest digest_from(std::string_view bytes) {
  Digest digest;
  if (bytes.size() != 16) return digest;
  for (std::size_t i = 0; i < 16; ++i) {
    std::uint64_t& half = i < 8 ? digest.high : digest.low;
    half = half << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return digest;
}

std::string text_of(std::span<const SeqRange> ranges) {
  std::string out;
  for (const SeqRange& range : ranges) out += fmt::format("{}{}-{}", out.empty() ? "" : " ", range.first, range.last);
  return out;
}

std::vector<SeqRange> ranges_from(std::string_view text) {
  std::vector<SeqRange> ranges;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    SeqRange range;
    at = std::from_chars(at, end, range.first).ptr;
    if (at < end) at = std::from_chars(at + 1, end, range.last).ptr;
    if (at < end) ++at;
    ranges.push_back(range);
  }
  return ranges;
}

}  // namespace sluice::journal::postgres
