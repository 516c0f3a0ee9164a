#include "journal/postgres/block_writer.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "journal/postgres/block_reader.hpp"
#include "journal/postgres/block_rows.hpp"
#include "journal/postgres/schema.hpp"
#include "journal/postgres/where.hpp"
#include "journal/tiers/commit_check.hpp"

namespace sluice::journal::postgres {

namespace {

/// What is collected of a COPY before it is sent.
constexpr std::size_t kCopyBytes = std::size_t{1} << 20;

constexpr Statement kKnownParties{
    .name = "sluice_known_parties",
    .text =
        "SELECT p.id, p.run, p.party, p.attempt FROM sluice.parties p "
        "JOIN unnest($1, $2, $3) AS a(run, party, attempt) ON sha256(p.run) = sha256(a.run) "
        "AND sha256(p.party) = sha256(a.party) AND p.attempt = a.attempt"};
constexpr Statement kNewParties{
    .name = "sluice_new_parties",
    .text =
        "INSERT INTO sluice.parties (run, party, attempt) SELECT run, party, attempt "
        "FROM unnest($1, $2, $3) AS a(run, party, attempt) RETURNING id, run, party, attempt"};
constexpr Statement kWriteHeads{
    .name = "sluice_write_heads",
    .text =
        "INSERT INTO sluice.heads (party_id, next_party_seq, missing, last_hash, last_seq, complete_to_ns, to_ns, "
        "is_over) SELECT a, b, c, d, e, f, g, h <> 0 FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) "
        "AS u(a, b, c, d, e, f, g, h) ON CONFLICT (party_id) DO UPDATE SET next_party_seq = excluded.next_party_seq, "
        "missing = excluded.missing, last_hash = excluded.last_hash, last_seq = excluded.last_seq, "
        "complete_to_ns = excluded.complete_to_ns, to_ns = excluded.to_ns, is_over = excluded.is_over"};

/// The parties' numbers in the database.
using PartyIds = std::map<PartyKey, std::int64_t>;
constexpr std::int64_t kUnknown = 0;

/// Fills in those of `ids` that are not known yet and that the statement gives.
base::Result<bool> take_ids(Connection& connection, const Statement& statement, PartyIds& ids, const Call& call) {
  std::vector<std::string> runs, parties;
  std::vector<std::int64_t> attempts;
  for (const auto& [key, id] : ids) {
    if (id != kUnknown) continue;
    runs.push_back(key.run);
    parties.push_back(key.party);
    attempts.push_back(key.attempt);
  }
  if (runs.empty()) return true;
  Params params;
  params.add(std::span<const std::string>(runs));
  params.add(std::span<const std::string>(parties));
  params.add(std::span<const std::int64_t>(attempts));
  SLUICE_TRY(const Rows rows, connection.query(statement, params, call));
  for (int row = 0; row < rows.count(); ++row) {
    const PartyKey key{.run = std::string(rows.bytes(row, 1)),
                       .party = std::string(rows.bytes(row, 2)),
                       .attempt = static_cast<std::uint32_t>(rows.i64(row, 3))};
    if (const auto found = ids.find(key); found != ids.end()) found->second = rows.i64(row, 0);
  }
  return static_cast<std::size_t>(rows.count()) == runs.size();
}

/// The numbers of all that are asked for: new ones get theirs. Under the lock, so nobody else gives them one.
base::Result<void> resolve(Connection& connection, PartyIds& ids, const Call& call) {
  SLUICE_TRY(const bool are_known, take_ids(connection, kKnownParties, ids, call));
  if (!are_known) SLUICE_CHECK(take_ids(connection, kNewParties, ids, call));
  return {};
}

/// Sends what `rows` has collected, when that is worth it.
base::Result<void> send_rows(Connection& connection, std::string& rows, std::size_t bytes_min, const Call& call) {
  if (rows.size() < bytes_min) return {};
  SLUICE_CHECK(connection.put_copy(rows, call));
  rows.clear();
  return {};
}

/// A field of PostgreSQL has less than 1 GiB, and is in memory several times on its way.
base::Result<void> check_sizes(const Commit& commit) {
  constexpr std::size_t kPayloadBytesMax = std::size_t{256} << 20;
  for (const StoredBlock& block : commit.blocks) {
    if (block.payload.size() <= kPayloadBytesMax) continue;
    return base::fail({.code = base::Code::InvalidArgument,
                       .what = fmt::format("the payload of block {} has {} bytes; PostgreSQL is given {} at most",
                                           block.header.seq, block.payload.size(), kPayloadBytesMax),
                       .where = to_text(block.header.party),
                       .likely = {"an interval of an op-log that is far too long"},
                       .try_next = {"make intervals shorter"}});
  }
  return {};
}

base::Result<void> copy_blocks(Connection& connection, const Commit& commit, const PartyIds& ids, const Call& call) {
  if (commit.blocks.empty()) return {};
  SLUICE_CHECK(connection.begin_copy(kCopyBlocks, call));
  std::string rows;
  put_copy_begin(rows);
  for (const StoredBlock& block : commit.blocks) {
    put_block(rows, block, ids.at(block.header.party));
    SLUICE_CHECK(send_rows(connection, rows, kCopyBytes, call));
  }
  put_copy_end(rows);
  SLUICE_CHECK(send_rows(connection, rows, 0, call));
  return connection.end_copy(call);
}

base::Result<void> copy_notable(Connection& connection, const Commit& commit, const Call& call) {
  if (std::ranges::all_of(commit.blocks, [](const StoredBlock& block) { return block.notable.empty(); })) return {};
  SLUICE_CHECK(connection.begin_copy(kCopyNotable, call));
  std::string rows;
  put_copy_begin(rows);
  for (const StoredBlock& block : commit.blocks) {
    for (const NotableRecord& record : block.notable) {
      put_notable(rows, block.header.seq, record);
      SLUICE_CHECK(send_rows(connection, rows, kCopyBytes, call));
    }
  }
  put_copy_end(rows);
  SLUICE_CHECK(send_rows(connection, rows, 0, call));
  return connection.end_copy(call);
}

base::Result<void> write_heads(Connection& connection, std::span<const PartyHead> heads, const PartyIds& ids,
                               const Call& call) {
  std::vector<std::int64_t> parties, next, last, complete, to, over;
  std::vector<std::string> missing, hashes;
  for (const PartyHead& head : heads) {
    if (head.next_party_seq == 0) continue;
    parties.push_back(ids.at(head.key));
    next.push_back(static_cast<std::int64_t>(head.next_party_seq));
    missing.push_back(text_of(head.missing));
    hashes.push_back(bytes_of(head.last_hash));
    last.push_back(static_cast<std::int64_t>(head.last_seq));
    complete.push_back(head.complete_to_ns);
    to.push_back(head.to_ns);
    over.push_back(head.is_over ? 1 : 0);
  }
  if (parties.empty()) return {};
  using Numbers = std::span<const std::int64_t>;
  Params params;
  params.add(Numbers(parties));
  params.add(Numbers(next));
  params.add_texts(missing);
  params.add(std::span<const std::string>(hashes));
  for (const auto& numbers : {Numbers(last), Numbers(complete), Numbers(to), Numbers(over)}) params.add(numbers);
  SLUICE_CHECK(connection.query(kWriteHeads, params, call));
  return {};
}

}  // namespace

base::Result<void> write_commit(Transaction& transaction, const Commit& commit, const Call& call) {
  Connection& connection = transaction.connection();
  SLUICE_TRY(const std::uint64_t head, locked_head(transaction));
  SLUICE_CHECK(check_commit(commit, head));
  SLUICE_CHECK(check_sizes(commit));
  PartyIds ids;
  for (const StoredBlock& block : commit.blocks) ids.emplace(block.header.party, kUnknown);
  for (const PartyHead& party : commit.heads) ids.emplace(party.key, kUnknown);
  SLUICE_CHECK(resolve(connection, ids, call));
  SLUICE_CHECK(copy_blocks(connection, commit, ids, call));
  SLUICE_CHECK(copy_notable(connection, commit, call));
  return write_heads(connection, commit.heads, ids, call);
}

base::Result<std::vector<StoredBlock>> remove_blocks_above(Transaction& transaction, std::uint64_t seq,
                                                           std::span<const PartyHead> heads, const Call& call) {
  SLUICE_CHECK(check_heads(heads));
  Connection& connection = transaction.connection();
  SLUICE_CHECK(locked_head(transaction));
  SLUICE_TRY(std::vector<StoredBlock> removed, read_above(connection, seq, call));
  PartyIds ids;
  for (const PartyHead& head : heads) ids.emplace(head.key, kUnknown);
  for (const StoredBlock& block : removed) ids.emplace(block.header.party, kUnknown);
  SLUICE_CHECK(resolve(connection, ids, call));
  std::vector<std::int64_t> parties;
  for (const auto& [key, id] : ids) parties.push_back(id);
  Params above, of_parties;
  above.add(clamped(seq));
  of_parties.add(std::span<const std::int64_t>(parties));
  SLUICE_CHECK(connection.query("DELETE FROM sluice.notable WHERE seq > $1", above, call));
  SLUICE_CHECK(connection.query("DELETE FROM sluice.blocks WHERE seq > $1", above, call));
  SLUICE_CHECK(connection.query("DELETE FROM sluice.heads WHERE party_id = ANY($1)", of_parties, call));
  SLUICE_CHECK(write_heads(connection, heads, ids, call));
  return removed;
}

base::Result<void> write_fence(Transaction& transaction, const Fence& fence, const Call& call) {
  SLUICE_CHECK(locked_head(transaction));
  Params params;
  params.add_bytes(fence.run);
  params.add(std::int64_t{fence.stage});
  params.add(std::int64_t{fence.attempt});
  params.add(clamped(fence.at_seq));
  constexpr const char* kInsert =
      "INSERT INTO sluice.fences (run, stage, attempt, at_seq) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
  SLUICE_CHECK(transaction.connection().query(kInsert, params, call));
  return {};
}

}  // namespace sluice::journal::postgres
