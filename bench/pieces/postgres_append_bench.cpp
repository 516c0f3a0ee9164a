// Appending to the journal in PostgreSQL, beside bare loops over libpq that send the same rows into the same tables.
// Over a server of its own: in memory, or on the disk where TMPDIR is.
#include <memory>
#include <stdexcept>
#include <string>

#include <benchmark/benchmark.h>
#include <libpq-fe.h>

#include "journal/postgres/block_rows.hpp"
#include "journal/postgres/tests/private_server.hpp"
#include "journal/postgres/tests/team.hpp"

namespace sluice::journal::postgres {
namespace {

constexpr std::size_t kBlocks = 100, kBlockBytes = 4096;  // of a commit

/// libpq, waiting in every call.
class BareSession {
 public:
  BareSession() : connection_(PQconnectdb(PrivateServer::shared().uri().c_str()), &PQfinish) {}

  void run(const char* statement) { check(PQexec(connection_.get(), statement)); }
  void copy(const std::string& rows) {
    run(kCopyBlocks);
    PQputCopyData(connection_.get(), rows.data(), static_cast<int>(rows.size()));
    PQputCopyEnd(connection_.get(), nullptr);
    while (PGresult* result = PQgetResult(connection_.get())) check(result);
  }
  void prepare(const char* name, const char* statement) {
    check(PQprepare(connection_.get(), name, statement, 0, nullptr));
  }
  void execute(const char* name, const std::vector<std::string>& texts, const std::string& bytes) {
    std::vector<const char*> values;
    std::vector<int> lengths(texts.size(), 0), formats(texts.size(), 0);
    for (const std::string& text : texts) values.push_back(text.c_str());
    if (!bytes.empty())
      values.push_back(bytes.data()), lengths.push_back(static_cast<int>(bytes.size())), formats.push_back(1);
    check(PQexecPrepared(connection_.get(), name, static_cast<int>(values.size()), values.data(), lengths.data(),
                         formats.data(), 0));
  }

 private:
  void check(PGresult* result) {
    const ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    if (status == PGRES_FATAL_ERROR) throw std::runtime_error(PQerrorMessage(connection_.get()));
  }
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

constexpr const char* kHead =
    "INSERT INTO sluice.heads VALUES (1, $1::bigint, '', '', $1::bigint, 0, 0, false) ON CONFLICT (party_id) DO UPDATE "
    "SET next_party_seq = excluded.next_party_seq, last_seq = excluded.last_seq";

void empty_the_tables() {
  PrivateServer::shared().clear();
  (void)open_backend(PrivateServer::shared().uri());
}

void append_by_the_backend(benchmark::State& state) {
  empty_the_tables();
  const auto backend = open_backend(PrivateServer::shared().uri());
  Contributor who("anna");
  std::uint64_t head = 0;
  for (auto _ : state) {
    if (!backend->append(who.next(head, kBlocks, kBlockBytes), {})) state.SkipWithError("an append failed");
    who.keep();
    head += kBlocks;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(head));
}

void copy_by_bare_libpq(benchmark::State& state) {
  empty_the_tables();
  BareSession session;
  session.prepare("head", kHead);
  Contributor who("anna");
  std::uint64_t head = 0;
  for (auto _ : state) {
    const Commit commit = who.next(head, kBlocks, kBlockBytes);
    who.keep();
    head += kBlocks;
    std::string rows;
    put_copy_begin(rows);
    for (const StoredBlock& block : commit.blocks) put_block(rows, block, 1);
    put_copy_end(rows);
    session.run("BEGIN");
    session.copy(rows);
    session.execute("head", {std::to_string(head)}, {});
    session.run("COMMIT");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(head));
}

void insert_one_by_one_by_bare_libpq(benchmark::State& state) {
  empty_the_tables();
  BareSession session;
  session.prepare("head", kHead);
  session.prepare(
      "block",
      "INSERT INTO sluice.blocks (seq, party_id, party_seq, kind, from_ns, to_ns, clock_error_ns, operations, "
      "hash, previous, payload) VALUES ($1, 1, $2, 3, 0, 0, 0, 0, decode($3, 'hex'), decode($4, 'hex'), $5)");
  Contributor who("anna");
  std::uint64_t head = 0;
  for (auto _ : state) {
    const Commit commit = who.next(head, kBlocks, kBlockBytes);
    who.keep();
    head += kBlocks;
    session.run("BEGIN");
    for (const StoredBlock& block : commit.blocks) {
      session.execute("block",
                      {std::to_string(block.header.seq), std::to_string(block.header.party_seq),
                       to_text(block.header.hash), to_text(block.header.previous)},
                      std::string(as_text(block.payload)));
    }
    session.execute("head", {std::to_string(head)}, {});
    session.run("COMMIT");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(head));
}

BENCHMARK(append_by_the_backend)->UseRealTime()->MinTime(2);
BENCHMARK(copy_by_bare_libpq)->UseRealTime()->MinTime(2);
BENCHMARK(insert_one_by_one_by_bare_libpq)->UseRealTime()->MinTime(2);

}  // namespace
}  // namespace sluice::journal::postgres
