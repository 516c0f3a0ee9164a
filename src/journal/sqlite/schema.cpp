#include "journal/sqlite/schema.hpp"

#include <array>
#include <string>

#include <fmt/format.h>

#include "journal/tiers/stored_block.hpp"
#include "model/operation.hpp"

namespace sluice::journal {

namespace {

// Payloads have a table of their own, so that `blocks` is small: where a filter finds no index, reading it is one.
// Names and times of blocks that are no intervals and no records are few: blocks_of_events finds them in any history.
constexpr const char* kTables = R"sql(
CREATE TABLE run_ids (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE party_ids (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES run_ids (id),
  name TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  seq_min INTEGER,  -- no block of it is below
  seq_max INTEGER,  -- no block of it is above
  UNIQUE (run, name, attempt)
);
CREATE TABLE blocks (
  seq INTEGER PRIMARY KEY,
  party INTEGER NOT NULL,
  party_seq INTEGER NOT NULL,
  stage INTEGER,
  kind INTEGER NOT NULL,
  from_ns INTEGER NOT NULL,
  to_ns INTEGER NOT NULL,
  clock_error_ns INTEGER NOT NULL,
  operations INTEGER NOT NULL,
  records INTEGER,  -- this and the next five: the zone map, of kind 7
  latency_ns_min INTEGER,
  latency_ns_max INTEGER,
  bytes_min INTEGER,
  bytes_max INTEGER,
  statuses INTEGER,
  hash BLOB NOT NULL,
  previous BLOB NOT NULL,
  checksum INTEGER NOT NULL  -- of this row and the notable records
);
CREATE UNIQUE INDEX blocks_by_party ON blocks (party, party_seq);
CREATE INDEX blocks_by_hash ON blocks (seq >> 12, hash);
CREATE INDEX blocks_of_events ON blocks (seq) WHERE kind NOT IN (3, 7);
CREATE TABLE payloads (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE notable (
  seq INTEGER NOT NULL,
  record INTEGER NOT NULL,
  operation INTEGER NOT NULL,
  status INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  latency_ns INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  target TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (seq, record)
) WITHOUT ROWID;
CREATE TABLE heads (
  party INTEGER PRIMARY KEY,
  next_party_seq INTEGER NOT NULL,
  last_hash BLOB NOT NULL,
  last_seq INTEGER NOT NULL,
  complete_to_ns INTEGER NOT NULL,
  to_ns INTEGER NOT NULL,
  is_over INTEGER NOT NULL
);
CREATE TABLE gaps (
  party INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (party, first)
) WITHOUT ROWID;
CREATE TABLE fences (
  run INTEGER NOT NULL, stage INTEGER NOT NULL, attempt INTEGER NOT NULL, at_seq INTEGER NOT NULL,
  PRIMARY KEY (run, stage, attempt)
) WITHOUT ROWID;
CREATE TABLE kind_names (kind INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE operation_names (operation INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE status_names (status INTEGER PRIMARY KEY, name TEXT NOT NULL);

)sql";

/// Also for files that have others: those of version 1 counted stages from 0.
constexpr const char* kViews = R"sql(
DROP VIEW IF EXISTS failed_operations;
DROP VIEW IF EXISTS slow_operations;
DROP VIEW IF EXISTS notable_operations;
DROP VIEW IF EXISTS blocks_readable;
DROP VIEW IF EXISTS runs;

-- For a person with sqlite3: which runs, when, how long.
CREATE VIEW runs AS
SELECT r.name AS run,
       strftime('%Y-%m-%d %H:%M:%S', min(b.from_ns) / 1000000000, 'unixepoch') AS started_utc,
       strftime('%Y-%m-%d %H:%M:%S', max(h.to_ns) / 1000000000, 'unixepoch') AS last_block_utc,
       round((max(h.to_ns) - min(b.from_ns)) / 1e9, 3) AS duration_s,
       CASE WHEN min(h.is_over) THEN 'ended' ELSE 'no end known' END AS state,
       count(DISTINCT p.name) AS parties,
       max(p.attempt) + 1 AS attempts,
       sum(coalesce(c.blocks, 0)) AS blocks,
       coalesce(sum((SELECT sum(g.last - g.first + 1) FROM gaps g WHERE g.party = p.id)), 0) AS missing_blocks,
       (SELECT count(*) FROM fences f WHERE f.run = r.id) AS discarded_attempts
FROM run_ids r
JOIN party_ids p ON p.run = r.id
JOIN heads h ON h.party = p.id
LEFT JOIN blocks b ON b.seq = p.seq_min
LEFT JOIN (SELECT party, count(*) AS blocks FROM blocks GROUP BY party) c ON c.party = p.id
GROUP BY r.id
ORDER BY min(b.from_ns);

CREATE VIEW blocks_readable AS
SELECT b.seq, r.name AS run, p.name AS party, p.attempt, b.party_seq, b.stage + 1 AS stage, k.name AS kind,
       strftime('%Y-%m-%d %H:%M:%S', b.from_ns / 1000000000, 'unixepoch')
         || printf('.%03d', b.from_ns / 1000000 % 1000) AS from_utc,
       strftime('%Y-%m-%d %H:%M:%S', b.to_ns / 1000000000, 'unixepoch')
         || printf('.%03d', b.to_ns / 1000000 % 1000) AS to_utc,
       round((b.to_ns - b.from_ns) / 1e9, 3) AS duration_s,
       (SELECT group_concat(o.name, ' ') FROM operation_names o WHERE b.operations >> o.operation & 1) AS operations,
       b.records,
       (SELECT length(y.bytes) FROM payloads y WHERE y.seq = b.seq) AS payload_bytes,
       lower(hex(b.hash)) AS hash,
       EXISTS (SELECT 1 FROM fences f WHERE f.run = p.run AND f.attempt = p.attempt AND f.stage = b.stage) AS discarded
FROM blocks b
JOIN party_ids p ON p.id = b.party
JOIN run_ids r ON r.id = p.run
LEFT JOIN kind_names k ON k.kind = b.kind;

CREATE VIEW notable_operations AS
SELECT r.name AS run, p.name AS party, b.stage + 1 AS stage, o.name AS operation,
       round(n.latency_ns / 1e6, 6) AS latency_ms, n.bytes,
       n.target, s.name AS status, n.detail,
       strftime('%Y-%m-%d %H:%M:%S', n.end_ns / 1000000000, 'unixepoch')
         || printf('.%03d', n.end_ns / 1000000 % 1000) AS ended_utc,
       n.seq, n.record, n.latency_ns,
       EXISTS (SELECT 1 FROM fences f WHERE f.run = p.run AND f.attempt = p.attempt AND f.stage = b.stage) AS discarded
FROM notable n
JOIN blocks b ON b.seq = n.seq
JOIN party_ids p ON p.id = b.party
JOIN run_ids r ON r.id = p.run
LEFT JOIN operation_names o ON o.operation = n.operation
LEFT JOIN status_names s ON s.status = n.status;

CREATE VIEW slow_operations AS SELECT * FROM notable_operations ORDER BY latency_ns DESC;
CREATE VIEW failed_operations AS SELECT * FROM notable_operations WHERE status <> 'success' ORDER BY seq, record;
)sql";

/// Appends keep no index but that of events. An index of parties' numbers has a page for each party: where each block
/// is another party's than the one before, it costs a page a block. Where a party's blocks end its head says.
constexpr const char* kFewerIndexes = R"sql(
DROP INDEX blocks_by_party;
DROP INDEX blocks_by_hash;
CREATE INDEX heads_by_seq ON heads (last_seq);
ALTER TABLE party_ids DROP COLUMN seq_max;
)sql";

/// Views are made anew with each version that changes one: version 2 was such a one.
constexpr std::array kMigrations = {Migration{1, kTables}, Migration{3, kFewerIndexes}, Migration{3, kViews}};

base::Error unsuitable(base::Code code, std::string what, const std::string& path, std::string likely,
                       std::string try_next) {
  return {.code = code,
          .what = std::move(what),
          .where = path,
          .likely = {std::move(likely)},
          .try_next = {std::move(try_next)}};
}

/// The version in the file; 0 for an empty file. Errors: see check_schema().
base::Result<std::int64_t> version_of(Connection& connection, std::int64_t version_max) {
  SLUICE_TRY(const std::int64_t application, connection.number("PRAGMA application_id"));
  SLUICE_TRY(const std::int64_t version, connection.number("PRAGMA user_version"));
  SLUICE_TRY(const std::int64_t things, connection.number("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && version == 0 && things == 0) return 0;
  if (application != kApplicationId) {
    return base::fail(unsuitable(base::Code::InvalidArgument, "this database belongs to another program",
                                 connection.path(), "the path names another file",
                                 "name a file that is not there yet; this one was not touched"));
  }
  if (version > version_max) {
    return base::fail(unsuitable(
        base::Code::Unsupported,
        fmt::format("this database has the schema {}, and this program knows those up to {}", version, version_max),
        connection.path(), "a newer sluice wrote it", "use that one, or name another file; this one was not touched"));
  }
  if (version >= 1) return version;
  return base::fail(unsuitable(base::Code::Corrupt, "this database says that it is ours and has no version",
                               connection.path(), "its first page is damaged, or it was edited",
                               "make it again from the log: sluice results rebuild"));
}

template <class Kind>
base::Result<void> put_name(Connection& connection, std::string_view sql, Kind kind, std::string_view name) {
  SLUICE_TRY(Statement insert, connection.prepare(sql));
  return insert.bind(static_cast<std::int64_t>(kind)).bind_text(name).run();
}

/// What numbers of ours are called, for people; those that newer programs have added, too.
base::Result<void> put_names(Connection& connection) {
  for (int kind = 1; kind <= static_cast<int>(kBlockKindLast); ++kind) {
    SLUICE_CHECK(put_name(connection, "INSERT OR IGNORE INTO kind_names VALUES (?, ?)", kind,
                          name_of(static_cast<BlockKind>(kind))));
  }
  for (std::size_t kind = 0; kind < model::kOpKinds; ++kind) {
    SLUICE_CHECK(put_name(connection, "INSERT OR IGNORE INTO operation_names VALUES (?, ?)", kind,
                          name_of(static_cast<model::OpKind>(kind))));
  }
  constexpr std::string_view kStatus = "INSERT OR IGNORE INTO status_names VALUES (?, ?)";
  SLUICE_CHECK(put_name(connection, kStatus, kSucceeded, "success"));
  for (std::size_t kind = 0; kind < model::kErrorKinds; ++kind) {
    const auto error = static_cast<model::ErrorKind>(kind);
    SLUICE_CHECK(put_name(connection, kStatus, status_of(error), name_of(error)));
  }
  return {};
}

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }
std::int64_t schema_version() { return kMigrations.back().version; }

base::Result<void> check_schema(Connection& connection, bool is_read_only) {
  SLUICE_TRY(const std::int64_t version, version_of(connection, schema_version()));
  // An older one is read as it is: since the first nothing has changed but views, indexes, and a column less.
  if (!is_read_only || version > 0) return {};
  return base::fail(unsuitable(base::Code::InvalidArgument, "this database is empty", connection.path(),
                               "the run that was to fill it has not begun, or the path is misspelt",
                               "look at another file"));
}

base::Result<void> bring_up_to_date(Connection& connection, std::span<const Migration> steps) {
  const std::int64_t newest = steps.back().version;
  SLUICE_TRY(const std::int64_t seen, version_of(connection, newest));
  if (seen == newest) return {};
  if (seen == 0) SLUICE_CHECK(connection.run("PRAGMA auto_vacuum = INCREMENTAL"));  // only before there is a table
  SLUICE_TRY(Transaction transaction, Transaction::begin_write(connection));
  SLUICE_TRY(const std::int64_t version,
             version_of(connection, newest));  // as it is now that nobody else can change it
  for (const Migration& step : steps) {
    if (step.version > version) SLUICE_CHECK(connection.run_script(step.script));
  }
  // A pragma takes no bound values; these are numbers of ours.
  SLUICE_CHECK(connection.run_script(fmt::format("PRAGMA application_id = {}", kApplicationId).c_str()));
  SLUICE_CHECK(connection.run_script(fmt::format("PRAGMA user_version = {}", newest).c_str()));
  SLUICE_CHECK(put_names(connection));
  return transaction.commit();
}

}  // namespace sluice::journal
