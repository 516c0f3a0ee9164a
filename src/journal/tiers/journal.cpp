#include "journal/tiers/journal.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "async/errors.hpp"

namespace sluice::journal {

async::Task<std::unique_ptr<Journal>> Journal::open(JournalThreads& threads, std::unique_ptr<Backend> backend,
                                                    JournalConfig config, async::Deadline deadline) {
  // shared because a call that was abandoned, and a guest, may outlive the journal
  auto core = std::make_shared<JournalCore>(threads, std::move(backend), std::move(config));
  SLUICE_CO_CHECK(co_await JournalReader(core).refresh(deadline));
  std::unique_ptr<Journal> journal(new Journal(std::move(core)));
  SLUICE_CO_CHECK(journal->writer_.start());
  co_return base::Result<std::unique_ptr<Journal>>(std::move(journal));
}

Journal::Journal(JournalCore::Ptr core) : core_(core), writer_(std::move(core)) {}

Journal::~Journal() {
  if (!is_shut_down_) static_cast<void>(core_->executor().block_on(shutdown()));
}

namespace {

base::Result<void> finish_headers(std::vector<StoredBlock>& blocks, std::size_t blocks_max) {
  if (blocks.size() > blocks_max) {
    return base::fail(base::Code::InvalidArgument,
                      fmt::format("an append of {} blocks is more than {}", blocks.size(), blocks_max));
  }
  for (StoredBlock& block : blocks) block.header.hash = digest_of(block.payload);
  return {};
}

/// Runs to the end of a change; one that has not begun when the caller leaves is not made.
async::Task<Receipt> await_change(Completion completion, async::Deadline deadline) {
  auto done = co_await completion.wait(deadline);
  if (!done) static_cast<void>(completion.withdraw());
  co_return done;
}

// What a journal gives to its callers may begin when it is gone: it holds what it uses itself.

async::Task<Receipt> run_change(JournalCore::Ptr core, async::Task<Completion> handing_over, async::Deadline deadline) {
  SLUICE_CO_CHECK(core->check_open());
  SLUICE_CO_TRY(Completion completion, co_await std::move(handing_over));
  co_return co_await await_change(std::move(completion), deadline);
}

async::Task<Receipt> refuse(base::Error error) { co_return base::fail(std::move(error)); }

async::Task<> until_made(async::Task<Receipt> change) {
  SLUICE_CO_CHECK(co_await std::move(change));
  co_return base::Result<void>();
}

async::Task<std::vector<BlockPtr>> removed_by(async::Task<Receipt> change) {
  SLUICE_CO_TRY(Receipt receipt, co_await std::move(change));
  co_return base::Result<std::vector<BlockPtr>>(std::move(receipt.removed));
}

}  // namespace

async::Task<Receipt> Journal::change(Change change, async::Deadline deadline) {
  return run_change(core_, writer_.hand_over(std::move(change), deadline), deadline);
}

async::Task<Receipt> Journal::append(std::vector<StoredBlock> blocks, async::Deadline deadline) {
  if (auto finished = finish_headers(blocks, core_->config().commit_blocks_max); !finished) {
    return refuse(std::move(finished).error());
  }
  return change(AppendBlocks{std::move(blocks)}, deadline);
}

base::Result<Completion> Journal::try_append(std::vector<StoredBlock> blocks) {
  SLUICE_CHECK(core_->check_open());
  SLUICE_CHECK(finish_headers(blocks, core_->config().commit_blocks_max));
  return writer_.try_hand_over(AppendBlocks{std::move(blocks)});
}

async::Task<> Journal::discard(std::string run, std::uint32_t stage, std::uint32_t attempt, async::Deadline deadline) {
  return until_made(change(DiscardAttempt{.run = std::move(run), .stage = stage, .attempt = attempt}, deadline));
}

async::Task<> Journal::truncate_above(std::uint64_t seq, async::Deadline deadline) {
  return until_made(change(RemoveAbove{seq}, deadline));
}

async::Task<std::vector<BlockPtr>> Journal::drain_above(std::uint64_t seq, async::Deadline deadline) {
  return removed_by(change(RemoveAbove{seq}, deadline));
}

async::Task<> Journal::compact(async::Deadline deadline) { return until_made(change(Compact{}, deadline)); }

async::Task<ShutdownReport> Journal::shutdown() {
  if (std::exchange(is_shut_down_, true)) co_return base::Result<ShutdownReport>(std::in_place);
  const JournalConfig& config = core_->config();
  const async::Deadline deadline =
      async::Deadline::in(std::max(config.read_timeout, config.write_timeout) + base::Nanos{1'000'000'000});
  core_->close();
  auto refused = co_await writer_.stop(deadline);
  auto readers = co_await core_->drain_readers(deadline);
  if (!refused) co_return base::fail(std::move(refused).error());
  if (!readers) co_return base::fail(std::move(readers).error());
  co_return base::Result<ShutdownReport>(ShutdownReport{.not_written = std::move(*refused)});
}

JournalStats Journal::stats() const {
  JournalStats stats = core_->stats();
  stats.appends_queued = writer_.queued();
  return stats;
}

}  // namespace sluice::journal
