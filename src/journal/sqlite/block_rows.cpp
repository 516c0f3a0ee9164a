#include "journal/sqlite/block_rows.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

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

namespace {

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

template <class Number>
Number number_at(const Statement& row, int column) {
  return static_cast<Number>(row.integer(column));
}

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
  std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> seqs;  ///< by party: its first and last one here
};

base::Result<void> put_header(Connection& connection, const StoredBlock& block, BlockInserts& inserts) {
  const BlockHeader& header = block.header;
  SLUICE_TRY(const std::int64_t party, connection.parties().number_or_new(connection, header.party));
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
  inserts.seqs.try_emplace(party, seq, seq).first->second.second = seq;
  return insert.bind_bytes(hash).bind_bytes(previous).bind(row_checksum(block)).run();
}

base::Result<void> put_seqs(Connection& connection, const BlockInserts& inserts) {
  SLUICE_TRY(Statement update, connection.prepare("UPDATE party_ids SET seq_min = coalesce(seq_min, ?), seq_max = ? "
                                                  "WHERE id = ?"));
  for (const auto& [party, seqs] : inserts.seqs) {
    SLUICE_CHECK(update.bind(seqs.first).bind(seqs.second).bind(party).run());
  }
  return {};
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

base::Result<void> put_blocks(Connection& connection, std::span<const StoredBlock> blocks) {
  SLUICE_TRY(Statement block, connection.prepare("INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                                 "?, ?, ?, ?)"));
  SLUICE_TRY(Statement payload, connection.prepare("INSERT INTO payloads VALUES (?, ?)"));
  SLUICE_TRY(Statement record, connection.prepare("INSERT INTO notable VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  BlockInserts inserts{std::move(block), std::move(payload), std::move(record), {}};
  for (const StoredBlock& one : blocks) SLUICE_CHECK(put_block(connection, one, inserts));
  return put_seqs(connection, inserts);
}

base::Result<void> put_heads(Connection& connection, std::span<const PartyHead> heads) {
  for (const PartyHead& head : heads) {
    SLUICE_TRY(const std::int64_t party, connection.parties().number_or_new(connection, head.key));
    SLUICE_CHECK(remove_head(connection, party));
    SLUICE_TRY(Statement insert, connection.prepare("INSERT INTO heads VALUES (?, ?, ?, ?, ?, ?, ?)"));
    const DigestBytes hash = digest_bytes(head.last_hash);
    insert.bind(party).bind(static_cast<std::int64_t>(head.next_party_seq)).bind_bytes(hash);
    insert.bind(static_cast<std::int64_t>(head.last_seq)).bind(head.complete_to_ns).bind(head.to_ns);
    SLUICE_CHECK(insert.bind(head.is_over ? 1 : 0).run());
    SLUICE_TRY(Statement gap, connection.prepare("INSERT INTO gaps VALUES (?, ?, ?)"));
    for (const SeqRange& range : head.missing) {
      gap.bind(party).bind(static_cast<std::int64_t>(range.first));
      SLUICE_CHECK(gap.bind(static_cast<std::int64_t>(range.last)).run());
    }
  }
  return {};
}

base::Result<void> remove_head(Connection& connection, std::int64_t party) {
  SLUICE_TRY(Statement head, connection.prepare("DELETE FROM heads WHERE party = ?"));
  SLUICE_CHECK(head.bind(party).run());
  SLUICE_TRY(Statement gaps, connection.prepare("DELETE FROM gaps WHERE party = ?"));
  return gaps.bind(party).run();
}

namespace {

base::Result<std::vector<SeqRange>> gaps_of(Connection& connection, std::int64_t party) {
  SLUICE_TRY(Statement select, connection.prepare("SELECT first, last FROM gaps WHERE party = ? ORDER BY first"));
  select.bind(party);
  std::vector<SeqRange> gaps;
  while (true) {
    SLUICE_TRY(const bool has_row, select.step());
    if (!has_row) return gaps;
    gaps.push_back({number_at<std::uint64_t>(select, 0), number_at<std::uint64_t>(select, 1)});
  }
}

}  // namespace

base::Result<std::vector<PartyHead>> all_heads(Connection& connection) {
  SLUICE_TRY(Statement select, connection.prepare("SELECT party, next_party_seq, last_hash, last_seq, complete_to_ns, "
                                                  "to_ns, is_over FROM heads"));
  std::vector<PartyHead> heads;
  while (true) {
    SLUICE_TRY(const bool has_row, select.step());
    if (!has_row) break;
    PartyHead& head = heads.emplace_back();
    SLUICE_TRY(const PartyKey* key, connection.parties().name(connection, select.integer(0)));
    head.key = *key;
    head.next_party_seq = number_at<std::uint64_t>(select, 1);
    head.last_seq = number_at<std::uint64_t>(select, 3);
    SLUICE_TRY(head.last_hash, digest_at(select, 2, head.last_seq, connection.path()));
    head.complete_to_ns = select.integer(4);
    head.to_ns = select.integer(5);
    head.is_over = select.integer(6) != 0;
    SLUICE_TRY(head.missing, gaps_of(connection, select.integer(0)));
  }
  std::ranges::sort(heads, {}, &PartyHead::key);
  return heads;
}

}  // namespace sluice::journal
