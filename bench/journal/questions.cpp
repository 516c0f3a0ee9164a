// The slowest, all errors, and a time window, of a hundred million operation records in 1,526 blocks: how long the
// answer takes, and what was read for it.
#include <algorithm>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "folder.hpp"
#include "journal/postgres/tests/private_server.hpp"
#include "journal/postgres/tests/team.hpp"
#include "journal/sqlite/sqlite_backend.hpp"
#include "journal/tiers/journal.hpp"
#include "journal/tiers/tests/counting_backend.hpp"
#include "programs.hpp"
#include "record_blocks.hpp"

namespace sluice::journal {

namespace {

using namespace std::chrono_literals;

constexpr StatusSet kFailed = ~kSucceeded;

async::Deadline soon() { return async::Deadline::in(60s); }

/// What this process has read from files, from the page cache or a disk.
std::uint64_t bytes_read_by_process() {
  std::ifstream io("/proc/self/io");
  std::string key;
  std::uint64_t value = 0;
  while (io >> key >> value) {
    if (key == "rchar:") return value;
  }
  return 0;
}

/// Where the records are, and what it says of reading chunks below the backend.
struct Place {
  std::string name;
  std::function<std::unique_ptr<Backend>()> open_to_fill, open;
  std::function<void()> forget_pages;              ///< as far as may be
  std::function<std::uint64_t()> bytes_looked_at;  ///< of the file, or of the chunks alone; when no reader is open
  const char* looked_at_what;
};

class Questions {
 public:
  Questions(Place place, const limits::Options& options)
      : place_(std::move(place)),
        chunks_((options.number("records", 100'000'000) + RecordBlocks::kRecords - 1) / RecordBlocks::kRecords),
        chunk_bytes_(options.number("chunk-bytes", 512 << 10)),
        rounds_(options.number("rounds", 7)) {}

