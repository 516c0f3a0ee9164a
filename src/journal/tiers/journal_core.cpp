#include "journal/tiers/journal_core.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "async/errors.hpp"
#include "async/loop_thread.hpp"
#include "base/units.hpp"

namespace sluice::journal {

JournalCore::JournalCore(JournalThreads& threads, std::unique_ptr<Backend> backend, JournalConfig config)
    : config_(std::move(config)),
      threads_(threads),
      backend_(std::move(backend)),
      traits_(backend_->traits()),
      reads_(config_.reads_max, "reads of the journal"),
      slots_(config_.streams_max, "streams of the journal"),
      cache_(config_.cache_blocks_max, config_.cache_bytes_max) {}

JournalCore::~JournalCore() {
  if (async::LoopThread::current() == nullptr) return;
  // Closing waits for the disk. Where the pool takes nothing any more, it is closed here.
  static_cast<void>(threads_.writing().begin("journal: closing", [backend = std::move(backend_)]() mutable {
    backend.reset();
    return base::Result<void>();
  }));
}

async::Task<async::Permit> JournalCore::keep_readers_out(async::Deadline deadline) {
  return reads_.acquire(config_.reads_max, deadline);
}

JournalCore::View JournalCore::view() const {
  std::lock_guard lock(mutex_);
  return {.head = ledger_.head(), .generation = generation_};
}

BlockPtr JournalCore::cached(std::uint64_t seq) {
  std::lock_guard lock(mutex_);
  BlockPtr block = cache_.get(seq);
  ++(block ? stats_.cache_hits : stats_.cache_misses);
  return block;
}

BlockPtr JournalCore::keep(StoredBlock block, std::uint64_t generation) {
  BlockPtr kept = share(std::move(block));
  std::lock_guard lock(mutex_);
  if (generation == generation_) cache_.put(kept);
  return kept;
}

bool JournalCore::is_superseded(const BlockHeader& header) const {
  std::lock_guard lock(mutex_);
  return ledger_.is_fenced(header);
}

void JournalCore::publish(Commit commit) {
  std::lock_guard lock(mutex_);
  ledger_.apply(commit);
  stats_.blocks_written += commit.blocks.size();
  for (StoredBlock& block : commit.blocks) {
    stats_.bytes_written += block.payload.size();
    cache_.put(share(std::move(block)));
  }
  changed_.tell_all();
}

void JournalCore::discarded(Discard discard) {
  ++generation_;
  discards_.push_back(std::move(discard));
  if (discards_.size() > kDiscardsMax) {
    discards_.pop_front();
    ++discards_gone_;
  }
  changed_.tell_all();
}

void JournalCore::publish(const Fence& fence) {
  std::lock_guard lock(mutex_);
  ledger_.add(fence);
  discarded(Superseded{fence});
}

void JournalCore::publish_cut(std::uint64_t seq, std::span<const PartyHead> heads) {
  std::lock_guard lock(mutex_);
  ledger_.cut(seq, heads);
  cache_.cut(seq);
  discarded(Retracted{seq});
}

void JournalCore::replace(BackendState state, const View& asked) {
  std::lock_guard lock(mutex_);
  const bool has_moved = ledger_.head() != asked.head || generation_ != asked.generation;
  if (has_moved && state.head <= ledger_.head()) return;
  std::vector<Fence> news;
  for (const Fence& fence : state.fences) {
    if (!ledger_.fences().contains(fence)) news.push_back(fence);
  }
  const std::uint64_t before = ledger_.head();
  ledger_ = Ledger(std::move(state));
  for (const Fence& fence : news) discarded(Superseded{fence});
  if (ledger_.head() < before) {
    cache_.cut(ledger_.head());
    discarded(Retracted{ledger_.head()});
  }
  if (ledger_.head() != before) changed_.tell_all();
}

void JournalCore::count_duplicates(std::uint64_t count) {
  std::lock_guard lock(mutex_);
  stats_.duplicates += count;
}

std::optional<async::WaitPoint> JournalCore::enlist(const View& view) {
  std::lock_guard lock(mutex_);
  if (is_closed_ || ledger_.head() > view.head || generation_ != view.generation) return std::nullopt;
  return changed_.enlist();
}

std::pair<std::vector<Discard>, std::uint64_t> JournalCore::discards_from(std::uint64_t from) const {
  std::lock_guard lock(mutex_);
  std::vector<Discard> found;
  if (from < discards_gone_) {
    found.emplace_back(Retracted{0});
    from = discards_gone_;
  }
  for (std::uint64_t at = from - discards_gone_; at < discards_.size(); ++at) found.push_back(discards_[at]);
  return {std::move(found), discards_gone_ + discards_.size()};
}

async::Task<async::Permit> JournalCore::take_slot(Ptr core, std::string client, async::Deadline deadline) {
  SLUICE_CO_CHECK(core->check_open());
  {
    std::lock_guard lock(core->mutex_);
    std::uint64_t& taken = core->slots_of_[client];
    if (taken >= core->config_.streams_of_client_max) {
      co_return base::fail(base::Error{.code = base::Code::ResourceExhausted,
                                       .what = fmt::format("{} streams of the journal are open already", taken),
                                       .where = "client " + client,
                                       .likely = {"streams are begun faster than they are read"},
                                       .try_next = {"read one to its end, or drop it"}});
    }
    ++taken;
  }
  auto slot = co_await core->slots_.acquire(1, deadline);
  if (!slot) core->leave_slot(client);
  co_return slot;
}

void JournalCore::leave_slot(const std::string& client) {
  std::lock_guard lock(mutex_);
  const auto at = slots_of_.find(client);
  if (at != slots_of_.end() && --at->second == 0) slots_of_.erase(at);
}

void JournalCore::count_follower(int change) {
  std::lock_guard lock(mutex_);
  stats_.followers_now += static_cast<std::uint64_t>(static_cast<std::int64_t>(change));
}

base::Result<void> JournalCore::check_open() const {
  std::lock_guard lock(mutex_);
  if (is_closed_) return base::fail(async::terminated("the journal " + traits_.name));
  return {};
}

void JournalCore::close() {
  std::lock_guard lock(mutex_);
  is_closed_ = true;
  slots_.close();
  changed_.tell_all();
}

async::Task<> JournalCore::drain_readers(async::Deadline deadline) {
  // Whoever waits for a permit is served or leaves at its own deadline before this one is.
  auto all = co_await reads_.acquire(config_.reads_max, deadline);
  reads_.close();
  if (!all) co_return base::fail(std::move(all).error());
  co_return base::Result<void>();
}

JournalStats JournalCore::stats() const {
  const LeftBehind below = backend_->left_behind();
  const async::BlockingPoolStats reading = threads_.reading().stats(), writing = threads_.writing().stats();
  std::lock_guard lock(mutex_);
  JournalStats stats = stats_;
  stats.abandoned_now = reading.abandoned_now + writing.abandoned_now + below.now;
  stats.abandoned = reading.abandoned + writing.abandoned + below.ever;
  stats.head = ledger_.head();
  stats.read_permits = reads_.stats();
  stats.stream_slots = slots_.stats();
  stats.streams_now = stats.stream_slots.held;
  return stats;
}

void JournalCore::note_call(CallStats JournalStats::* counted, base::Nanos took, const base::Error* error) {
  std::lock_guard lock(mutex_);
  CallStats& calls = stats_.*counted;
  ++calls.calls;
  calls.time_total += took;
  calls.time_max = std::max(calls.time_max, took);
  if (error == nullptr) return;
  ++calls.failed;
  if (error->code == base::Code::DeadlineExceeded || error->code == base::Code::Cancelled) ++calls.gave_up;
}

void JournalCore::note_expiry(const char* kind, const std::string& name, base::Nanos waited, const base::Error& error) {
  if (error.code != base::Code::DeadlineExceeded) return;
  const async::PermitStats permits = reads_.stats();
  warn(kind,
       fmt::format("journal {}: {} was given up after {}: {}; {} of {} read permits are in use, {} wait", traits_.name,
                   kind, base::format_duration(waited), name, permits.held, permits.total, permits.waiting));
}

void JournalCore::warn(const char* kind, const std::string& text) {
  if (!config_.warn) return;
  {
    std::lock_guard lock(mutex_);
    const base::Instant now = base::now();
    auto& last = warned_[kind];
    if (last.ns != 0 && now - last < base::Nanos{1'000'000'000}) return;
    last = now;
  }
  config_.warn(text);
}

}  // namespace sluice::journal
