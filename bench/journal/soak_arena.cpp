#include "soak_arena.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "async/timing.hpp"

namespace sluice::journal {

namespace {

using namespace std::chrono_literals;

constexpr base::Nanos kChangeWithin{10s}, kOpenWithin{30s}, kWholeWithin{10s}, kVerifyWithin{120s};
/// How long a server that was taken down may take to say what was made, on a machine that does other things too.
constexpr base::Nanos kKnownWithin{120s};

JournalConfig soak_config() {
  JournalConfig config;
  config.read_timeout = 2s, config.write_timeout = 5s, config.stream_timeout = 5s;
  config.follower_lag_max = 1000, config.cache_blocks_max = 512;
  return config;
}

}  // namespace

SoakArena::SoakArena(async::Executor& executor, BusySeconds& seconds, std::unique_ptr<SoakStore> store,
                     SoakOptions options)
    : executor_(executor),
      seconds_(seconds),
      store_(std::move(store)),
      name_(store_->name()),
      options_(options),
      config_(soak_config()),
      threads_(executor, config_),
      writing_(options.writers, "writing"),
      parties_now_(options.writers, nullptr),
      random_(std::hash<std::string>()(name_)) {}

SoakArena::~SoakArena() { stop(); }

void SoakArena::start() {
  if (!open(kOpenWithin, config_)) return;
  const auto spawn = [&](const char* what, std::uint64_t count, auto run) {
    for (std::uint64_t i = 0; i < count; ++i) guests_.push_back(executor_.spawn(what, run(*this, i)));
  };
  spawn("writer", options_.writers, run_soak_writer);
  spawn("reader", options_.readers, run_soak_reader);
  spawn("stream", options_.streams, run_soak_stream);
  spawn("follower", options_.followers, run_soak_follower);
  trouble_ = std::thread([this] { make_trouble(); });
}

void SoakArena::stop() {
  is_stopping_ = true;
  stopping_.notify_all();
  if (trouble_.joinable()) trouble_.join();
  for (auto& guest : std::exchange(guests_, {})) {
    if (auto ended = guest.join(async::Deadline::in(30s)); !ended) {
      tally_.wrong("a guest did not end well: " + to_text(ended.error()));
    }
  }
  close();
}

// shared because a guest may be in a call of the journal that is being replaced
std::shared_ptr<Journal> SoakArena::journal() const {
  const std::lock_guard lock(mutex_);
  return journal_;
}

SoakParty& SoakArena::party_of(std::uint64_t writer) {
  const std::lock_guard lock(mutex_);
  SoakParty*& party = parties_now_[writer];
  if (party == nullptr || party->blocks.key().attempt != attempt_) {
    const PartyKey key{.run = kRun, .party = fmt::format("party-{}", writer), .attempt = attempt_};
    party = parties_.emplace_back(std::make_unique<SoakParty>(seconds_, key, base::mix64(writer) + attempt_)).get();
  }
  return *party;
}

std::string SoakArena::troubles_text() const {
  constexpr const char* kNames[kTroubles] = {"cuts",     "discards",         "compactions", "journals reopened",
                                             "hold-ups", "servers restarted"};
  const std::lock_guard lock(mutex_);
  std::string text;
  for (std::size_t i = 0; i < kTroubles; ++i) {
    if (made_[i] > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", made_[i], kNames[i]);
  }
  return text;
}

/// The journal over a new backend, for everybody.
bool SoakArena::open(base::Nanos within, const JournalConfig& config) {
  const async::Deadline until = async::Deadline::in(within);
  base::Error last;
  do {
    auto backend = store_->open();
    if (backend) {
      auto opened = executor_.block_on(
          Journal::open(threads_, std::move(*backend), config, async::Deadline::in(config.read_timeout)));
      if (opened) {
        const std::lock_guard lock(mutex_);
        journal_ = std::move(*opened);
        return true;
      }
      last = opened.error();
    } else {
      last = backend.error();
    }
    // Guests of the journal before let go of its backend when they hear that it has ended.
    std::unique_lock lock(mutex_);
    stopping_.wait_for(lock, 20ms);
  } while (!until.has_passed());
  tally_.wrong("the journal could not be opened again: " + to_text(last));
  return false;
}

/// Guests are in the middle of their calls.
void SoakArena::close() {
  const auto closing = journal();
  if (closing == nullptr) return;
  const base::Nanos within = std::max(config_.read_timeout, config_.write_timeout) + 1s;
  static_cast<void>(changed(closing->shutdown(), within));
  check_permits(*closing);
  const std::lock_guard lock(mutex_);
  journal_ = nullptr;
}

/// After the end of a journal all of them come home: guests hear of it, and drop what they have.
void SoakArena::check_permits(const Journal& journal) {
  const async::Deadline until = async::Deadline::in(kWholeWithin);
  while (true) {
    const JournalStats stats = journal.stats();
    const bool are_whole = stats.read_permits.free == stats.read_permits.total &&
                           stats.stream_slots.free == stats.stream_slots.total && stats.streams_now == 0;
    if (are_whole) return;
    if (until.has_passed()) {
      return tally_.wrong(fmt::format("of {} read permits {} are free, of {} stream slots {}; {} streams",
                                      stats.read_permits.total, stats.read_permits.free, stats.stream_slots.total,
                                      stats.stream_slots.free, stats.streams_now));
    }
    std::unique_lock lock(mutex_);
    stopping_.wait_for(lock, 10ms);
  }
}

template <class T>
base::Result<T> SoakArena::changed(async::Task<T> change, base::Nanos within) {
  const async::Deadline deadline = async::Deadline::in(within);
  auto done = executor_.block_on(std::move(change));
  tally_.note(Call::Change, done ? nullptr : &done.error(), deadline.when());
  return done;
}

bool SoakArena::pause(base::Nanos span) {
  std::unique_lock lock(mutex_);
  return !stopping_.wait_for(lock, span, [this] { return is_stopping_.load(); });
}

void SoakArena::make_trouble() {
  constexpr Trouble kDraws[] = {Trouble::Cut,    Trouble::Cut,  Trouble::Discard, Trouble::Compact,
                                Trouble::Reopen, Trouble::Hold, Trouble::TakeDown};
  while (pause(base::Nanos{1'500'000'000 + random_.below(3'000'000'000)})) {
    Trouble trouble = kDraws[random_.below(std::size(kDraws))];
    if (trouble == Trouble::TakeDown && !store_->has_server()) trouble = Trouble::Reopen;
    try {
      make(trouble);
    } catch (const std::exception& error) {
      if (!is_stopping_) tally_.wrong(error.what());
    }
  }
}

void SoakArena::make(Trouble trouble) {
  {
    const std::lock_guard lock(mutex_);
    ++made_[static_cast<std::size_t>(trouble)];
  }
  ++troubles_;
  switch (trouble) {
    case Trouble::Cut: return cut();
    case Trouble::Discard: return discard();
    case Trouble::Compact: return compact();
    case Trouble::Reopen: return reopen();
    case Trouble::Hold: return hold();
    case Trouble::TakeDown: return take_down();
  }
}

/// Takes out the last blocks while no writer writes; they have to be appended again.
void SoakArena::cut() {
  const auto permit = executor_.block_on(writing_.acquire(options_.writers, async::Deadline::in(kOpenWithin)));
  if (!permit) return tally_.wrong("writers keep their permits: " + to_text(permit.error()));
  const auto it = journal();
  const std::uint64_t head = it->reader().head();
  const std::uint64_t above = head - std::min(head, 1 + random_.below(20));
  const auto removed = changed(it->drain_above(above, async::Deadline::in(kChangeWithin)), kChangeWithin);
  // An append that a writer gave up on may have been made after the head was looked at.
  if (removed && removed->size() < head - above) {
    tally_.wrong(fmt::format("a cut of blocks {} to {} gave {} back", above + 1, head, removed->size()));
  }
  // Whether a cut that failed was made is the backend's to say.
  const async::Deadline until = async::Deadline::in(kKnownWithin);
  for (bool is_known = removed.has_value(); !is_known;) {
    is_known = executor_.block_on(it->reader().refresh(async::Deadline::in(config_.read_timeout))).has_value();
    if (!is_known && until.has_passed()) return tally_.wrong("the outcome of a cut could not be asked for");
  }
  give_back(it->reader());
}

void SoakArena::give_back(const JournalReader& reader) {
  std::map<PartyKey, std::uint64_t> next;
  for (const PartyHead& head : reader.parties()) next[head.key] = head.next_party_seq;
  for (const auto& party : parties_) {
    const std::uint64_t there = next[party->blocks.key()];
    if (there >= party->acknowledged) continue;
    PartyBlocks again(seconds_, party->blocks.key(), party->seed);
    std::vector<StoredBlock> gone;
    while (again.made() < party->acknowledged) {
      StoredBlock block = again.next();
      if (block.header.party_seq >= there) gone.push_back(std::move(block));
    }
    party->pending.insert(party->pending.begin(), gone.begin(), gone.end());
    party->acknowledged = there;
  }
}

/// Ends an attempt; a late block of it is refused.
void SoakArena::discard() {
  const std::uint32_t attempt = attempt_++;
  const auto it = journal();
  if (!changed(it->discard(kRun, 1, attempt, async::Deadline::in(kChangeWithin)), kChangeWithin)) return;
  PartyBlocks late(seconds_, {.run = kRun, .party = "late", .attempt = attempt}, 0);
  while (late.made() < 2) static_cast<void>(late.next());
  std::vector<StoredBlock> blocks;
  blocks.push_back(late.next());
  if (changed(it->append(std::move(blocks), async::Deadline::in(kChangeWithin)), kChangeWithin)) {
    tally_.wrong("a late block of a discarded attempt was taken");
  }
}

void SoakArena::compact() {
  static_cast<void>(changed(journal()->compact(async::Deadline::in(kChangeWithin)), kChangeWithin));
}

void SoakArena::reopen() {
  close();
  open(kOpenWithin, config_);
}

void SoakArena::hold() {
  store_->hold();
  pause(base::Nanos{500'000'000 + random_.below(3'000'000'000)});
  store_->let_go();
}

void SoakArena::take_down() {
  store_->take_down();
  pause(base::Nanos{200'000'000 + random_.below(2'000'000'000)});
  store_->bring_up();
}

std::uint64_t SoakArena::verify() {
  // Whoever interrupts this program from a terminal interrupts a server of its own, too.
  if (store_->has_server()) {
    store_->take_down();
    store_->bring_up();
  }
  // It is the data that is looked at, not the machine: it may take its time.
  JournalConfig patient;
  patient.read_timeout = kVerifyWithin;
  if (!open(kVerifyWithin, patient)) return 0;
  std::map<PartyKey, PartyBlocks> expected;
  for (const auto& party : parties_) {
    expected.try_emplace(party->blocks.key(), seconds_, party->blocks.key(), party->seed);
  }
  std::uint64_t seq = 0;
  for (std::optional<std::uint64_t> after = 0; after;) {
    const auto page = executor_.block_on(
        journal()->reader().page({.with_superseded = true}, *after, 256, async::Deadline::in(kVerifyWithin)));
    if (!page) {
      tally_.wrong("reading everything: " + to_text(page.error()));
      break;
    }
    for (const BlockPtr& block : page->blocks) {
      const auto party = expected.find(block->header.party);
      const bool is_next = ++seq == block->header.seq && party != expected.end() && is_whole(*block) &&
                           party->second.next().header.hash == block->header.hash;
      if (!is_next)
        tally_.wrong(
            fmt::format("block {}, {}, is not what was appended", block->header.seq, to_text(block->header.party)));
    }
    after = page->next;
  }
  for (const auto& party : parties_) {
    const std::uint64_t there = expected.at(party->blocks.key()).made();
    if (there < party->acknowledged) {
      tally_.wrong(fmt::format("{}: {} blocks were acknowledged, {} are there", to_text(party->blocks.key()),
                               party->acknowledged, there));
    }
  }
  close();
  return seq;
}

}  // namespace sluice::journal
