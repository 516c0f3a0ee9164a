#include "journal/tiers/journal_writer.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "async/channel.hpp"
#include "async/errors.hpp"
#include "async/timing.hpp"
#include "journal/tiers/commit_pace.hpp"
#include "journal/tiers/errors.hpp"

namespace sluice::journal {

namespace {

constexpr int kConflictTriesMax = 10;

struct Request {
  Change change;
  Completion completion;
};

/// The heads of these parties as they were when the journal ended at `seq`.
base::Result<std::vector<PartyHead>> heads_at(Backend& backend, const std::vector<PartyKey>& parties, std::uint64_t seq,
                                              const CallBounds& bounds) {
  std::vector<PartyHead> heads;
  for (const PartyKey& party : parties) {
    PartyHead head{.key = party};
    ReadRequest request{.filter = {.runs = {party.run}, .parties = {party.party}, .with_superseded = true}, .to = seq};
    for (bool is_last = false; !is_last;) {
      SLUICE_TRY(const ReadPage page, backend.read(request, bounds));
      for (const StoredBlock& block : page.blocks) {
        if (block.header.party == party) note_block(head, block.header);
      }
      if (!page.blocks.empty()) request.after = page.blocks.back().header.seq;
      is_last = page.is_last;
    }
    heads.push_back(std::move(head));
  }
  return heads;
}

std::vector<std::string> in_words(const std::vector<StoredBlock>& blocks) {
  std::map<PartyKey, SeqRange> ranges;
  for (const StoredBlock& block : blocks) {
    const std::uint64_t number = block.header.party_seq;
    SeqRange& range = ranges.try_emplace(block.header.party, SeqRange{.first = number, .last = number}).first->second;
    range = {.first = std::min(range.first, number), .last = std::max(range.last, number)};
  }
  std::vector<std::string> words;
  words.reserve(ranges.size());
  for (const auto& [party, range] : ranges) {
    words.push_back(fmt::format("{}: blocks {} to {}", to_text(party), range.first, range.last));
  }
  return words;
}

}  // namespace

struct JournalWriter::State {
  const JournalCore::Ptr core;
  async::Channel<Request> requests;
  async::CancelSource stopping;      ///< ends the wait for readers
  CommitPace pace;                   ///< the task's
  bool ledger_is_in_doubt = false;   ///< the task's: the backend may have been changed without it
  bool lost_a_race = false;          ///< the task's: somebody else has written first
  std::vector<std::string> refused;  ///< the task's, until it has ended

  explicit State(JournalCore::Ptr of)
      : core(std::move(of)),
        requests(core->config().appends_max, "changes of the journal"),
        pace(core->config().commit_every, core->config().commits_at_once) {}

  struct Batch {
    std::vector<Completion> completions;
    std::vector<std::vector<StoredBlock>> appends;
    std::size_t blocks = 0, bytes = 0;
  };

