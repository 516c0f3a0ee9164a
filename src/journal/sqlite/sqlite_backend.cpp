#include "journal/sqlite/sqlite_backend.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "journal/sqlite/block_rows.hpp"
#include "journal/sqlite/connection.hpp"
#include "journal/sqlite/connection_pool.hpp"
#include "journal/sqlite/filter_query.hpp"
#include "journal/sqlite/json_array.hpp"
#include "journal/sqlite/party_heads.hpp"
#include "journal/sqlite/sqlite_opening.hpp"
#include "journal/sqlite/writer_lock.hpp"
#include "journal/tiers/commit_check.hpp"

namespace sluice::journal {

/// The lock goes last, the connection that writes after those that read: so it is it that clears the WAL away.
struct SqliteBackend::Parts {
  Parts(OpenedDatabase opened, SqliteMode mode_wanted, const SqliteOptions& options)
      : path(opened.path),
        mode(mode_wanted),
        has_snapshots(opened.has_snapshots),
        lock(std::move(opened.lock)),
        writer(1, [] { return base::fail(base::Error{}); }),
        readers(std::max<std::size_t>(options.readers_max, 1),
                [path = opened.path, how = opened.reader, is_damaged = opened.is_damaged] {
                  return open_reader(path, how, is_damaged);
                }) {
    (mode == SqliteMode::ReadWrite ? writer : readers).adopt(std::move(opened.first));
  }

  template <class Work>
  auto read(const CallBounds& bounds, std::string_view what, Work&& work)
      -> decltype(work(std::declval<Connection&>()));
  template <class Work>
  auto write(const CallBounds& bounds, std::string_view what, Work&& work)
      -> decltype(work(std::declval<Connection&>()));
  base::Result<ConnectionPool::Lease> lease_writer(const CallBounds& bounds, std::string_view what);

  const std::string path;
  const SqliteMode mode;
  const bool has_snapshots;
  std::optional<WriterLock> lock;
  ConnectionPool writer;
  PartyHeads heads;  ///< whoever has leased the writer's
  ConnectionPool readers;
};

/// One call that reads: `work` sees one state of the database.
template <class Work>
auto SqliteBackend::Parts::read(const CallBounds& bounds, std::string_view what, Work&& work)
    -> decltype(work(std::declval<Connection&>())) {
  SLUICE_TRY(const ConnectionPool::Lease lease, readers.lease(bounds, what));
  const CallScope scope(*lease, bounds, what);
  SLUICE_TRY(Transaction transaction, Transaction::begin_read(*lease));
  return work(*lease);
}

/// One call that writes: all of `work` is stored, durably, or nothing.
template <class Work>
auto SqliteBackend::Parts::write(const CallBounds& bounds, std::string_view what, Work&& work)
    -> decltype(work(std::declval<Connection&>())) {
  SLUICE_TRY(const ConnectionPool::Lease lease, lease_writer(bounds, what));
  const CallScope scope(*lease, bounds, what);
  SLUICE_TRY(Transaction transaction, Transaction::begin_write(*lease));
  auto result = work(*lease);
  const base::Result<void> committed = result ? transaction.commit() : base::Result<void>();
  if (!result || !committed) heads.forget();
  SLUICE_CHECK(committed);
  return result;
}

base::Result<ConnectionPool::Lease> SqliteBackend::Parts::lease_writer(const CallBounds& bounds,
                                                                       std::string_view what) {
  SLUICE_CHECK(bounds.check(what));
  if (mode == SqliteMode::ReadWrite) return writer.lease(bounds, what);
  return base::fail(base::Error{.code = base::Code::PermissionDenied,
                                .what = fmt::format("{} failed: the database was opened for reading only", what),
                                .where = path,
                                .likely = {"this command only looks at results"},
                                .try_next = {"use the command that changes them"}});
}

namespace {

std::int64_t bounded(std::uint64_t number) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(number, static_cast<std::uint64_t>(kMax)));
}

base::Error no_block(std::string what, const std::string& path) {
  return {.code = base::Code::NotFound, .what = "there is no " + std::move(what), .where = path};
}

base::Result<std::uint64_t> head_of(Connection& connection) {
  SLUICE_TRY(const std::int64_t head, connection.number("SELECT coalesce(max(seq), 0) FROM blocks"));
  return static_cast<std::uint64_t>(head);
}

