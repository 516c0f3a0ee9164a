#include "app/results/journal_host.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "async/timing.hpp"
#include "base/units.hpp"
#include "journal/tiers/errors.hpp"

namespace sluice::app {

namespace {

/// A person waits: longer than a program would.
constexpr base::Nanos kPatience{60'000'000'000};
constexpr base::Nanos kSecond{1'000'000'000};
constexpr base::Nanos kLook{100'000'000};
/// Nothing more came into the journal for so long: it is given up.
constexpr base::Nanos kStuck{120'000'000'000};

journal::JournalConfig config() { return {.read_timeout = kPatience, .write_timeout = kPatience}; }

/// The indexer has met something that trying again does not mend, and has ended.
bool is_final(const journal::IndexingReport& report) { return report.trouble && !journal::may_pass(*report.trouble); }

/// The bare bones of a wait: the indexer works on, and is looked at now and then.
async::Task<> until_indexed(const journal::Indexer& indexer,  // outlives: the caller waits for the end
                            std::uint64_t expected,
                            IndexProgress& progress) {  // outlives: the same
  std::uint64_t last = 0;
  base::Instant moved = base::now();
  while (true) {
    const journal::IndexingReport report = indexer.report();
    if (report.blocks >= expected || report.is_complete || is_final(report)) co_return base::Result<void>();
    if (report.blocks != last) moved = base::now();
    last = report.blocks;
    if (base::now() - moved > kStuck) co_return base::Result<void>();
    progress.at(report.blocks, expected, "blocks");
    SLUICE_CO_CHECK(co_await async::pause_until(async::Deadline::in(kLook)));
  }
}

}  // namespace

void IndexProgress::at(std::uint64_t done, std::uint64_t total, const char* unit) {
  const base::Instant now = base::now();
  if (now < next_) return;
  next_ = now + kSecond;
  const double seconds = static_cast<double>((now - began_).count()) / 1e9;
  const double rate = static_cast<double>(done) / seconds;
  std::string text = fmt::format("{}: {}", words_, base::format_count(done));
  if (total > 0) text += fmt::format(" of {}", base::format_count(total));
  text += fmt::format(" {}, {}/s", unit, base::format_si(rate));
  if (total > done && rate > 0) {
    const auto left = static_cast<std::int64_t>(static_cast<double>(total - done) / rate * 1e9);
    text += ", " + base::format_duration(base::Nanos{left}) + " left";
  }
  std::fprintf(stderr, "%s\n", text.c_str());
}

base::Result<std::unique_ptr<JournalHost>> JournalHost::create() {
  SLUICE_TRY(auto runtime, async::Runtime::create({.worker_threads = 1, .name = "results"}));
  return std::unique_ptr<JournalHost>(new JournalHost(std::move(runtime)));
}

JournalHost::JournalHost(std::unique_ptr<async::Runtime> runtime)
    : config_(config()), runtime_(std::move(runtime)), threads_(runtime_->executor(), config_) {}

async::Deadline JournalHost::soon() { return async::Deadline::in(kPatience); }

base::Result<journal::JournalReader> JournalHost::reader(std::unique_ptr<journal::Backend> backend) {
  return wait(journal::JournalReader::open(threads_, std::move(backend), config_, soon()));
}

base::Result<std::unique_ptr<journal::Journal>> JournalHost::journal(std::unique_ptr<journal::Backend> backend) {
  return wait(journal::Journal::open(threads_, std::move(backend), config_, soon()));
}

base::Result<journal::IndexingReport> JournalHost::index(journal::Journal& journal, const std::string& dir,
                                                         const std::string& run, std::uint64_t blocks_expected) {
  SLUICE_TRY(auto indexer, journal::Indexer::start(*runtime_, journal, dir, run));
  IndexProgress progress("indexing the log");
  SLUICE_CHECK(wait(until_indexed(*indexer, blocks_expected, progress)));
  journal::IndexingReport report = indexer->finish(soon());
  if (report.trouble && !report.is_complete) return base::fail(std::move(*report.trouble));
  if (!report.is_complete) {
    return base::fail(base::Error{.code = base::Code::DeadlineExceeded,
                                  .what = "the journal did not take the log in time",
                                  .where = dir,
                                  .likely = {"its disk is very slow", "the log is still growing"},
                                  .try_next = {"try again: what is in the journal is kept"}});
  }
  return report;
}

}  // namespace sluice::app