  // shared because the task may outlive a stop() that gave up on it
  using Ptr = std::shared_ptr<State>;
  static async::Task<> run(Ptr state);
  static async::Task<> keep_pace(Ptr state, std::size_t blocks);
  static async::Task<std::optional<Request>> gather(Ptr state, Request first,
                                                    Batch& batch);  // outlives: the caller awaits this
  static async::Task<> make(Ptr state, Request request);
  struct Plan {
    Commit commit;
    std::vector<base::Result<Receipt>> results;  ///< of each append, where the commit succeeds
    std::uint64_t duplicates = 0;
  };
  Plan plan(Batch& batch) const;
  static async::Task<> commit(Ptr state, Batch batch);
  static async::Task<std::vector<base::Result<Receipt>>> commit_once(Ptr state,
                                                                     Batch& batch,  // outlives: the caller awaits this
                                                                     async::Deadline deadline);
  static async::Task<Completion> hand_over(Ptr state, Change change, async::Deadline deadline);
  static async::Task<Receipt> discard(Ptr state, DiscardAttempt what, async::Deadline deadline);
  static async::Task<Receipt> remove(Ptr state, RemoveAbove what, async::Deadline deadline);
  static async::Task<Receipt> compact(Ptr state, async::Deadline deadline);
  static async::Task<async::Permit> readers_out(Ptr state, async::Deadline deadline);
  static async::Task<> make_sure(Ptr state, async::Deadline deadline);
  void add(Batch& batch, Request request) const;
  void refuse(Request request);
  base::Error note(base::Error error);
};

async::Task<> JournalWriter::State::run(Ptr state) {
  std::optional<Request> next;
  while (true) {
    if (!next) {
      auto got = co_await state->requests.receive(async::Deadline::never());
      if (!got) break;
      next = std::move(*got);
    }
    Request request = std::move(*next);
    next.reset();
    const auto* append = std::get_if<AppendBlocks>(&request.change);
    if (append != nullptr) static_cast<void>(co_await keep_pace(state, append->blocks.size()));
    if (state->stopping.is_cancelled()) {
      state->refuse(std::move(request));
    } else if (append != nullptr) {
      Batch batch;
      auto other = co_await gather(state, std::move(request), batch);
      if (other) next = std::move(*other);
      static_cast<void>(co_await commit(state, std::move(batch)));
    } else if (request.completion.begin()) {
      static_cast<void>(co_await make(state, std::move(request)));
    }
  }
  co_return base::Result<void>();
}

/// An append of a few blocks waits until it is its turn; those that come meanwhile go with it. Ends at stop().
async::Task<> JournalWriter::State::keep_pace(Ptr state, std::size_t blocks) {
  if (blocks >= state->core->config().small_commit_blocks) co_return base::Result<void>();
  const base::Instant next = state->pace.next();
  if (next > base::now()) {
    SLUICE_CO_TRY(auto pause,
                  state->core->executor().try_spawn("journal pace", async::pause_until(async::Deadline::at(next)),
                                                    state->stopping.token()));
    static_cast<void>(co_await pause.wait(async::Deadline::never()));
  }
  state->pace.begin(base::now());
  co_return base::Result<void>();
}

/// Takes the appends that wait already into the batch; what is no append comes back for its own turn.
async::Task<std::optional<Request>> JournalWriter::State::gather(Ptr state, Request first, Batch& batch) {
  const JournalConfig& config = state->core->config();
  state->add(batch, std::move(first));
  while (batch.blocks < config.commit_blocks_max && batch.bytes < config.commit_bytes_max &&
         state->requests.size() > 0) {
    auto got = co_await state->requests.receive(async::Deadline::at(base::now()));
    if (!got) break;
    if (!std::holds_alternative<AppendBlocks>(got->change)) co_return std::optional<Request>(std::move(*got));
    state->add(batch, std::move(*got));
  }
  co_return std::optional<Request>();
}

void JournalWriter::State::add(Batch& batch, Request request) const {
  if (!request.completion.begin()) return;
  auto& blocks = std::get<AppendBlocks>(request.change).blocks;
  batch.blocks += blocks.size();
  for (const StoredBlock& block : blocks) batch.bytes += block.size_bytes();
  batch.appends.push_back(std::move(blocks));
  batch.completions.push_back(std::move(request.completion));
}

void JournalWriter::State::refuse(Request request) {
  if (const auto* append = std::get_if<AppendBlocks>(&request.change)) {
    std::ranges::move(in_words(append->blocks), std::back_inserter(refused));
  }
  request.completion.end(base::fail(async::terminated("the journal " + core->traits().name)));
}

/// A change that was given up, or failed half way, may be there all the same: the backend is asked before the next.
base::Error JournalWriter::State::note(base::Error error) {
  ledger_is_in_doubt = true;
  return error;
}

async::Task<> JournalWriter::State::make_sure(Ptr state, async::Deadline deadline) {
  if (!state->ledger_is_in_doubt) co_return base::Result<void>();
  const JournalCore::View view = state->core->view();
  auto found =
      co_await JournalCore::change(state->core, "asking where it is", deadline,
                                   [](Backend& backend, const CallBounds& bounds) { return backend.load(bounds); });
  if (!found) co_return base::fail(std::move(found).error());
  state->core->replace(std::move(*found), view);
  state->ledger_is_in_doubt = false;
  co_return base::Result<void>();
}

/// In a task of its own, because stop() ends this wait and nothing else of the writer's.
async::Task<async::Permit> JournalWriter::State::readers_out(Ptr state, async::Deadline deadline) {
  const base::Instant began = base::now();
  SLUICE_CO_TRY(auto wait, state->core->executor().try_spawn("journal barrier", state->core->keep_readers_out(deadline),
                                                             state->stopping.token()));
  auto permit = co_await wait.wait(async::Deadline::never());
  if (!permit) {
    permit.error().chain.push_back(permit.error().what);
    permit.error().what = fmt::format("a change of the journal waited {:.1f} s for its readers",
                                      static_cast<double>((base::now() - began).count()) / 1e9);
  }
  co_return permit;
}

/// Numbers the appends of a batch; one that the ledger refuses ends here, the others go on.
JournalWriter::State::Plan JournalWriter::State::plan(Batch& batch) const {
  // Where others write, the numbers may be taken, and then the same blocks are numbered again.
  const bool may_be_again = core->others_write();
  Plan plan;
  core->with_ledger([&](const Ledger& ledger) {
    CommitPlan admitted;
    for (std::size_t i = 0; i < batch.appends.size(); ++i) {
      auto numbers = ledger.admit(may_be_again ? batch.appends[i] : std::move(batch.appends[i]), admitted);
      if (numbers) plan.duplicates += static_cast<std::uint64_t>(std::ranges::count(*numbers, 0U));
      plan.results.push_back(numbers ? base::Result<Receipt>(Receipt{.numbers = std::move(*numbers), .removed = {}})
                                     : base::fail(std::move(numbers).error()));
    }
    plan.commit.blocks = std::move(admitted.blocks);
    for (auto& [key, head] : admitted.heads) plan.commit.heads.push_back(std::move(head));
  });
  return plan;
}

async::Task<> JournalWriter::State::commit(Ptr state, Batch batch) {
  if (batch.appends.empty()) co_return base::Result<void>();
  const async::Deadline deadline = async::Deadline::in(state->core->config().write_timeout);
  auto results = co_await commit_once(state, batch, deadline);
  for (int tries = 1; !results && state->lost_a_race && tries < kConflictTriesMax; ++tries) {
    results = co_await commit_once(state, batch, deadline);
  }
  for (std::size_t i = 0; i < batch.completions.size(); ++i) {
    batch.completions[i].end(results ? std::move((*results)[i]) : base::fail(results.error()));
  }
  co_return base::Result<void>();
}

async::Task<std::vector<base::Result<Receipt>>> JournalWriter::State::commit_once(Ptr state, Batch& batch,
                                                                                  async::Deadline deadline) {
  state->lost_a_race = false;
  SLUICE_CO_CHECK(co_await make_sure(state, deadline));
  Plan plan = state->plan(batch);
  if (!plan.commit.blocks.empty()) {
    async::Permit barrier;
    if (!state->core->traits().reads_from_snapshots) {
      SLUICE_CO_TRY(barrier, co_await readers_out(state, deadline));
    }
    // shared because a call that was abandoned still reads it
    auto commit = std::make_shared<Commit>(std::move(plan.commit));
    auto done = co_await JournalCore::change(
        state->core, "appending blocks", deadline,
        [commit](Backend& backend, const CallBounds& bounds) { return backend.append(*commit, bounds); });
    if (!done) {
      state->lost_a_race = state->core->others_write() && done.error().code == base::Code::InvalidArgument;
      co_return base::fail(state->note(std::move(done).error()));
    }
    state->core->publish(std::move(*commit));
  }
  state->core->count_duplicates(plan.duplicates);
  co_return std::move(plan.results);
}

async::Task<> JournalWriter::State::make(Ptr state, Request request) {
  const async::Deadline deadline = async::Deadline::in(state->core->config().write_timeout);
  base::Result<Receipt> result{std::in_place};
  // An append that goes by an old head is refused, and made again. These would leave out what others have appended.
  if (state->core->others_write()) state->ledger_is_in_doubt = true;
  if (auto known = co_await make_sure(state, deadline); !known) {
    result = base::fail(std::move(known).error());
  } else if (const auto* attempt = std::get_if<DiscardAttempt>(&request.change)) {
    result = co_await discard(state, *attempt, deadline);
  } else if (const auto* above = std::get_if<RemoveAbove>(&request.change)) {
    result = co_await remove(state, *above, deadline);
  } else {
    result = co_await compact(state, deadline);
  }
  if (!result) result = base::fail(state->note(std::move(result).error()));
  request.completion.end(std::move(result));
  co_return base::Result<void>();
}

async::Task<Receipt> JournalWriter::State::discard(Ptr state, DiscardAttempt what, async::Deadline deadline) {
  SLUICE_CO_TRY(const async::Permit alone, co_await readers_out(state, deadline));
  const Fence fence{
      .run = std::move(what.run), .stage = what.stage, .attempt = what.attempt, .at_seq = state->core->view().head};
  SLUICE_CO_CHECK(co_await JournalCore::change(
      state->core, "discarding an attempt", deadline,
      [fence](Backend& backend, const CallBounds& bounds) { return backend.fence(fence, bounds); }));
  state->core->publish(fence);
  co_return base::Result<Receipt>(std::in_place);
}

async::Task<Receipt> JournalWriter::State::remove(Ptr state, RemoveAbove what, async::Deadline deadline) {
  const auto parties = state->core->with_ledger([&](const Ledger& ledger) { return ledger.parties_above(what.seq); });
  Receipt receipt;
  if (parties.empty()) co_return base::Result<Receipt>(std::move(receipt));
  SLUICE_CO_TRY(const async::Permit alone, co_await readers_out(state, deadline));
  SLUICE_CO_TRY(const auto heads,
                co_await JournalCore::change(state->core, "finding what is left", deadline,
                                             [parties, seq = what.seq](Backend& backend, const CallBounds& bounds) {
                                               return heads_at(backend, parties, seq, bounds);
                                             }));
  SLUICE_CO_TRY(auto removed,
                co_await JournalCore::change(state->core, "taking blocks out", deadline,
                                             [heads, seq = what.seq](Backend& backend, const CallBounds& bounds) {
                                               return backend.remove_above(seq, heads, bounds);
                                             }));
  share_all(std::move(removed), receipt.removed);
  state->core->publish_cut(what.seq, heads);
  co_return base::Result<Receipt>(std::move(receipt));
}

async::Task<Receipt> JournalWriter::State::compact(Ptr state, async::Deadline deadline) {
  SLUICE_CO_TRY(const async::Permit alone, co_await readers_out(state, deadline));
  SLUICE_CO_CHECK(
      co_await JournalCore::change(state->core, "giving space back", deadline,
                                   [](Backend& backend, const CallBounds& bounds) { return backend.compact(bounds); }));
  co_return base::Result<Receipt>(std::in_place);
}

JournalWriter::JournalWriter(JournalCore::Ptr core)
    // shared because the task may outlive a stop() that gave up on it
    : state_(std::make_shared<State>(std::move(core))) {}

base::Result<void> JournalWriter::start() {
  // With a token of its own: it ends by stop(), after what it has begun.
  SLUICE_TRY(auto task, state_->core->executor().try_spawn("journal writer", State::run(state_), {}));
  task_.emplace(std::move(task));
  return {};
}

async::Task<Completion> JournalWriter::hand_over(Change change, async::Deadline deadline) {
  return State::hand_over(state_, std::move(change), deadline);
}

async::Task<Completion> JournalWriter::State::hand_over(Ptr state, Change change, async::Deadline deadline) {
  Request request{.change = std::move(change), .completion = {}};
  Completion completion = request.completion;
  SLUICE_CO_CHECK(co_await state->requests.send(std::move(request), deadline));
  co_return base::Result<Completion>(std::move(completion));
}

base::Result<Completion> JournalWriter::try_hand_over(Change change) {
  Request request{.change = std::move(change), .completion = {}};
  Completion completion = request.completion;
  SLUICE_CHECK(state_->requests.try_send(std::move(request)));
  return completion;
}

std::size_t JournalWriter::queued() const { return state_->requests.size(); }

async::Task<std::vector<std::string>> JournalWriter::stop(async::Deadline deadline) {
  state_->stopping.cancel();
  state_->requests.close();
  if (!task_) co_return std::vector<std::string>();
  auto ended = co_await task_->wait(deadline);
  if (!ended) co_return base::fail(std::move(ended).error());
  task_.reset();
  co_return std::exchange(state_->refused, {});
}

}  // namespace sluice::journal
