#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "async/timing.hpp"
#include "soak_arena.hpp"

namespace sluice::journal {

namespace {

using namespace std::chrono_literals;

// shared because a guest may be in a call of the journal that is being replaced
using JournalPtr = std::shared_ptr<Journal>;

base::Nanos up_to(base::Random& random, base::Nanos span) {
  return base::Nanos{random.below(static_cast<std::uint64_t>(span.count()))};
}

/// Mostly one that is kept, now and then one that passes.
base::Nanos some_span(base::Random& random, base::Nanos usual) {
  return random.below(10) == 0 ? up_to(random, 5ms) : usual;
}

async::Task<> rest(base::Nanos span) { return async::pause_until(async::Deadline::in(span)); }

/// Keeps what it calls alive.
async::Task<Receipt> append_to(JournalPtr journal, std::vector<StoredBlock> blocks, async::Deadline deadline) {
  co_return co_await journal->append(std::move(blocks), deadline);
}

/// Cancels a task after a few milliseconds, and waits for its end.
template <class T>
async::Task<T> and_cancelled(async::Executor& executor,  // outlives: the arena's
                             async::Task<T> task, base::Nanos after) {
  auto handle = executor.spawn("cancelled", std::move(task));
  SLUICE_CO_CHECK(co_await rest(after));
  handle.cancel();
  co_return co_await handle.wait(async::Deadline::in(30s));
}

async::Task<> write_once(SoakArena& arena,      // outlives: it waits for its guests
                         base::Random& random,  // outlives: the caller awaits this
                         std::uint64_t number) {
  SLUICE_CO_TRY(const async::Permit permit, co_await arena.writing().acquire(1, async::Deadline::in(300s)));
  const JournalPtr journal = arena.journal();
  if (journal == nullptr) co_return base::Result<void>();
  SoakParty& party = arena.party_of(number);
  for (std::uint64_t count = 1 + random.below(3); party.pending.size() < count;) {
    party.pending.push_back(party.blocks.next());
  }
  std::vector<StoredBlock> blocks(party.pending.begin(), party.pending.end());
  const async::Deadline deadline = async::Deadline::in(some_span(random, 6s));
  auto append = append_to(journal, std::move(blocks), deadline);
  if (random.below(10) == 0) append = and_cancelled(arena.executor(), std::move(append), up_to(random, 5ms));
  const auto done = co_await std::move(append);
  arena.tally().note(Call::Append, done ? nullptr : &done.error(), deadline.when());
  if (!done) co_return base::Result<void>();
  party.acknowledged += party.pending.size();
  arena.count_acknowledged(party.pending.size());
  party.pending.clear();
  co_return base::Result<void>();
}

/// What a call has to end by, and how it ended.
template <class T>
async::Task<T> noted(SoakArena& arena,  // outlives: it waits for its guests
                     Call call, async::Task<T> task, async::Deadline deadline) {
  const async::Deadline until = async::earlier(deadline, async::Deadline::in(arena.config().read_timeout));
  auto done = co_await std::move(task);
  arena.tally().note(call, done ? nullptr : &done.error(), until.when());
  co_return done;
}

void check(SoakArena& arena, bool is_right, const char* what) {
  if (!is_right) arena.tally().wrong(what);
}

async::Task<BlockPtr> some_block(const JournalReader& reader,  // outlives: the caller awaits this
                                 base::Random& random,         // outlives: the same
                                 async::Deadline deadline) {
  const PartyKey party{.run = SoakArena::kRun, .party = fmt::format("party-{}", random.below(8))};
  switch (random.below(4)) {
    case 0: return reader.latest(deadline);
    case 1: return reader.latest_of(party, deadline);
    case 2: return reader.get(party, random.below(100), deadline);
    default: return reader.get(1 + random.below(reader.head() + 1), deadline);
  }
}

async::Task<std::vector<BlockPtr>> some_blocks(const JournalReader& reader,  // outlives: the caller awaits this
                                               base::Random& random,         // outlives: the same
                                               async::Deadline deadline) {
  const std::uint64_t first = 1 + random.below(reader.head() + 1);
  if (random.below(2) == 0) return reader.range(first, first + random.below(30), deadline);
  Filter filter{.parties = {fmt::format("party-{}", random.below(8))}};
  filter.time_ns.min = random.below(2) == 0 ? 0 : filter.time_ns.min;
  return reader.query(std::move(filter), 50, deadline);
}

async::Task<> read_once(SoakArena& arena,      // outlives: it waits for its guests
                        base::Random& random)  // outlives: the caller awaits this
{
  const JournalPtr journal = arena.journal();
  if (journal == nullptr) co_return base::Result<void>();
  const JournalReader reader = journal->reader();
  const async::Deadline deadline = async::Deadline::in(some_span(random, 3s));
  const std::uint64_t draw = random.below(10);
  if (draw < 5) {
    auto read = some_block(reader, random, deadline);
    if (random.below(10) == 0) read = and_cancelled(arena.executor(), std::move(read), up_to(random, 3ms));
    const auto block = co_await noted(arena, Call::Read, std::move(read), deadline);
    if (block && *block != nullptr) check(arena, is_whole(**block), "a block that was read is damaged");
  } else if (draw < 8) {
    const auto blocks = co_await noted(arena, Call::Read, some_blocks(reader, random, deadline), deadline);
    const auto by_seq = [](const BlockPtr& a, const BlockPtr& b) { return a->header.seq >= b->header.seq; };
    if (blocks) check(arena, std::ranges::adjacent_find(*blocks, by_seq) == blocks->end(), "blocks are not in order");
  } else {
    const auto found =
        co_await noted(arena, Call::Read, reader.notable({.statuses = kSucceeded}, 20, true, deadline), deadline);
    if (found) check(arena, found->size() <= 20, "more operations than were asked for");
  }
  co_return base::Result<void>();
}

/// A finite stream, to its end or not; its consumer stalls now and then.
async::Task<> stream_once(SoakArena& arena,      // outlives: it waits for its guests
                          base::Random& random,  // outlives: the caller awaits this
                          std::string client) {
  const JournalPtr journal = arena.journal();
  if (journal == nullptr) co_return base::Result<void>();
  const JournalReader reader = journal->reader();
  const async::Deadline deadline = async::Deadline::in(some_span(random, 3s));
  const std::uint64_t head = reader.head(), after = head - std::min(head, random.below(2000));
  auto stream = co_await noted(arena, Call::Stream, reader.stream({}, after, std::nullopt, std::move(client), deadline),
                               deadline);
  std::uint64_t last = after;
  const std::uint64_t wanted = random.below(1500);
  for (std::uint64_t i = 0; stream && i < wanted && !arena.is_stopping(); ++i) {
    const async::Deadline of_next = async::Deadline::in(some_span(random, 3s));
    const auto block = co_await noted(arena, Call::Stream, stream->next(of_next), of_next);
    if (!block && block.error().code == base::Code::DeadlineExceeded && of_next.has_passed()) continue;
    if (!block || *block == nullptr) break;
    check(arena, (*block)->header.seq > last, "a stream gives blocks out of order");
    last = (*block)->header.seq;
    if (random.below(400) == 0) SLUICE_CO_CHECK(co_await rest(up_to(random, 7s)));
  }
  co_return base::Result<void>();
}

struct Following {
  SoakArena& arena;  // outlives: it waits for its guests
  std::uint64_t last = 0;