/// The block `seq`, or nothing.
base::Result<std::optional<StoredBlock>> block_of(Connection& connection, std::int64_t seq) {
  static const std::string kText = fmt::format(
      "SELECT {}{} FROM blocks b LEFT JOIN payloads y ON y.seq = b.seq WHERE b.seq = ?", kHeaderColumns, kBlockColumns);
  SLUICE_TRY(Statement select, connection.prepare(kText));
  SLUICE_TRY(const bool has_row, select.bind(seq).step());
  if (!has_row) return std::nullopt;
  return block_at(connection, select);
}

base::Result<ReadPage> page_of(Connection& connection, const ReadRequest& request) {
  ReadPage page;
  if (request.after >= request.to) return page;
  SLUICE_TRY(const FilterQuery query, FilterQuery::of_blocks(connection, request));
  if (query.is_empty()) return page;
  SLUICE_TRY(Statement select, query.prepare(connection));
  const std::size_t blocks_max = std::max<std::size_t>(request.blocks_max, 1);
  std::size_t bytes = 0;
  while (true) {
    SLUICE_TRY(const bool has_row, select.step());
    if (!has_row) return page;
    page.is_last = page.blocks.size() < blocks_max;
    if (!page.is_last) return page;
    bytes += select.bytes(kHeaderColumnCount + 1).size();
    page.is_last = page.blocks.empty() || bytes <= request.bytes_max;
    if (!page.is_last) return page;
    SLUICE_TRY(page.blocks.emplace_back(), block_at(connection, select));
  }
}

base::Result<std::vector<FoundRecord>> records_of(Connection& connection, const NotableRequest& request) {
  std::vector<FoundRecord> found;
  SLUICE_TRY(const FilterQuery query, FilterQuery::of_records(connection, request));
  if (query.is_empty()) return found;
  SLUICE_TRY(Statement select, query.prepare(connection));
  while (true) {
    SLUICE_TRY(const bool has_row, select.step());
    if (!has_row) return found;
    FoundRecord& one = found.emplace_back();
    SLUICE_TRY(one.block, header_at(connection, select));
    SLUICE_TRY(one.record, record_at(select, kHeaderColumnCount, one.block.seq, connection.path()));
  }
}

base::Result<std::vector<StoredBlock>> blocks_above(Connection& connection, std::int64_t seq) {
  static const std::string kText =
      fmt::format("SELECT {}{} FROM blocks b LEFT JOIN payloads y ON y.seq = b.seq WHERE b.seq > ? ORDER BY b.seq",
                  kHeaderColumns, kBlockColumns);
  SLUICE_TRY(Statement select, connection.prepare(kText));
  select.bind(seq);
  std::vector<StoredBlock> blocks;
  while (true) {
    SLUICE_TRY(const bool has_row, select.step());
    if (!has_row) return blocks;
    SLUICE_TRY(blocks.emplace_back(), block_at(connection, select, Check::AsItStands));
  }
}

base::Result<void> remove_rows_above(Connection& connection, std::int64_t seq) {
  for (const std::string_view text :
       {"DELETE FROM blocks WHERE seq > ?", "DELETE FROM payloads WHERE seq > ?", "DELETE FROM notable WHERE seq > ?",
        "UPDATE party_ids SET seq_min = NULL WHERE seq_min > ?"}) {
    SLUICE_TRY(Statement statement, connection.prepare(text));
    SLUICE_CHECK(statement.bind(seq).run());
  }
  return {};
}

base::Result<std::vector<StoredBlock>> remove_blocks_above(Connection& connection, std::int64_t seq,
                                                           std::span<const PartyHead> heads) {
  SLUICE_TRY(std::vector<StoredBlock> removed, blocks_above(connection, seq));
  SLUICE_CHECK(remove_rows_above(connection, seq));
  std::set<PartyKey> without;
  for (const StoredBlock& block : removed) without.insert(block.header.party);
  std::vector<PartyHead> kept;
  for (const PartyHead& head : heads) {
    without.insert(head.key);
    if (head.next_party_seq > 0) kept.push_back(head);
  }
  for (const PartyKey& key : without) {
    SLUICE_TRY(const auto party, connection.parties().number(connection, key));
    if (party) SLUICE_CHECK(remove_head(connection, *party));
  }
  SLUICE_CHECK(put_heads(connection, kept));
  return removed;
}

