#include "journal/sqlite/block_rows.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "journal/sqlite/party_heads.hpp"
#include "journal/sqlite/row_checksum.hpp"
#include "journal/tiers/commit_check.hpp"

namespace sluice::journal {

DigestBytes digest_bytes(const Digest& digest) {
  DigestBytes bytes{};
  for (std::size_t i = 0; i < 16; ++i) {
    const std::uint64_t half = i < 8 ? digest.high : digest.low;
    bytes[i] = static_cast<std::byte>(half >> (56 - 8 * (i % 8)));
  }
  return bytes;
}

base::Result<Digest> digest_at(const Statement& row, int column, std::uint64_t seq, std::string_view path) {
  const std::span<const std::byte> bytes = row.bytes(column);
  if (bytes.size() != 16) return base::fail(corrupt_block(seq, "a hash has not 16 bytes", path));
  Digest digest;
  for (std::size_t i = 0; i < 16; ++i) {
    std::uint64_t& half = i < 8 ? digest.high : digest.low;
    half = half << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  }
  return digest;
}

namespace {

base::Result<std::vector<NotableRecord>> records_of(Connection& connection, std::uint64_t seq) {
  SLUICE_TRY(Statement select,
             connection.prepare("SELECT record, operation, status, end_ns, latency_ns, bytes, target, "
                                "detail FROM notable WHERE seq = ? ORDER BY record"));
  select.bind(static_cast<std::int64_t>(seq));
  std::vector<NotableRecord> records;
  while (true) {
    SLUICE_TRY(const bool has_row, select.step());
    if (!has_row) return records;
    SLUICE_TRY(records.emplace_back(), record_at(select, 0, seq, connection.path()));
  }
}

}  // namespace

base::Result<BlockHeader> header_at(Connection& connection, const Statement& row, Check check) {
  BlockHeader header{.seq = number_at<std::uint64_t>(row, 0)};
  SLUICE_TRY(const PartyKey* party, connection.parties().name(connection, row.integer(1)));
  header.party = *party;
  header.party_seq = number_at<std::uint64_t>(row, 2);
  if (!row.is_null(3)) header.stage = number_at<std::uint32_t>(row, 3);
  header.kind = number_at<BlockKind>(row, 4);
  header.from_ns = row.integer(5);
  header.to_ns = row.integer(6);
  header.clock_error_ns = row.integer(7);
  header.operations = number_at<OperationSet>(row, 8);
  if (!row.is_null(9)) {
    header.zone = ZoneMap{.records = number_at<std::uint64_t>(row, 9),
                          .latency_ns_min = row.integer(10),
                          .latency_ns_max = row.integer(11),
                          .bytes_min = number_at<std::uint64_t>(row, 12),
                          .bytes_max = number_at<std::uint64_t>(row, 13),
                          .statuses = number_at<StatusSet>(row, 14)};
  }
  SLUICE_TRY(header.hash, digest_at(row, 15, header.seq, connection.path()));
  SLUICE_TRY(header.previous, digest_at(row, 16, header.seq, connection.path()));
  if (check == Check::Whole && (row.integer(4) < 1 || row.integer(4) > static_cast<int>(kBlockKindLast))) {
    return base::fail(corrupt_block(header.seq, "its kind is none that there is", connection.path()));
  }
  return header;
}

base::Result<StoredBlock> block_at(Connection& connection, const Statement& row, Check check) {
  StoredBlock block;
  SLUICE_TRY(block.header, header_at(connection, row, check));
  const std::uint64_t seq = block.header.seq;
  const std::span<const std::byte> payload = row.bytes(kHeaderColumnCount + 1);
  block.payload.assign(payload.begin(), payload.end());
  SLUICE_TRY(block.notable, records_of(connection, seq));
  if (check == Check::AsItStands) return block;
  if (row.is_null(kHeaderColumnCount + 1)) {
    return base::fail(corrupt_block(seq, "its payload is not there", connection.path()));
  }
  if (!is_whole(block)) {
    return base::fail(corrupt_block(seq, "its payload is not what its hash says", connection.path()));
  }
  if (row_checksum(block) != row.integer(kHeaderColumnCount)) {
    return base::fail(
        corrupt_block(seq, "its header or its notable records are not what was stored", connection.path()));
  }
  return block;
}

base::Result<NotableRecord> record_at(const Statement& row, int first, std::uint64_t seq, std::string_view path) {
  const std::int64_t operation = row.integer(first + 1);
  if (operation < 0 || operation >= static_cast<std::int64_t>(model::kOpKinds)) {
    return base::fail(corrupt_block(seq, "a notable record has no operation that there is", path));
  }
  return NotableRecord{.index = number_at<std::uint32_t>(row, first),
                       .operation = static_cast<model::OpKind>(operation),
                       .status = number_at<StatusSet>(row, first + 2),
                       .end_ns = row.integer(first + 3),
                       .latency_ns = row.integer(first + 4),
                       .bytes = number_at<std::uint64_t>(row, first + 5),
                       .target = std::string(row.text(first + 6)),
                       .detail = std::string(row.text(first + 7))};
}

namespace {

/// The statements that put blocks, for as many blocks as there are.
struct BlockInserts {
  Statement block, payload, record;
  PartyHeads& heads;  // outlives: put_blocks() has it
};

base::Result<void> put_header(Connection& connection, const StoredBlock& block, BlockInserts& inserts) {
  const BlockHeader& header = block.header;
  SLUICE_TRY(const std::int64_t party, connection.parties().number_or_new(connection, header.party));
  SLUICE_CHECK(inserts.heads.use(connection, party, header));
  const auto seq = static_cast<std::int64_t>(header.seq);
  const DigestBytes hash = digest_bytes(header.hash), previous = digest_bytes(header.previous);
  Statement& insert = inserts.block;
  insert.bind(seq).bind(party).bind(static_cast<std::int64_t>(header.party_seq));
  header.stage ? insert.bind(*header.stage) : insert.bind_null();
  insert.bind(static_cast<std::int64_t>(header.kind)).bind(header.from_ns).bind(header.to_ns);
  insert.bind(header.clock_error_ns).bind(header.operations);
  if (header.zone) {
    const ZoneMap& zone = *header.zone;
    insert.bind(static_cast<std::int64_t>(zone.records)).bind(zone.latency_ns_min).bind(zone.latency_ns_max);
    insert.bind(static_cast<std::int64_t>(zone.bytes_min)).bind(static_cast<std::int64_t>(zone.bytes_max));
    insert.bind(zone.statuses);
  } else {
    for (int i = 0; i < 6; ++i) insert.bind_null();
  }
  return insert.bind_bytes(hash).bind_bytes(previous).bind(row_checksum(block)).run();
}

base::Result<void> put_block(Connection& connection, const StoredBlock& block, BlockInserts& inserts) {
  SLUICE_CHECK(put_header(connection, block, inserts));
  const auto seq = static_cast<std::int64_t>(block.header.seq);
  SLUICE_CHECK(inserts.payload.bind(seq).bind_bytes(block.payload).run());
  for (const NotableRecord& one : block.notable) {
    inserts.record.bind(seq).bind(one.index).bind(static_cast<std::int64_t>(one.operation)).bind(one.status);
    inserts.record.bind(one.end_ns).bind(one.latency_ns).bind(static_cast<std::int64_t>(one.bytes));
    SLUICE_CHECK(inserts.record.bind_text(one.target).bind_text(one.detail).run());
  }
  return {};
}

}  // namespace

base::Result<void> put_blocks(Connection& connection, std::span<const StoredBlock> blocks, PartyHeads& heads) {
  SLUICE_TRY(Statement block, connection.prepare("INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                                 "?, ?, ?, ?)"));
  SLUICE_TRY(Statement payload, connection.prepare("INSERT INTO payloads VALUES (?, ?)"));
  SLUICE_TRY(Statement record, connection.prepare("INSERT INTO notable VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  BlockInserts inserts{std::move(block), std::move(payload), std::move(record), heads};
  for (const StoredBlock& one : blocks) SLUICE_CHECK(put_block(connection, one, inserts));
  return {};
}

}  // namespace sluice::journal
