#include "journal/indexer.hpp"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "async/backoff.hpp"
#include "async/stop_flag.hpp"
#include "journal/discards.hpp"
#include "journal/log_tail.hpp"
#include "journal/tiers/errors.hpp"

namespace sluice::journal {

namespace {

constexpr base::Nanos kLookEvery{200'000'000};
constexpr std::size_t kBlocksMax = 1024;
constexpr std::size_t kBytesMax = std::size_t{8} << 20;
constexpr base::Nanos kReadTimeout{60'000'000'000};

}  // namespace

struct Indexer::State {
  async::Runtime& runtime;  // outlives: the owner of the indexer says so
  Journal& journal;         // outlives: the same
  const std::string dir;
  // shared because a call that was abandoned still reads with it
  const std::shared_ptr<LogTail> tail;
  async::StopFlag stopping;
  mutable std::mutex mutex;
  IndexingReport report;

  State(async::Runtime& of, Journal& into, std::string results_dir, std::string run)
      : runtime(of),
        journal(into),
        dir(results_dir),
        // shared because a call that was abandoned still reads with it
        tail(std::make_shared<LogTail>(std::move(results_dir), std::move(run))) {}

  // shared because the task may outlive a finish() that gave up on it
  using Ptr = std::shared_ptr<State>;
  static async::Task<> run(Ptr state);
  static async::Task<bool> index_once(Ptr state);
  static async::Task<> store(Ptr state, std::vector<StoredBlock> blocks);
  static async::Task<> discard(Ptr state);

  template <class Change>
  void note(Change change) {
    std::lock_guard lock(mutex);
    change(report);
  }
};

namespace {

struct Read {
  std::vector<StoredBlock> blocks;
  std::vector<PartyExtent> extents;
  std::vector<std::string> flaws;
};

// shared because a call that was abandoned still reads with it
base::Result<Read> read_on(const std::shared_ptr<LogTail>& tail) {
  Read read;
  SLUICE_TRY(read.blocks, tail->next(kBlocksMax, kBytesMax));
  read.extents = tail->extents();
  read.flaws = tail->flaws();
  return read;
}

}  // namespace

/// True where there was something.
async::Task<bool> Indexer::State::index_once(Ptr state) {
  SLUICE_CO_TRY(Read read, co_await state->runtime.blocking().run(
                               "reading the log", [tail = state->tail] { return read_on(tail); },
                               async::Deadline::in(kReadTimeout)));
  const std::size_t count = read.blocks.size();
  state->note([&](IndexingReport& report) {
    report.log = std::move(read.extents);
    report.flaws = std::move(read.flaws);
    report.blocks += count;
  });
  if (count == 0) co_return false;
  SLUICE_CO_CHECK(co_await store(state, std::move(read.blocks)));
  co_return true;
}

/// Tries until it has succeeded, or cannot: a database that is away comes back.
async::Task<> Indexer::State::store(Ptr state, std::vector<StoredBlock> blocks) {
  async::Backoff backoff({.max = kPauseMax}, blocks.front().header.hash.low);
  bool is_last = false;
  while (true) {
    auto receipt = co_await state->journal.append(blocks, async::Deadline::never());
    if (receipt) {
      const auto old = static_cast<std::uint64_t>(std::ranges::count(receipt->numbers, 0U));
      state->note([&](IndexingReport& report) {
        report.there += receipt->numbers.size();
        report.stored += receipt->numbers.size() - old;
        report.trouble.reset();
      });
      co_return base::Result<void>();
    }
    const base::Error error = receipt.error();
    state->note([&](IndexingReport& report) { report.trouble = error; });
    if (is_last || !may_pass(error)) co_return base::fail(error);
    const auto pause = backoff.next(error);
    if (!pause) co_return base::fail(error);
    // A finish() does not wait for the pause: it has a last try, and its deadline.
    SLUICE_CO_TRY(is_last, co_await state->stopping.wait(async::Deadline::in(*pause)));
  }
}

/// After the last block: a journal takes no blocks of an attempt that it knows to be discarded.
async::Task<> Indexer::State::discard(Ptr state) {
  SLUICE_CO_TRY(
      const std::vector<DiscardedAttempt> discarded,
      co_await state->runtime.blocking().run(
          "reading discards", [dir = state->dir] { return read_discards(dir); }, async::Deadline::in(kReadTimeout)));
  if (discarded.empty()) co_return base::Result<void>();
  std::set<std::string> runs;
  state->note([&](IndexingReport& report) {
    for (const PartyExtent& extent : report.log) runs.insert(extent.party.run);
  });
  for (const std::string& run : runs) {
    for (const DiscardedAttempt& one : discarded) {
      SLUICE_CO_CHECK(co_await state->journal.discard(run, one.stage, one.attempt, async::Deadline::in(kReadTimeout)));
    }
  }
  co_return base::Result<void>();
}

async::Task<> Indexer::State::run(Ptr state) {
  while (true) {
    const bool is_last = state->stopping.is_raised();
    auto found = co_await index_once(state);
    if (!found) {
      state->note([&](IndexingReport& report) { report.trouble = found.error(); });
      co_return base::fail(std::move(found).error());
    }
    if (*found) continue;
    if (is_last) break;
    SLUICE_CO_CHECK(co_await state->stopping.wait(async::Deadline::in(kLookEvery)));
  }
  if (auto discarded = co_await discard(state); !discarded) {
    state->note([&](IndexingReport& report) { report.trouble = discarded.error(); });
    co_return base::fail(std::move(discarded).error());
  }
  state->note([](IndexingReport& report) { report.is_complete = true; });
  co_return base::Result<void>();
}

base::Result<std::unique_ptr<Indexer>> Indexer::start(async::Runtime& runtime, Journal& journal,
                                                      std::string results_dir, std::string run) {
  // shared because the task may outlive a finish() that gave up on it
  auto state = std::make_shared<State>(runtime, journal, std::move(results_dir), std::move(run));
  std::unique_ptr<Indexer> indexer(new Indexer(state));
  // With a token of its own: it ends by finish(), after the last block.
  SLUICE_TRY(auto task, runtime.executor().try_spawn("journal index", State::run(state), {}));
  indexer->task_.emplace(std::move(task));
  return indexer;
}

Indexer::~Indexer() {
  if (task_) static_cast<void>(finish(async::Deadline::in(base::Nanos{1'000'000'000})));
}

IndexingReport Indexer::finish(async::Deadline deadline) {
  state_->stopping.raise();
  if (task_) {
    if (auto ended = task_->join(deadline); !ended) {
      state_->note([&](IndexingReport& report) {
        if (!report.trouble) report.trouble = ended.error();
      });
    }
    task_.reset();
  }
  return report();
}

IndexingReport Indexer::report() const {
  std::lock_guard lock(state_->mutex);
  return state_->report;
}

}  // namespace sluice::journal
