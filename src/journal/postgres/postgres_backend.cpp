#include "journal/postgres/postgres_backend.hpp"

#include <algorithm>

#include "journal/postgres/block_reader.hpp"
#include "journal/postgres/block_writer.hpp"
#include "journal/postgres/connection_pool.hpp"
#include "journal/postgres/schema.hpp"
#include "journal/postgres/server_address.hpp"
#include "journal/postgres/transaction.hpp"

namespace sluice::journal {

namespace {

using postgres::Call;
using postgres::Connection;
using postgres::ConnectionPool;
using postgres::Transaction;

/// One read, over one state of the database.
template <class Read>
auto read_in(ConnectionPool& pool, const CallBounds& bounds, std::string_view what, const Read& read)
    -> decltype(read(std::declval<Connection&>(), std::declval<const Call&>())) {
  const Call call{.bounds = bounds, .what = what};
  SLUICE_TRY(const Transaction transaction, Transaction::read(pool, call));
  auto result = read(transaction.connection(), call);
  if (result) SLUICE_CHECK(transaction.commit(call));
  return result;
}

/// One change: as its last step has been confirmed, or an error.
template <class Change>
auto change_in(ConnectionPool& pool, const CallBounds& bounds, std::string_view what, const Change& change)
    -> decltype(change(std::declval<Transaction&>(), std::declval<const Call&>())) {
  const Call call{.bounds = bounds, .what = what};
  SLUICE_TRY(Transaction transaction, Transaction::change(pool, call, postgres::kLockForChange));
  auto result = change(transaction, call);
  if (result) SLUICE_CHECK(transaction.commit(call));
  return result;
}

constexpr std::string_view kReadBlock = "read a block from PostgreSQL";

}  // namespace

PostgresBackend::PostgresBackend(std::unique_ptr<ConnectionPool> readers, std::unique_ptr<ConnectionPool> changer,
                                 postgres::LookupsPtr lookups)
    : lookups_(std::move(lookups)), readers_(std::move(readers)), changer_(std::move(changer)) {}

PostgresBackend::~PostgresBackend() = default;

base::Result<std::unique_ptr<PostgresBackend>> PostgresBackend::open(std::string_view uri,
                                                                     const PostgresOptions& options,
                                                                     const CallBounds& bounds) {
  SLUICE_TRY(const postgres::ServerAddress address, postgres::ServerAddress::parse(uri));
  const postgres::ConnectionOptions connection{.connect_timeout = options.connect_timeout,
                                               .application_name = options.application_name};
  auto readers = std::make_unique<ConnectionPool>(address, connection, std::max<std::size_t>(options.readers_max, 1));
  auto changer = std::make_unique<ConnectionPool>(address, connection, 1);
  SLUICE_CHECK(postgres::prepare_schema(*changer, bounds));
  return std::unique_ptr<PostgresBackend>(
      new PostgresBackend(std::move(readers), std::move(changer), connection.lookups));
}

BackendTraits PostgresBackend::traits() const {
  return {.name = readers_->address().name(), .reads_from_snapshots = true, .others_write = true};
}

LeftBehind PostgresBackend::left_behind() const { return lookups_->left(); }

base::Result<BackendState> PostgresBackend::load(const CallBounds& bounds) {
  return read_in(*readers_, bounds, "load the journal's state from PostgreSQL", postgres::read_state);
}

base::Result<void> PostgresBackend::append(const Commit& commit, const CallBounds& bounds) {
  return change_in(*changer_, bounds, "append blocks in PostgreSQL", [&](Transaction& transaction, const Call& call) {
    return postgres::write_commit(transaction, commit, call);
  });
}

base::Result<std::vector<StoredBlock>> PostgresBackend::remove_above(std::uint64_t seq,
                                                                     std::span<const PartyHead> heads,
                                                                     const CallBounds& bounds) {
  return change_in(*changer_, bounds, "remove blocks from PostgreSQL", [&](Transaction& transaction, const Call& call) {
    return postgres::remove_blocks_above(transaction, seq, heads, call);
  });
}

base::Result<void> PostgresBackend::fence(const Fence& fence, const CallBounds& bounds) {
  return change_in(
      *changer_, bounds, "mark an attempt as discarded in PostgreSQL",
      [&](Transaction& transaction, const Call& call) { return postgres::write_fence(transaction, fence, call); });
}

base::Result<void> PostgresBackend::compact(const CallBounds& bounds) {
  const Call call{.bounds = bounds, .what = "compact the journal in PostgreSQL"};
  SLUICE_TRY(const postgres::Lease lease, changer_->take(call));
  SLUICE_TRY(const postgres::Rows owner,
             lease->query("SELECT pg_has_role(relowner, 'USAGE'), relowner::regrole::text FROM pg_class "
                          "WHERE oid = 'sluice.blocks'::regclass",
                          {}, call));
  if (owner.count() == 1 && owner.i64(0, 0) == 0) {
    return base::fail({.code = base::Code::PermissionDenied,
                       .what = "only the owner of the journal's tables may compact them",
                       .where = lease->address().where(),
                       .likely = {"another role has made the schema sluice"},
                       .try_next = {"as " + std::string(owner.bytes(0, 1)) + ": VACUUM sluice.blocks, sluice.notable",
                                    "or leave it to the server's autovacuum"}});
  }
  // VACUUM has no transaction around it that could bound it.
  SLUICE_CHECK(lease->run("SET statement_timeout = " + postgres::statement_timeout(bounds), call));
  SLUICE_CHECK(lease->run("VACUUM (ANALYZE) sluice.blocks, sluice.notable, sluice.heads, sluice.fences", call));
  SLUICE_CHECK(lease->run("RESET statement_timeout", call));
  return {};
}

base::Result<StoredBlock> PostgresBackend::get(std::uint64_t seq, const CallBounds& bounds) {
  return read_in(*readers_, bounds, kReadBlock,
                 [&](Connection& connection, const Call& call) { return postgres::read_block(connection, seq, call); });
}

base::Result<StoredBlock> PostgresBackend::find(const PartyKey& party, std::uint64_t party_seq,
                                                const CallBounds& bounds) {
  return read_in(*readers_, bounds, kReadBlock, [&](Connection& connection, const Call& call) {
    return postgres::read_block(connection, party, party_seq, call);
  });
}

base::Result<StoredBlock> PostgresBackend::find(const Digest& hash, const CallBounds& bounds) {
  return read_in(*readers_, bounds, kReadBlock, [&](Connection& connection, const Call& call) {
    return postgres::read_block(connection, hash, call);
  });
}

base::Result<ReadPage> PostgresBackend::read(const ReadRequest& request, const CallBounds& bounds) {
  return read_in(*readers_, bounds, "read blocks from PostgreSQL", [&](Connection& connection, const Call& call) {
    return postgres::read_page(connection, request, call);
  });
}

base::Result<std::vector<FoundRecord>> PostgresBackend::notable(const NotableRequest& request,
                                                                const CallBounds& bounds) {
  return read_in(
      *readers_, bounds, "read notable records from PostgreSQL",
      [&](Connection& connection, const Call& call) { return postgres::read_notable(connection, request, call); });
}

base::Result<std::vector<std::vector<SeqRange>>> PostgresBackend::present_of(std::span<const PartyKey> parties,
                                                                             const CallBounds& bounds) {
  using Ranges = std::vector<std::vector<SeqRange>>;
  return read_in(*readers_, bounds, "ask PostgreSQL which blocks of a party are there",
                 [&](Connection& connection, const Call& call) -> base::Result<Ranges> {
                   Ranges ranges;
                   for (const PartyKey& party : parties) {
                     SLUICE_TRY(ranges.emplace_back(), postgres::read_present(connection, party, call));
                   }
                   return ranges;
                 });
}

}  // namespace sluice::journal
