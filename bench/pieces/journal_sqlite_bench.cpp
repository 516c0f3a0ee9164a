// What it costs to keep 1,000 blocks of 4 KiB, in ten commits of 100, against a bare loop over SQLite that inserts the
// same payloads in the same groups, with the same durability: a WAL and synchronous=FULL. The files are in /var/tmp.
//
//   bench_journal_sqlite --benchmark_repetitions=10 --benchmark_enable_random_interleaving=true
#include <filesystem>
#include <stdexcept>
#include <string>

#include <benchmark/benchmark.h>
#include <sqlite3.h>

#include "base/random.hpp"
#include "journal/sqlite/sqlite_backend.hpp"

namespace sluice::journal {
namespace {

constexpr std::uint64_t kBlocks = 1000, kGroup = 100;
constexpr std::size_t kPayloadBytes = 4096;

/// A folder for one benchmark.
class Folder {
 public:
  Folder() {
    std::string pattern = "/var/tmp/sluice-bench-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::vector<std::byte> payload_of(std::uint64_t seq) {
  std::vector<std::byte> payload(kPayloadBytes);
  for (std::size_t i = 0; i < payload.size(); ++i)
    payload[i] = static_cast<std::byte>(base::mix64(seq + i / 8) >> (i % 8 * 8));
  return payload;
}

/// Appends by the backend; blocks have `records` notable records each.
class Backed {
 public:
  explicit Backed(std::uint32_t records) : records_(records) {
    auto opened = SqliteBackend::open(folder_.path("journal.db"), SqliteMode::ReadWrite);
    if (!opened) throw std::runtime_error(to_text(opened.error()));
    backend_ = std::move(*opened);
  }

  /// Made beforehand: it is the keeping that is measured.
  Commit make(std::uint64_t blocks) {
    Commit commit;
    for (std::uint64_t i = 0; i < blocks; ++i) {
      StoredBlock& block = commit.blocks.emplace_back();
      const auto at = static_cast<std::int64_t>(++seq_) * 1'000'000;
      block.header = {.seq = seq_, .party = key_, .party_seq = seq_ - 1, .stage = 1, .kind = BlockKind::Interval};
      block.header.from_ns = at, block.header.to_ns = at + 1'000'000;
      block.header.operations = 1;
      block.payload = payload_of(seq_);
      block.header.hash = digest_of(block.payload);
      block.header.previous = previous_;
      previous_ = block.header.hash;
      for (std::uint32_t r = 0; r < records_; ++r) {
        block.notable.push_back({.index = r,
                                 .latency_ns = static_cast<std::int64_t>(base::mix64(seq_ + r) >> 40),
                                 .bytes = 4096,
                                 .target = "data/d0001/file_00000001.dat"});
      }
    }
    commit.heads = {{.key = key_, .next_party_seq = seq_, .last_hash = previous_, .last_seq = seq_}};
    return commit;
  }
  void append(const Commit& commit) {
    const auto done = backend_->append(commit, {});
    if (!done) throw std::runtime_error(to_text(done.error()));
  }
  Backend& backend() { return *backend_; }

 private:
  const Folder folder_;
  const std::uint32_t records_;
  std::unique_ptr<SqliteBackend> backend_;
  const PartyKey key_{"20261121T034421Z-run", "local", 0};
  std::uint64_t seq_ = 0;
  Digest previous_;
};

/// The peer: a table of payloads and nothing else.
class Bare {
 public:
  Bare() {
    check(sqlite3_open(folder_.path("bare.db").c_str(), &handle_));
    run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE blocks (seq INTEGER PRIMARY KEY, bytes "
        "BLOB)");
    check(sqlite3_prepare_v3(handle_, "INSERT INTO blocks VALUES (?, ?)", -1, SQLITE_PREPARE_PERSISTENT, &insert_,
                             nullptr));
  }
  ~Bare() {
    sqlite3_finalize(insert_);
    sqlite3_close(handle_);
  }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;

  void append(const std::vector<std::vector<std::byte>>& payloads) {
    run("BEGIN IMMEDIATE");
    for (const auto& payload : payloads) {
      sqlite3_bind_int64(insert_, 1, ++seq_);
      sqlite3_bind_blob64(insert_, 2, payload.data(), payload.size(), SQLITE_STATIC);
      if (sqlite3_step(insert_) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(handle_));
      sqlite3_reset(insert_);
    }
    run("COMMIT");
  }

 private:
  void check(int code) const {
    if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(handle_));
  }
  void run(const char* sql) const { check(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr)); }

  const Folder folder_;
  sqlite3* handle_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_int64 seq_ = 0;
};

void append_by_backend(benchmark::State& state) {
  Backed backed(static_cast<std::uint32_t>(state.range(0)));
  for (auto left = static_cast<std::uint64_t>(state.range(1)); left > 0; left -= 10'000)
    backed.append(backed.make(10'000));
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<Commit> commits;
    for (std::uint64_t i = 0; i < kBlocks / kGroup; ++i) commits.push_back(backed.make(kGroup));
    state.ResumeTiming();
    for (const Commit& commit : commits) backed.append(commit);
  }
}
// Records a block, and blocks that are there before.
BENCHMARK(append_by_backend)
    ->Args({0, 0})
    ->Args({4, 0})
    ->Args({0, 100'000})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void append_bare(benchmark::State& state) {
  Bare bare;
  std::uint64_t seq = 0;
  const auto make = [&](std::uint64_t blocks) {
    std::vector<std::vector<std::byte>> payloads;
    for (std::uint64_t i = 0; i < blocks; ++i) payloads.push_back(payload_of(++seq));
    return payloads;
  };
  for (auto left = static_cast<std::uint64_t>(state.range(0)); left > 0; left -= 10'000) bare.append(make(10'000));
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<std::vector<std::vector<std::byte>>> groups;
    for (std::uint64_t i = 0; i < kBlocks / kGroup; ++i) groups.push_back(make(kGroup));
    state.ResumeTiming();
    for (const auto& group : groups) bare.append(group);
  }
}
BENCHMARK(append_bare)->Arg(0)->Arg(100'000)->UseRealTime()->Unit(benchmark::kMillisecond);

/// A page of 256 blocks, and the ten slowest of 100,000 records.
void read_page(benchmark::State& state) {
  Backed backed(1);
  for (int i = 0; i < 10; ++i) backed.append(backed.make(10'000));
  std::uint64_t after = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(backed.backend().read({.after = after}, {}));
    after = (after + 9'973) % 99'000;
  }
}
BENCHMARK(read_page)->UseRealTime()->Unit(benchmark::kMillisecond);

void find_slowest(benchmark::State& state) {
  Backed backed(1);
  for (int i = 0; i < 10; ++i) backed.append(backed.make(10'000));
  for (auto _ : state) {
    benchmark::DoNotOptimize(backed.backend().notable({.records_max = 10, .slowest_first = true}, {}));
  }
}
BENCHMARK(find_slowest)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sluice::journal