base::Result<std::vector<Fence>> all_fences(Connection& connection) {
  SLUICE_TRY(Statement select, connection.prepare("SELECT r.name, f.stage, f.attempt, f.at_seq FROM fences f "
                                                  "JOIN run_ids r ON r.id = f.run"));
  std::vector<Fence> fences;
  while (true) {
    SLUICE_TRY(const bool has_row, select.step());
    if (!has_row) break;
    fences.push_back({std::string(select.text(0)), static_cast<std::uint32_t>(select.integer(1)),
                      static_cast<std::uint32_t>(select.integer(2)), static_cast<std::uint64_t>(select.integer(3))});
  }
  std::ranges::sort(fences);
  return fences;
}

using Ranges = std::vector<SeqRange>;

/// The numbers of all these parties, by one walk over the blocks.
base::Result<std::unordered_map<std::int64_t, Ranges>> ranges_of(Connection& connection,
                                                                 const std::vector<std::int64_t>& parties) {
  const std::string array = array_of(parties);
  SLUICE_TRY(Statement select, connection.prepare(kNumbersOfParties));
  select.bind_text(array);
  std::unordered_map<std::int64_t, Ranges> all;
  while (true) {
    SLUICE_TRY(const bool has_row, select.step());
    if (!has_row) break;
    add_number(all[select.integer(0)], static_cast<std::uint64_t>(select.integer(1)));
  }
  for (auto& [party, ranges] : all) put_in_order(ranges);
  return all;
}

/// The seq of a party's block, or 0.
base::Result<std::int64_t> seq_of(Connection& connection, const PartyKey& key, std::uint64_t party_seq) {
  SLUICE_TRY(const auto party, connection.parties().number(connection, key));
  if (!party || party_seq > static_cast<std::uint64_t>(bounded(party_seq))) return 0;
  SLUICE_TRY(Statement select, connection.prepare(kSeqOfNumber));
  SLUICE_TRY(const bool has_row, select.bind(*party).bind(bounded(party_seq)).step());
  return has_row ? select.integer(0) : 0;
}

/// The seq of a block with this hash, or 0.
base::Result<std::int64_t> seq_of(Connection& connection, const Digest& hash) {
  SLUICE_TRY(Statement select, connection.prepare(kSeqOfHash));
  const DigestBytes bytes = digest_bytes(hash);
  SLUICE_TRY(const bool has_row, select.bind_bytes(bytes).step());
  return has_row ? select.integer(0) : 0;
}

}  // namespace

base::Result<std::unique_ptr<SqliteBackend>> SqliteBackend::open(const std::string& path, SqliteMode mode,
                                                                 const SqliteOptions& options,
                                                                 const CallBounds& bounds) {
  SLUICE_TRY(OpenedDatabase opened, open_database(path, mode, options, bounds));
  auto parts = std::make_unique<Parts>(std::move(opened), mode, options);
  return std::unique_ptr<SqliteBackend>(new SqliteBackend(std::move(parts)));
}

SqliteBackend::SqliteBackend(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)),
      traits_{.name = "sqlite:" + parts_->path,
              .reads_from_snapshots = parts_->has_snapshots,
              // Whoever may write has the lock of the one writer.
              .others_write = parts_->mode == SqliteMode::ReadOnly} {}

SqliteBackend::~SqliteBackend() = default;

base::Result<BackendState> SqliteBackend::load(const CallBounds& bounds) {
  return parts_->read(bounds, "loading the state of the journal", [](Connection& it) -> base::Result<BackendState> {
    BackendState state;
    SLUICE_TRY(state.head, head_of(it));
    SLUICE_TRY(state.parties, all_heads(it));
    SLUICE_TRY(state.fences, all_fences(it));
    return state;
  });
}

base::Result<void> SqliteBackend::append(const Commit& commit, const CallBounds& bounds) {
  return parts_->write(bounds, "appending blocks", [&](Connection& it) -> base::Result<void> {
    SLUICE_TRY(const std::uint64_t head, head_of(it));
    SLUICE_CHECK(check_commit(commit, head));
    SLUICE_CHECK(put_blocks(it, commit.blocks, parts_->heads));
    return parts_->heads.put(it, commit.heads);
  });
}

