#include "app/run_index.hpp"

#include <atomic>
#include <functional>
#include <mutex>
#include <utility>

#include "app/journal_backends.hpp"
#include "async/backoff.hpp"
#include "async/stop_flag.hpp"
#include "base/units.hpp"
#include "journal/tiers/errors.hpp"

namespace sluice::app {

namespace {

constexpr base::Nanos kSecond{1'000'000'000};
/// Between two tries to open a database that is away.
constexpr async::BackoffOptions kPauses{.max = journal::Indexer::kPauseMax};

/// A run does not end later because of its journal.
journal::JournalConfig config() { return {.read_timeout = 3 * kSecond, .write_timeout = 3 * kSecond}; }

}  // namespace

/// What the task that opens the database needs.
struct RunIndex::Opening {
  async::Runtime& runtime;  // outlives: the session's
  const std::string dir, run;
  const std::string given;  ///< the URI; "": none
  journal::JournalThreads threads{runtime.executor(), config()};
  async::StopFlag stopping;
  std::atomic<const journal::Journal*> journal = nullptr;  ///< once it is open; the task's result has it, then filled_
  std::mutex mutex;
  std::optional<base::Error> trouble;  ///< under the mutex: of the last try

  std::string place() const { return given.empty() ? journal_uri_of(dir) : given; }
  std::optional<base::Error> last_trouble() {
    std::lock_guard lock(mutex);
    return trouble;
  }
};

RunIndex::RunIndex(OpeningPtr opening) : opening_(std::move(opening)) {}

base::Result<std::unique_ptr<RunIndex>> RunIndex::start(async::Runtime& runtime, const std::string& results_dir,
                                                        const std::string& run_id, const std::string& uri) {
  // shared because the task may outlive a finish() that gave up on it
  auto opening = std::make_shared<Opening>(runtime, results_dir, run_id, uri);
  std::unique_ptr<RunIndex> index(new RunIndex(opening));
  auto filled = runtime.executor().block_on(open_once(opening));
  if (filled) {
    index->filled_ = std::move(*filled);
    return index;
  }
  if (!journal::may_pass(filled.error())) return base::fail(std::move(filled).error());
  const base::Error trouble = std::move(filled).error();
  index->away_ = opening->trouble = trouble;
  // With a token of its own: it ends by finish().
  SLUICE_TRY(auto task, runtime.executor().try_spawn("journal opening", open_when_it_comes(opening, trouble), {}));
  index->task_.emplace(std::move(task));
  return index;
}

async::Task<RunIndex::Filled> RunIndex::open_once(OpeningPtr opening) {
  const async::Deadline deadline = async::Deadline::in(kOpenMax);
  SLUICE_CO_TRY(auto backend, co_await opening->threads.writing().run(
                                  "opening the journal",
                                  [place = opening->place(), deadline] {
                                    return open_journal_backend(place, JournalAccess::Change, deadline);
                                  },
                                  deadline));
  Filled filled;
  SLUICE_CO_TRY(filled.journal,
                co_await journal::Journal::open(opening->threads, std::move(backend), config(), deadline));
  auto indexer = journal::Indexer::start(opening->runtime, *filled.journal, opening->dir, opening->run);
  if (!indexer) {
    static_cast<void>(co_await filled.journal->shutdown());  // its destructor is not for loop threads
    co_return base::fail(std::move(indexer).error());
  }
  filled.indexer = std::move(*indexer);
  opening->journal = filled.journal.get();
  co_return base::Result<Filled>(std::move(filled));
}

async::Task<RunIndex::Filled> RunIndex::open_when_it_comes(OpeningPtr opening, base::Error trouble) {
  async::Backoff backoff(kPauses, std::hash<std::string>()(opening->run));
  while (const auto pause = backoff.next(trouble)) {
    // A finish() does not wait for the pause: there is a last try, and its deadline.
    SLUICE_CO_TRY(const bool is_last, co_await opening->stopping.wait(async::Deadline::in(*pause)));
    auto filled = co_await open_once(opening);
    if (filled) co_return filled;
    trouble = std::move(filled).error();
    {
      std::lock_guard lock(opening->mutex);
      opening->trouble = trouble;
    }
    if (is_last || !journal::may_pass(trouble)) break;
  }
  co_return base::fail(std::move(trouble));
}

void RunIndex::end_opening(async::Deadline deadline) {
  if (!task_) return;
  opening_->stopping.raise();
  if (auto filled = task_->join(deadline)) filled_ = std::move(*filled);
  task_.reset();
}

std::uint64_t RunIndex::abandoned_calls() const {
  if (const journal::Journal* const journal = opening_->journal) return journal->stats().abandoned;
  return opening_->threads.writing().stats().abandoned;
}

RunIndex::~RunIndex() {
  end_opening(async::Deadline::in(kSecond));
  filled_.indexer.reset();
  filled_.journal.reset();
}

std::optional<base::Error> RunIndex::finish(base::Nanos wait, std::uint64_t blocks) {
  const async::Deadline deadline = async::Deadline::in(wait);
  end_opening(deadline);
  if (!filled_.indexer) return lacking(0, blocks, opening_->last_trouble());
  const journal::IndexingReport report = filled_.indexer->finish(deadline);
  static_cast<void>(opening_->runtime.executor().block_on(filled_.journal->shutdown()));
  if (report.is_complete) return std::nullopt;
  return lacking(report.there, blocks, report.trouble);
}

base::Error RunIndex::lacking(std::uint64_t there, std::uint64_t blocks,
                              const std::optional<base::Error>& trouble) const {
  base::Error error{.code = base::Code::Unavailable,
                    .what = "the journal lacks a part of what the log has: " + base::format_count(there) + " of " +
                            base::format_count(blocks) + " blocks are known to be there",
                    .where = opening_->dir};
  if (trouble) error.chain.push_back(trouble->what + ": " + trouble->where);
  return std::move(error)
      .add_likely("the database was slow or away; the log is whole, and so are the tables")
      .add_try("sluice results repair " + opening_->dir +
               (opening_->given.empty() ? "" : " --journal " + without_credentials(opening_->given)));
}

}  // namespace sluice::app
