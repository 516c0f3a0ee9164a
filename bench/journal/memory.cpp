// Memory while a billion operation records are packed and appended: real chunks, all into one SQLite file.
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "folder.hpp"
#include "journal/records/record_chunk.hpp"
#include "journal/sqlite/sqlite_backend.hpp"
#include "journal/tiers/journal.hpp"
#include "programs.hpp"
#include "record_blocks.hpp"
#include "resident.hpp"

namespace sluice::journal {

namespace {

using namespace std::chrono_literals;

async::Deadline soon() { return async::Deadline::in(60s); }

}  // namespace

void run_memory(const limits::Options& options) {
  const std::uint64_t records = options.number("records", 1'000'000'000);
  const std::uint64_t chunks = (records + RecordBlocks::kRecords - 1) / RecordBlocks::kRecords;
  JournalConfig config;
  config.cache_blocks_max = options.number("cache-blocks", config.cache_blocks_max);
  const Folder folder(options.text("dir", ""));
  const auto executor = must(async::Executor::create({.worker_threads = 1, .name = "memory"}));
  JournalThreads threads(*executor, config);
  auto backend = must(SqliteBackend::open(folder.path("journal.db"), SqliteMode::ReadWrite));
  const auto journal = must(executor->block_on(Journal::open(threads, std::move(backend), config, soon())));
  RecordBlocks blocks(1);
  RecordEncoder encoder;
  std::uint64_t bytes = 0;
  const base::Instant began = base::now();
  fmt::print("{:>6}{:>16}{:>14}{:>12}{:>14}{:>20}\n", "", "records", "RSS, MiB", "s", "file, MiB", "bytes a record");
  for (std::uint64_t i = 0; i < chunks; ++i) {
    for (const model::OpRecord& record : blocks.next_records()) encoder.add(record);
    const auto chunk = encoder.finish();
    bytes += chunk.size();
    std::vector<StoredBlock> one;
    one.push_back(blocks.block_of({chunk.begin(), chunk.end()}));
    must(executor->block_on(journal->append(std::move(one), soon())));
    const std::uint64_t percent = 100 * (i + 1) / chunks;
    if (percent % 10 == 0 && percent != 100 * i / chunks) {
      fmt::print("{:>4} %{:>16}{:>14.1f}{:>12.1f}{:>14.0f}{:>20.2f}\n", percent, (i + 1) * RecordBlocks::kRecords,
                 resident_mib(), static_cast<double>((base::now() - began).count()) / 1e9,
                 static_cast<double>(folder.size_bytes()) / (1 << 20),
                 static_cast<double>(bytes) / static_cast<double>((i + 1) * RecordBlocks::kRecords));
      std::fflush(stdout);
    }
  }
}

}  // namespace sluice::journal
