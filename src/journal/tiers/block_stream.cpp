#include "journal/tiers/block_stream.hpp"

#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "async/errors.hpp"
#include "async/stop_flag.hpp"
#include "journal/tiers/errors.hpp"

namespace sluice::journal {

struct BlockStream::State {
  const JournalCore::Ptr core;
  const Filter filter;
  const std::uint64_t to;
  const std::string client;
  const std::uint64_t generation;
  async::StopFlag dropped;

  // The consumer's.
  std::uint64_t after;
  std::deque<BlockPtr> ready;
  bool has_all = false;

  std::mutex mutex;
  async::Permit slot;
  std::optional<base::Error> why_ended;

  State(JournalCore::Ptr of, Filter what, std::uint64_t from, std::uint64_t until, std::string by, async::Permit held)
      : core(std::move(of)),
        filter(std::move(what)),
        to(until),
        client(std::move(by)),
        generation(core->view().generation),
        after(from),
        slot(std::move(held)) {}

  // shared because the task that watches the deadline may end after the stream
  using Ptr = std::shared_ptr<State>;
  static async::Task<BlockPtr> next(Ptr state, async::Deadline deadline);
  static async::Task<> read_page(Ptr state, async::Deadline deadline);
  static async::Task<> watch(Ptr state);

  /// Gives the slot back, once.
  void leave() {
    async::Permit last;
    {
      std::lock_guard lock(mutex);
      last = std::move(slot);
    }
    if (!last) return;
    last.release();
    core->leave_slot(client);
  }
  base::Error end(base::Error why) {
    {
      std::lock_guard lock(mutex);
      if (!why_ended) why_ended = why;
    }
    leave();
    return why;
  }
  std::optional<base::Error> ended() {
    std::lock_guard lock(mutex);
    return why_ended;
  }
};

async::Task<> BlockStream::State::watch(Ptr state) {
  const base::Nanos timeout = state->core->config().stream_timeout;
  SLUICE_CO_TRY(const bool is_dropped, co_await state->dropped.wait(async::Deadline::in(timeout)));
  if (!is_dropped) static_cast<void>(state->end(async::deadline_exceeded("a stream of the journal", timeout)));
  co_return base::Result<void>();
}

async::Task<> BlockStream::State::read_page(Ptr state, async::Deadline deadline) {
  ReadRequest request{.filter = state->filter,
                      .after = state->after,
                      .to = state->to,
                      .blocks_max = state->core->config().stream_items_max};
  SLUICE_CO_TRY(ReadPage page, co_await JournalCore::read(state->core, "a page of a stream", deadline,
                                                          [request](Backend& backend, const CallBounds& bounds) {
                                                            return backend.read(request, bounds);
                                                          }));
  share_all(std::move(page.blocks), state->ready);
  if (!state->ready.empty()) state->after = state->ready.back()->header.seq;
  state->has_all = page.is_last;
  co_return base::Result<void>();
}

async::Task<BlockPtr> BlockStream::State::next(Ptr state, async::Deadline deadline) {
  while (true) {
    if (auto why = state->ended()) co_return base::fail(std::move(*why));
    if (state->core->view().generation != state->generation) co_return base::fail(state->end(retracted("a stream")));
    if (!state->ready.empty()) {
      BlockPtr block = std::move(state->ready.front());
      state->ready.pop_front();
      co_return base::Result<BlockPtr>(std::move(block));
    }
    if (state->has_all || state->after >= state->to) {
      state->leave();
      co_return base::Result<BlockPtr>(nullptr);
    }
    SLUICE_CO_CHECK(co_await read_page(state, deadline));
  }
}

BlockStream::BlockStream(JournalCore::Ptr core, Filter filter, std::uint64_t after, std::uint64_t to,
                         std::string client, async::Permit slot)
    // shared because the task that watches the deadline may end after the stream
    : state_(
          std::make_shared<State>(std::move(core), std::move(filter), after, to, std::move(client), std::move(slot))) {
  auto watch = state_->core->executor().try_spawn("journal stream", State::watch(state_));
  // Without a watch it has no slot either, so that nobody can keep one for ever.
  if (!watch) static_cast<void>(state_->end(std::move(watch).error()));
}

BlockStream::BlockStream(BlockStream&&) noexcept = default;

BlockStream& BlockStream::operator=(BlockStream&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

BlockStream::~BlockStream() {
  if (!state_) return;
  state_->leave();
  state_->dropped.raise();
}

async::Task<BlockPtr> BlockStream::next(async::Deadline deadline) { return State::next(state_, deadline); }

std::uint64_t BlockStream::to() const { return state_->to; }

}  // namespace sluice::journal
