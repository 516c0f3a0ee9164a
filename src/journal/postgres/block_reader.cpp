#include "journal/postgres/block_reader.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "journal/postgres/block_rows.hpp"
#include "journal/postgres/where.hpp"
#include "journal/tiers/commit_check.hpp"

namespace sluice::journal::postgres {

namespace {

constexpr std::size_t kBlocksMax = std::size_t{1} << 30;  ///< of a page: one more is a number still
constexpr std::string_view kFrom = " FROM sluice.blocks b JOIN sluice.parties p ON p.id = b.party_id WHERE ";
constexpr Statement kNotableOf{
    .name = "sluice_notable_of",
    .text =
        "SELECT n.seq, n.index, n.operation, n.status, n.end_ns, n.latency_ns, n.bytes, n.target, n.detail "
        "FROM sluice.notable n WHERE n.seq = ANY($1) ORDER BY n.seq, n.index"};

/// The blocks of rows that are a header and a payload, without their notable records.
base::Result<std::vector<StoredBlock>> blocks_of(const Rows& rows, const std::string& store) {
  std::vector<StoredBlock> blocks;
  for (int row = 0; row < rows.count(); ++row) {
    SLUICE_TRY(BlockHeader header, header_of(rows, row, 0, store));
    const auto payload = std::as_bytes(std::span(rows.bytes(row, kHeaderColumns)));
    blocks.push_back({.header = std::move(header), .payload = {payload.begin(), payload.end()}});
  }
  return blocks;
}

base::Result<void> add_notable(Connection& connection, std::vector<StoredBlock>& blocks, const Call& call) {
  std::vector<std::pair<std::uint64_t, StoredBlock*>> by_seq;
  std::vector<std::int64_t> seqs;
  for (StoredBlock& block : blocks) {
    by_seq.emplace_back(block.header.seq, &block);
    seqs.push_back(static_cast<std::int64_t>(block.header.seq));
  }
  if (seqs.empty()) return {};
  std::ranges::sort(by_seq);
  Params params;
  params.add(std::span<const std::int64_t>(seqs));
  SLUICE_TRY(const Rows rows, connection.query(kNotableOf, params, call));
  auto at = by_seq.begin();
  for (int row = 0; row < rows.count(); ++row) {
    while (at->first != rows.u64(row, 0)) ++at;  // both rise, and only blocks of ours were asked for
    SLUICE_TRY(at->second->notable.emplace_back(), notable_of(rows, row, 0, connection.address().name()));
  }
  return {};
}

base::Result<void> check_whole(const std::vector<StoredBlock>& blocks, const std::string& store) {
  for (const StoredBlock& block : blocks) {
    if (is_whole(block)) continue;
    return base::fail(corrupt_block(block.header.seq, "its payload is not what its hash says", store));
  }
  return {};
}

base::Result<StoredBlock> read_one(Connection& connection, const Statement& statement, const Params& params,
                                   std::string missing, const Call& call) {
  const std::string store = connection.address().name();
  SLUICE_TRY(const Rows rows, connection.query(statement, params, call));
  SLUICE_TRY(std::vector<StoredBlock> blocks, blocks_of(rows, store));
  if (blocks.empty()) return base::fail(base::Code::NotFound, "there is no " + std::move(missing), store);
  SLUICE_CHECK(check_whole(blocks, store));
  SLUICE_CHECK(add_notable(connection, blocks, call));
  return std::move(blocks.front());
}

/// Fixed statements over a block's columns.
std::string select_block(std::string_view condition) {
  return fmt::format("SELECT {}, b.payload{}{}", kHeaderSelection, kFrom, condition);
}

}  // namespace

base::Result<BackendState> read_state(Connection& connection, const Call& call) {
  BackendState state;
  SLUICE_TRY(const Rows head, connection.query("SELECT coalesce(max(seq), 0) FROM sluice.blocks", {}, call));
  state.head = head.u64(0, 0);
  SLUICE_TRY(const Rows heads,
             connection.query("SELECT p.run, p.party, p.attempt, h.next_party_seq, h.missing, h.last_hash, h.last_seq, "
                              "h.complete_to_ns, h.to_ns, h.is_over FROM sluice.heads h "
                              "JOIN sluice.parties p ON p.id = h.party_id ORDER BY p.run, p.party, p.attempt",
                              {}, call));
  for (int row = 0; row < heads.count(); ++row) {
    state.parties.push_back({.key = {.run = std::string(heads.bytes(row, 0)),
                                     .party = std::string(heads.bytes(row, 1)),
                                     .attempt = static_cast<std::uint32_t>(heads.i64(row, 2))},
                             .next_party_seq = heads.u64(row, 3),
                             .missing = ranges_from(heads.bytes(row, 4)),
                             .last_hash = digest_from(heads.bytes(row, 5)),
                             .last_seq = heads.u64(row, 6),
                             .complete_to_ns = heads.i64(row, 7),
                             .to_ns = heads.i64(row, 8),
                             .is_over = heads.i64(row, 9) != 0});
  }
  SLUICE_TRY(
      const Rows fences,
      connection.query("SELECT run, stage, attempt, at_seq FROM sluice.fences ORDER BY run, stage, attempt", {}, call));
  for (int row = 0; row < fences.count(); ++row) {
    state.fences.push_back({.run = std::string(fences.bytes(row, 0)),
                            .stage = static_cast<std::uint32_t>(fences.i64(row, 1)),
                            .attempt = static_cast<std::uint32_t>(fences.i64(row, 2)),
                            .at_seq = fences.u64(row, 3)});
  }
  return state;
}

base::Result<StoredBlock> read_block(Connection& connection, std::uint64_t seq, const Call& call) {
  const std::string text = select_block("b.seq = $1");
  Params params;
  params.add(clamped(seq));
  return read_one(connection, {.name = "sluice_get", .text = text.c_str()}, params, fmt::format("block {}", seq), call);
}

base::Result<StoredBlock> read_block(Connection& connection, const PartyKey& party, std::uint64_t party_seq,
                                     const Call& call) {
  const std::string text = select_block(
      "b.party_id = (SELECT id FROM sluice.parties WHERE sha256(run) = sha256($1) AND sha256(party) = sha256($2) "
      "AND attempt = $3) AND b.party_seq = $4");
  Params params;
  params.add_bytes(party.run);
  params.add_bytes(party.party);
  params.add(std::int64_t{party.attempt});
  params.add(clamped(party_seq));
  return read_one(connection, {.name = "sluice_find", .text = text.c_str()}, params,
                  fmt::format("block {} of {}", party_seq, to_text(party)), call);
}

base::Result<StoredBlock> read_block(Connection& connection, const Digest& hash, const Call& call) {
  const std::string text = select_block("b.hash = $1 ORDER BY b.seq LIMIT 1");
  Params params;
  params.add_bytes(bytes_of(hash));
  return read_one(connection, {.name = "sluice_find_hash", .text = text.c_str()}, params,
                  "block with the hash " + to_text(hash), call);
}

base::Result<ReadPage> read_page(Connection& connection, const ReadRequest& request, const Call& call) {
  SLUICE_CHECK(request.filter.check());
  ReadPage page;
  if (request.after >= request.to) return page;
  Where where;
  where.add_seqs("b.seq", request.after, request.to);
  where.add_blocks(request.filter);
  const std::size_t blocks_max = std::clamp<std::size_t>(request.blocks_max, 1, kBlocksMax);
  const std::string_view order = request.newest_first ? "DESC" : "ASC";
  // First which blocks have room, by their sizes alone; then those are read. Sizes are known without the payloads.
  const std::size_t limit = where.params().add(clamped(blocks_max));
  const std::size_t bytes = where.params().add(clamped(request.bytes_max));
  const std::string text = fmt::format(
      "WITH found AS MATERIALIZED (SELECT b.seq, octet_length(b.payload) AS size{from}{where} ORDER BY b.seq {order} "
      "LIMIT ${limit} + 1), counted AS (SELECT seq, row_number() OVER w AS place, sum(size) OVER w AS bytes FROM found "
      "WINDOW w AS (ORDER BY seq {order})) "
      "SELECT {columns}, b.payload, (SELECT count(*) FROM found) FROM counted JOIN sluice.blocks b ON b.seq = "
      "counted.seq "
      "JOIN sluice.parties p ON p.id = b.party_id "
      "WHERE counted.place <= ${limit} AND (counted.place = 1 OR counted.bytes <= ${bytes}) ORDER BY b.seq {order}",
      fmt::arg("from", kFrom), fmt::arg("where", where.text()), fmt::arg("order", order), fmt::arg("limit", limit),
      fmt::arg("bytes", bytes), fmt::arg("columns", kHeaderSelection));
  SLUICE_TRY(const Rows rows, connection.query(text, where.params(), call));
  const std::string store = connection.address().name();
  SLUICE_TRY(page.blocks, blocks_of(rows, store));
  SLUICE_CHECK(check_whole(page.blocks, store));
  SLUICE_CHECK(add_notable(connection, page.blocks, call));
  page.is_last = rows.count() == 0 || rows.i64(0, kHeaderColumns + 1) == rows.count();
  return page;
}

base::Result<std::vector<FoundRecord>> read_notable(Connection& connection, const NotableRequest& request,
                                                    const Call& call) {
  SLUICE_CHECK(request.filter.check());
  Where where;
  where.add(" AND (n.seq, n.index) > ({}, {})", clamped(request.after_seq), request.after_index);
  where.add(" AND n.seq <= {}", clamped(request.to));
  where.add_blocks(request.filter);
  where.add_records(request.filter);
  const std::size_t limit = where.params().add(clamped(request.records_max));
  const std::string text = fmt::format(
      "SELECT {}, {} FROM sluice.notable n JOIN sluice.blocks b ON b.seq = n.seq "
      "JOIN sluice.parties p ON p.id = b.party_id WHERE {} ORDER BY {}n.seq, n.index LIMIT ${}",
      kHeaderSelection, kNotableSelection, where.text(), request.slowest_first ? "n.latency_ns DESC, " : "", limit);
  SLUICE_TRY(const Rows rows, connection.query(text, where.params(), call));
  const std::string store = connection.address().name();
  std::vector<FoundRecord> found;
  for (int row = 0; row < rows.count(); ++row) {
    SLUICE_TRY(BlockHeader block, header_of(rows, row, 0, store));
    SLUICE_TRY(NotableRecord record, notable_of(rows, row, kHeaderColumns, store));
    found.push_back({.block = std::move(block), .record = std::move(record)});
  }
  return found;
}

base::Result<std::vector<SeqRange>> read_present(Connection& connection, const PartyKey& party, const Call& call) {
  constexpr Statement kPresent{
      .name = "sluice_present",
      .text =
          "SELECT min(party_seq), max(party_seq) FROM (SELECT b.party_seq, "
          "b.party_seq - row_number() OVER (ORDER BY b.party_seq) AS island FROM sluice.blocks b "
          "WHERE b.party_id = (SELECT id FROM sluice.parties WHERE sha256(run) = sha256($1) "
          "AND sha256(party) = sha256($2) AND attempt = $3)) AS numbered GROUP BY island ORDER BY 1"};
  Params params;
  params.add_bytes(party.run);
  params.add_bytes(party.party);
  params.add(std::int64_t{party.attempt});
  SLUICE_TRY(const Rows rows, connection.query(kPresent, params, call));
  std::vector<SeqRange> ranges;
  ranges.reserve(static_cast<std::size_t>(rows.count()));
  for (int row = 0; row < rows.count(); ++row) ranges.push_back({rows.u64(row, 0), rows.u64(row, 1)});
  return ranges;
}

base::Result<std::vector<StoredBlock>> read_above(Connection& connection, std::uint64_t seq, const Call& call) {
  const std::string text = select_block("b.seq > $1 ORDER BY b.seq");
  Params params;
  params.add(clamped(seq));
  SLUICE_TRY(const Rows rows, connection.query(text, params, call));
  SLUICE_TRY(std::vector<StoredBlock> blocks, blocks_of(rows, connection.address().name()));
  SLUICE_CHECK(add_notable(connection, blocks, call));
  return blocks;
}

}  // namespace sluice::journal::postgres