  void run() {
    fill();
    fmt::print("{}: {} records in {} chunks of {} KiB, {} of the slowest and failed\n", place_.name,
               chunks_ * RecordBlocks::kRecords, chunks_, chunk_bytes_ >> 10, rows_);
    fmt::print("{:<36}{:>10}{:>12}{:>13}{:>10}{:>13}{:>20}\n", "", "first, ms", "median, ms", "slowest, ms", "answer",
               "chunks read", place_.looked_at_what);
    ask("the 100 slowest", [this] { return rows_of({.statuses = kSucceeded}, 100, true); });
    ask("the 10,000 slowest", [this] { return rows_of({.statuses = kSucceeded}, 10'000, true); });
    ask("all errors", [this] { return rows_of({.statuses = kFailed}, 1'000'000, false); });
    const std::int64_t middle = (began_ns_ + ended_ns_) / 2, part = (ended_ns_ - began_ns_) / 200;
    const Range<std::int64_t> window{.min = middle - part, .max = middle + part};
    ask("the 100 slowest of a window of 1 %",
        [this, window] { return rows_of({.time_ns = window, .statuses = kSucceeded}, 100, true); });
    ask("the chunks of a window of 1 %", [this, window] {
      return must(executor_->block_on(
                      reader_->query({.kinds = {BlockKind::Records}, .time_ns = window}, chunks_, soon())))
          .size();
    });
  }

 private:
  void fill() {
    JournalThreads threads(*executor_, {});
    const auto journal = must(executor_->block_on(Journal::open(threads, place_.open_to_fill(), {}, soon())));
    RecordBlocks blocks(1);
    base::Random random(2);
    for (std::uint64_t i = 0; i < chunks_; ++i) {
      static_cast<void>(blocks.next_records());
      std::vector<std::byte> payload(chunk_bytes_);
      for (std::byte& byte : payload) byte = static_cast<std::byte>(random.next());
      std::vector<StoredBlock> one;
      one.push_back(blocks.block_of(std::move(payload)));
      rows_ += one.front().notable.size();
      if (i == 0) began_ns_ = one.front().header.from_ns;
      ended_ns_ = one.front().header.to_ns;
      must(executor_->block_on(journal->append(std::move(one), soon())));
    }
  }

  std::size_t rows_of(Filter filter, std::size_t max, bool slowest_first) {
    return must(executor_->block_on(reader_->notable(std::move(filter), max, slowest_first, soon()))).size();
  }

  /// The first time by a reader that was just opened, over pages that have to be read; then again and again.
  void ask(const char* what, const std::function<std::size_t()>& question) {
    place_.forget_pages();
    const std::uint64_t looked_at = place_.bytes_looked_at();
    // shared because calls that were left behind are counted after their reader has gone
    const auto counts = std::make_shared<ReadCounts>();
    JournalThreads threads(*executor_, {});
    const auto open = [&] {
      auto backend = std::make_unique<CountingBackend>(place_.open(), counts);
      reader_.emplace(must(executor_->block_on(JournalReader::open(threads, std::move(backend), {}, soon()))));
    };
    std::size_t answer = 0;
    const auto time_ms = [&] {
      const base::Instant began = base::now();
      answer = question();
      return static_cast<double>((base::now() - began).count()) / 1e6;
    };
    open();
    const double first_ms = time_ms();
    reader_.reset();
    const std::uint64_t chunks_read = counts->blocks, bytes_read = place_.bytes_looked_at() - looked_at;
    open();
    std::vector<double> times_ms;
    for (std::uint64_t i = 0; i < rounds_; ++i) times_ms.push_back(time_ms());
    reader_.reset();
    std::ranges::sort(times_ms);
    fmt::print("{:<36}{:>10.1f}{:>12.1f}{:>13.1f}{:>10}{:>13}{:>16.1f} MiB\n", what, first_ms,
               times_ms[times_ms.size() / 2], times_ms.back(), answer, chunks_read,
               static_cast<double>(bytes_read) / (1 << 20));
  }

  const Place place_;
  const std::uint64_t chunks_, chunk_bytes_, rounds_;
  std::unique_ptr<async::Executor> executor_ =
      must(async::Executor::create({.worker_threads = 2, .name = "questions"}));
  std::optional<JournalReader> reader_;
  std::uint64_t rows_ = 0;
  std::int64_t began_ns_ = 0, ended_ns_ = 0;
};

void forget_pages_of(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ::fsync(file);
  ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  ::close(file);
}

Place sqlite_in(const Folder& folder) {
  const std::string path = folder.path("journal.db");
  return {.name = "sqlite:" + path,
          .open_to_fill = [path] { return must(SqliteBackend::open(path, SqliteMode::ReadWrite)); },
          .open = [path] { return must(SqliteBackend::open(path, SqliteMode::ReadOnly)); },
          .forget_pages = [path] { forget_pages_of(path); },
          .bytes_looked_at = &bytes_read_by_process,
          .looked_at_what = "read of the file"};
}

/// Payloads stand apart from their rows there, in the TOAST table, whose pages the server counts.
std::uint64_t toast_bytes(const postgres::PrivateServer& server) {
  constexpr std::uint64_t kPageBytes = 8192;
  // A session that ends has told its figures.
  static_cast<void>(postgres::eventually([&] {
    return server.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice'") == "0";
  }));
  return kPageBytes * std::stoull(server.execute("SELECT toast_blks_read + toast_blks_hit FROM pg_statio_user_tables "
                                                 "WHERE schemaname = 'sluice' AND relname = 'blocks'"));
}

Place postgres_at(const postgres::PrivateServer& server) {
  return {.name = fmt::format("postgres://127.0.0.1:{}/journal", server.port()),
          .open_to_fill = [&server] { return postgres::open_backend(server.uri()); },
          .open = [&server] { return postgres::open_backend(server.uri()); },
          .forget_pages = [] {},
          .bytes_looked_at = [&server] { return toast_bytes(server); },
          .looked_at_what = "read of chunks"};
}

}  // namespace

void run_questions(const limits::Options& options) {
  const std::string in = options.text("in", "sqlite");
  if (in == "sqlite") {
    const Folder folder(options.text("dir", ""));
    Questions(sqlite_in(folder), options).run();
  } else if (in == "postgres") {
    Questions(postgres_at(postgres::PrivateServer::shared()), options).run();
  } else {
    fmt::print(stderr, "--in is sqlite or postgres, not {}\n", in);
    std::exit(2);
  }
}

}  // namespace sluice::journal