base::Result<std::vector<StoredBlock>> SqliteBackend::remove_above(std::uint64_t seq, std::span<const PartyHead> heads,
                                                                   const CallBounds& bounds) {
  SLUICE_CHECK(check_heads(heads));
  return parts_->write(bounds, "removing blocks", [&](Connection& it) -> base::Result<std::vector<StoredBlock>> {
    SLUICE_CHECK(parts_->heads.settle(it));
    parts_->heads.forget();
    return remove_blocks_above(it, bounded(seq), heads);
  });
}

base::Result<void> SqliteBackend::fence(const Fence& fence, const CallBounds& bounds) {
  return parts_->write(bounds, "marking an attempt as discarded", [&](Connection& it) -> base::Result<void> {
    SLUICE_TRY(const std::int64_t run, PartyNames::run_or_new(it, fence.run));
    SLUICE_TRY(Statement insert, it.prepare("INSERT OR IGNORE INTO fences VALUES (?, ?, ?, ?)"));
    return insert.bind(run).bind(fence.stage).bind(fence.attempt).bind(bounded(fence.at_seq)).run();
  });
}

base::Result<void> SqliteBackend::compact(const CallBounds& bounds) {
  constexpr std::string_view kWhat = "giving space back";
  SLUICE_TRY(const ConnectionPool::Lease lease, parts_->lease_writer(bounds, kWhat));
  const CallScope scope(*lease, bounds, kWhat);
  SLUICE_CHECK((*lease).run("PRAGMA incremental_vacuum"));
  // Where somebody reads an old state it does what it can, and the next one the rest.
  return (*lease).run("PRAGMA wal_checkpoint(TRUNCATE)");
}

base::Result<StoredBlock> SqliteBackend::get(std::uint64_t seq, const CallBounds& bounds) {
  return parts_->read(bounds, "reading a block", [&](Connection& it) -> base::Result<StoredBlock> {
    SLUICE_TRY(auto block, block_of(it, bounded(seq)));
    if (!block) return base::fail(no_block(fmt::format("block {}", seq), it.path()));
    return std::move(*block);
  });
}

base::Result<StoredBlock> SqliteBackend::find(const PartyKey& party, std::uint64_t party_seq,
                                              const CallBounds& bounds) {
  return parts_->read(bounds, "looking for a block of a party", [&](Connection& it) -> base::Result<StoredBlock> {
    SLUICE_TRY(const std::int64_t seq, seq_of(it, party, party_seq));
    SLUICE_TRY(auto block, block_of(it, seq));
    if (!block) return base::fail(no_block(fmt::format("block {} of {}", party_seq, to_text(party)), it.path()));
    return std::move(*block);
  });
}

base::Result<StoredBlock> SqliteBackend::find(const Digest& hash, const CallBounds& bounds) {
  return parts_->read(bounds, "looking for a block by its hash", [&](Connection& it) -> base::Result<StoredBlock> {
    SLUICE_TRY(const std::int64_t seq, seq_of(it, hash));
    SLUICE_TRY(auto block, block_of(it, seq));
    if (!block) return base::fail(no_block("block with the hash " + to_text(hash), it.path()));
    return std::move(*block);
  });
}

base::Result<ReadPage> SqliteBackend::read(const ReadRequest& request, const CallBounds& bounds) {
  SLUICE_CHECK(request.filter.check());
  return parts_->read(bounds, "reading blocks", [&](Connection& it) { return page_of(it, request); });
}

base::Result<std::vector<FoundRecord>> SqliteBackend::notable(const NotableRequest& request, const CallBounds& bounds) {
  SLUICE_CHECK(request.filter.check());
  return parts_->read(bounds, "reading notable records", [&](Connection& it) { return records_of(it, request); });
}

base::Result<std::vector<std::vector<SeqRange>>> SqliteBackend::present_of(std::span<const PartyKey> parties,
                                                                           const CallBounds& bounds) {
  return parts_->read(bounds, "asking which blocks of a party are there",
                      [&](Connection& it) -> base::Result<std::vector<Ranges>> {
                        std::vector<std::int64_t> numbers;
                        for (const PartyKey& party : parties) {
                          SLUICE_TRY(const auto number, it.parties().number(it, party));
                          numbers.push_back(number.value_or(0));  // no party has that one
                        }
                        SLUICE_TRY(auto found, ranges_of(it, numbers));
                        std::vector<Ranges> ranges;
                        ranges.reserve(numbers.size());
                        for (const std::int64_t number : numbers) ranges.push_back(found[number]);
                        return ranges;
                      });
}

}  // namespace sluice::journal