  void take(const BlockPtr& block) {
    check(arena, block->header.seq == last + 1, "a follower was given a block out of order");
    last = block->header.seq;
  }
  void take(const Superseded& /*its blocks are asked for*/) {}
  void take(const Retracted& retracted) { last = std::min(last, retracted.above); }
  void take(const Skipped& skipped) { last = skipped.blocks.last; }
};

/// Until the journal is closed.
async::Task<> follow_once(Following& following,  // outlives: the caller awaits this
                          base::Random& random)  // outlives: the same
{
  SoakArena& arena = following.arena;
  const JournalPtr journal = arena.journal();
  if (journal == nullptr) co_return base::Result<void>();
  auto follower = journal->reader().follow({.with_superseded = true}, following.last);
  while (follower && !arena.is_stopping()) {
    const async::Deadline deadline = async::Deadline::in(1s);
    const auto item = co_await noted(arena, Call::Follow, follower->next(deadline), deadline);
    if (item) {
      std::visit([&](const auto& one) { following.take(one); }, *item);
    } else if (item.error().code == base::Code::Terminated) {
      break;
    }
    if (random.below(2000) == 0) SLUICE_CO_CHECK(co_await rest(up_to(random, 4s)));
  }
  co_return base::Result<void>();
}

}  // namespace

async::Task<> run_soak_writer(SoakArena& arena, std::uint64_t number) {  // outlives: it waits for its guests
  base::Random random(1000 + number);
  while (!arena.is_stopping()) {
    SLUICE_CO_CHECK(co_await write_once(arena, random, number));
    SLUICE_CO_CHECK(co_await rest(50ms + up_to(random, 250ms)));
  }
  co_return base::Result<void>();
}

async::Task<> run_soak_reader(SoakArena& arena, std::uint64_t number) {  // outlives: it waits for its guests
  base::Random random(2000 + number);
  while (!arena.is_stopping()) {
    SLUICE_CO_CHECK(co_await read_once(arena, random));
    SLUICE_CO_CHECK(co_await rest(up_to(random, 100ms)));
  }
  co_return base::Result<void>();
}

async::Task<> run_soak_stream(SoakArena& arena, std::uint64_t number) {  // outlives: it waits for its guests
  base::Random random(3000 + number);
  while (!arena.is_stopping()) {
    SLUICE_CO_CHECK(co_await stream_once(arena, random, fmt::format("client-{}", number % 3)));
    SLUICE_CO_CHECK(co_await rest(up_to(random, 500ms)));
  }
  co_return base::Result<void>();
}

async::Task<> run_soak_follower(SoakArena& arena, std::uint64_t number) {  // outlives: it waits for its guests
  base::Random random(4000 + number);
  Following following{.arena = arena};
  while (!arena.is_stopping()) {
    SLUICE_CO_CHECK(co_await follow_once(following, random));
    SLUICE_CO_CHECK(co_await rest(20ms));
  }
  co_return base::Result<void>();
}

}  // namespace sluice::journal
