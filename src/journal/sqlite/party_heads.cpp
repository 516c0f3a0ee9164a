#include "journal/sqlite/party_heads.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "journal/sqlite/block_rows.hpp"
#include "journal/tiers/errors.hpp"
#include "journal/tiers/ledger.hpp"

namespace sluice::journal {

namespace {

constexpr std::uint64_t kBlocksMax = 4096;
constexpr base::Nanos kPutEvery{10'000'000'000};
constexpr std::string_view kHeadColumns =
    "SELECT party, next_party_seq, last_hash, last_seq, complete_to_ns, to_ns, is_over "
    "FROM heads";
constexpr std::string_view kRemoveGaps = "DELETE FROM gaps WHERE party = ?";

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

/// The head in the row of kHeadColumns, with its gaps and without its key.
base::Result<PartyHead> head_at(Connection& connection, const Statement& row) {
  PartyHead head;
  head.next_party_seq = number_at<std::uint64_t>(row, 1);
  head.last_seq = number_at<std::uint64_t>(row, 3);
  SLUICE_TRY(head.last_hash, digest_at(row, 2, head.last_seq, connection.path()));
  head.complete_to_ns = row.integer(4);
  head.to_ns = row.integer(5);
  head.is_over = row.integer(6) != 0;
  SLUICE_TRY(head.missing, gaps_of(connection, row.integer(0)));
  return head;
}

using HeadsByParty = std::map<std::int64_t, PartyHead>;

base::Result<HeadsByParty> rows(Connection& connection) {
  SLUICE_TRY(Statement select, connection.prepare(kHeadColumns));
  HeadsByParty heads;
  while (true) {
    SLUICE_TRY(const bool has_row, select.step());
    if (!has_row) return heads;
    SLUICE_TRY(heads[select.integer(0)], head_at(connection, select));
  }
}

/// Adds what the blocks behind the newest row say. Returns the parties that they are of.
base::Result<std::set<std::int64_t>> add_newer(Connection& connection, HeadsByParty& heads) {
  SLUICE_TRY(Statement select, connection.prepare("SELECT party, party_seq, kind, to_ns, hash, seq FROM blocks "
                                                  "WHERE seq > ? ORDER BY seq"));
  std::uint64_t newest = 0;
  for (const auto& [party, head] : heads) newest = std::max(newest, head.last_seq);
  select.bind(static_cast<std::int64_t>(newest));
  std::set<std::int64_t> changed;
  while (true) {
    SLUICE_TRY(const bool has_row, select.step());
    if (!has_row) return changed;
    const std::int64_t party = select.integer(0);
    SLUICE_TRY(const PartyKey* key, connection.parties().name(connection, party));
    BlockHeader header{.seq = number_at<std::uint64_t>(select, 5), .party = *key};
    header.party_seq = number_at<std::uint64_t>(select, 1);
    header.kind = number_at<BlockKind>(select, 2);
    header.to_ns = select.integer(3);
    SLUICE_TRY(header.hash, digest_at(select, 4, header.seq, connection.path()));
    note_block(heads[party], header);
    changed.insert(party);
  }
}

/// Where its blocks begin.
base::Result<void> put_first_seq(Connection& connection, std::int64_t party, std::uint64_t seq) {
  SLUICE_TRY(Statement update, connection.prepare("UPDATE party_ids SET seq_min = ? WHERE id = ?"));
  return update.bind(static_cast<std::int64_t>(seq)).bind(party).run();
}

bool is_event(BlockKind kind) { return kind != BlockKind::Interval && kind != BlockKind::Records; }

}  // namespace

base::Result<std::vector<PartyHead>> all_heads(Connection& connection) {
  SLUICE_TRY(HeadsByParty by_party, rows(connection));
  SLUICE_CHECK(add_newer(connection, by_party));
  std::vector<PartyHead> heads;
  for (auto& [party, head] : by_party) {
    SLUICE_TRY(const PartyKey* key, connection.parties().name(connection, party));
    head.key = *key;
    heads.push_back(std::move(head));
  }
  std::ranges::sort(heads, {}, &PartyHead::key);
  return heads;
}

base::Result<PartyHeads::Known*> PartyHeads::known(Connection& connection, std::int64_t party, std::uint64_t seq) {
  if (const auto at = known_.find(party); at != known_.end()) return &at->second;
  if (!is_settled_) SLUICE_CHECK(settle(connection));
  static const std::string kText = std::string(kHeadColumns) + " WHERE party = ?";
  SLUICE_TRY(Statement select, connection.prepare(kText));
  SLUICE_TRY(const bool has_row, select.bind(party).step());
  Known known;
  if (has_row) {
    SLUICE_TRY(known.head, head_at(connection, select));
  } else {
    SLUICE_CHECK(put_first_seq(connection, party, seq));
  }
  return &known_.emplace(party, std::move(known)).first->second;
}

base::Result<void> PartyHeads::use(Connection& connection, std::int64_t party, const BlockHeader& header) {
  SLUICE_TRY(Known * known, this->known(connection, party, header.seq));
  if (has_sent(known->head, header.party_seq)) {
    return base::fail(
        contradiction("a block of this party and number was stored before", header.party, header.party_seq));
  }
  note_block(known->head, header);
  if (!std::exchange(known->is_changed, true)) changed_.push_back(party);
  ++blocks_;
  has_event_ |= is_event(header.kind);
  return {};
}

base::Result<void> PartyHeads::put(Connection& connection, std::span<const PartyHead> heads) {
  for (const PartyHead& head : heads) {
    SLUICE_TRY(const std::int64_t party, connection.parties().number_or_new(connection, head.key));
    SLUICE_TRY(Known * known, this->known(connection, party, head.last_seq));
    if (known->head == head) continue;
    known->head = head;
    if (!std::exchange(known->is_changed, true)) changed_.push_back(party);
  }
  if (!has_event_ && blocks_ < kBlocksMax && base::now() - put_at_ < kPutEvery) return {};
  return put_changed(connection);
}

base::Result<void> PartyHeads::put_changed(Connection& connection) {
  std::vector<PartyHead> heads;
  std::ranges::sort(changed_);
  for (const std::int64_t party : changed_) {
    Known& known = known_.at(party);
    known.is_changed = false;
    heads.push_back(known.head);
  }
  SLUICE_CHECK(put_heads(connection, heads));
  changed_.clear();
  blocks_ = 0;
  has_event_ = false;
  put_at_ = base::now();
  return {};
}

base::Result<void> PartyHeads::settle(Connection& connection) {
  if (is_settled_) return put_changed(connection);
  SLUICE_TRY(HeadsByParty heads, rows(connection));
  SLUICE_TRY(const std::set<std::int64_t> parties, add_newer(connection, heads));
  std::vector<PartyHead> newer;
  newer.reserve(parties.size());
  for (const std::int64_t party : parties) newer.push_back(std::move(heads.at(party)));
  SLUICE_CHECK(put_heads(connection, newer));
  is_settled_ = true;
  return {};
}

void PartyHeads::forget() { *this = {}; }

base::Result<void> put_heads(Connection& connection, std::span<const PartyHead> heads) {
  SLUICE_TRY(const std::int64_t had_gaps, connection.number("SELECT EXISTS (SELECT 1 FROM gaps)"));
  SLUICE_TRY(Statement put, connection.prepare("REPLACE INTO heads VALUES (?, ?, ?, ?, ?, ?, ?)"));
  SLUICE_TRY(Statement remove_gaps, connection.prepare(kRemoveGaps));
  SLUICE_TRY(Statement gap, connection.prepare("INSERT INTO gaps VALUES (?, ?, ?)"));
  for (const PartyHead& head : heads) {
    SLUICE_TRY(const std::int64_t party, connection.parties().number_or_new(connection, head.key));
    const DigestBytes hash = digest_bytes(head.last_hash);
    put.bind(party).bind(static_cast<std::int64_t>(head.next_party_seq)).bind_bytes(hash);
    put.bind(static_cast<std::int64_t>(head.last_seq)).bind(head.complete_to_ns).bind(head.to_ns);
    SLUICE_CHECK(put.bind(head.is_over ? 1 : 0).run());
    if (had_gaps != 0) SLUICE_CHECK(remove_gaps.bind(party).run());
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
  SLUICE_TRY(Statement gaps, connection.prepare(kRemoveGaps));
  return gaps.bind(party).run();
}

}  // namespace sluice::journal
