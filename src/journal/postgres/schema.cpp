#include "journal/postgres/schema.hpp"

#include <iterator>

#include <fmt/format.h>

#include "journal/postgres/schema_sql.hpp"

namespace sluice::journal::postgres {

namespace {

/// Step k brings version k to k + 1.
constexpr const char* kSteps[] = {kSchemaStep1, kSchemaStep2};
/// Since then there are the tables; later steps have changed views alone.
constexpr std::int64_t kUsableFrom = 1;

/// Held while the schema is made or changed; any number will do, as long as every program uses the same.
constexpr const char* kLockSchema = "SELECT pg_advisory_xact_lock(8319387912378431)";

// From the catalogue, which everybody may read: a missing right must not look like a missing table.
constexpr const char* kFindSchema =
    "SELECT n.oid IS NOT NULL, c.oid IS NOT NULL FROM (SELECT 'sluice'::name AS name) AS wanted "
    "LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.name "
    "LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = 'meta'";

struct Found {
  bool has_schema = false;
  std::int64_t version = 0;  ///< 0: there are no tables
};

base::Result<Found> look(Connection& connection, const Call& call) {
  SLUICE_TRY(const Rows there, connection.query(kFindSchema, {}, call));
  Found found{.has_schema = there.i64(0, 0) != 0};
  if (there.i64(0, 1) == 0) return found;
  SLUICE_TRY(const Rows version, connection.query("SELECT version FROM sluice.meta", {}, call));
  found.version = version.count() == 0 ? 0 : version.i64(0, 0);
  return found;
}

base::Result<void> check_version(std::int64_t found, const ServerAddress& address) {
  if (found <= schema_version()) return {};
  return base::fail(
      {.code = base::Code::Unsupported,
       .what = fmt::format("the journal's schema is of version {}, and this program knows versions up to {}", found,
                           schema_version()),
       .where = address.where() + ", schema sluice",
       .likely = {"a newer sluice has used this database"},
       .try_next = {"use that version of sluice here, too", "name another database"}});
}

base::Result<void> bring_up_to_date(ConnectionPool& pool, const Call& call) {
  SLUICE_TRY(Transaction transaction, Transaction::change(pool, call));
  Connection& connection = transaction.connection();
  SLUICE_CHECK(connection.run(kLockSchema, call));
  SLUICE_TRY(const Found found, look(connection, call));  // again: another one may have been first
  SLUICE_CHECK(check_version(found.version, pool.address()));
  if (found.version == schema_version()) return {};
  // IF NOT EXISTS would want the right to make one even where there is one.
  if (!found.has_schema) SLUICE_CHECK(connection.run("CREATE SCHEMA sluice", call));
  for (std::int64_t step = found.version; step < schema_version(); ++step) {
    SLUICE_CHECK(connection.run(kSteps[step], call));
  }
  Params version;
  version.add(schema_version());
  SLUICE_CHECK(connection.query("UPDATE sluice.meta SET version = $1, changed_at = now()", version, call));
  return transaction.commit(call);
}

}  // namespace

std::int64_t schema_version() { return std::ssize(kSteps); }

base::Result<void> prepare_schema(ConnectionPool& pool, const CallBounds& bounds) {
  const Call call{.bounds = bounds, .what = "open the journal in PostgreSQL"};
  std::int64_t version = 0;
  {
    SLUICE_TRY(const Transaction transaction, Transaction::read(pool, call));
    SLUICE_TRY(const Found found, look(transaction.connection(), call));
    SLUICE_CHECK(check_version(found.version, pool.address()));
    version = found.version;
  }
  if (version == schema_version()) return {};
  auto changed = bring_up_to_date(pool, call);
  // Who may not change the views works with those that are there.
  const bool may_not = !changed && changed.error().code == base::Code::PermissionDenied;
  return may_not && version >= kUsableFrom ? base::Result<void>() : changed;
}

// A statement of its own: it sees what the lock's last holder did.
const char* const kLockForChange =
    "SELECT version FROM sluice.meta FOR UPDATE; "
    "SELECT version, (SELECT coalesce(max(seq), 0) FROM sluice.blocks) FROM sluice.meta";

base::Result<std::uint64_t> locked_head(const Transaction& transaction) {
  const Rows& rows = transaction.first_rows();
  const ServerAddress& address = transaction.connection().address();
  if (rows.count() == 0) {
    return base::fail({.code = base::Code::Corrupt,
                       .what = "the table sluice.meta has lost its row, so changes cannot be kept apart",
                       .where = address.where(),
                       .likely = {"somebody edited the tables"},
                       .try_next = {fmt::format("INSERT INTO sluice.meta (version) VALUES ({})", schema_version())}});
  }
  SLUICE_CHECK(check_version(rows.i64(0, 0), address));
  return rows.u64(0, 1);
}

}  // namespace sluice::journal::postgres
