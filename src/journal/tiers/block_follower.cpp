#include "journal/tiers/block_follower.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include "async/errors.hpp"
#include "async/timing.hpp"

namespace sluice::journal {

struct BlockFollower::State {
  const JournalCore::Ptr core;
  const Filter filter;
  std::uint64_t scanned;       ///< everything up to it was given, stands in `ready`, or does not match
  std::uint64_t next_discard;  ///< the first that it has not been told of
  bool is_live = false;        ///< it has seen all there was, once
  base::Instant looked;        ///< when the backend was asked, where others write
  std::deque<BlockPtr> ready;
  std::deque<FollowItem> news;

  State(JournalCore::Ptr of, Filter what, std::uint64_t after)
      : core(std::move(of)),
        filter(std::move(what)),
        scanned(after),
        next_discard(core->discards_from(UINT64_MAX).second) {
    core->count_follower(1);
  }
  ~State() { core->count_follower(-1); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void hear();
  void hear(const Superseded& news_of);
  void hear(const Retracted& news_of);
  bool skip_what_is_too_much(std::uint64_t head);
  bool take_from_cache(std::uint64_t head);
  async::Task<> take_from_backend(std::uint64_t head, async::Deadline deadline);
  async::Task<> look(async::Deadline deadline);
  async::Task<> wait(JournalCore::View view, async::Deadline deadline);
  async::Task<FollowItem> next(async::Deadline deadline);
};

void BlockFollower::State::hear(const Superseded& superseded) {
  const Fence& fence = superseded.fence;
  if (!filter.runs.empty() && std::ranges::find(filter.runs, fence.run) == filter.runs.end()) return;
  if (!filter.with_superseded) {
    std::erase_if(ready, [&](const BlockPtr& block) {
      return block->header.party.run == fence.run && block->header.stage == fence.stage &&
             block->header.party.attempt == fence.attempt;
    });
  }
  news.emplace_back(superseded);
}

void BlockFollower::State::hear(const Retracted& retracted) {
  if (scanned <= retracted.above) return;
  std::erase_if(ready, [&](const BlockPtr& block) { return block->header.seq > retracted.above; });
  scanned = retracted.above;
  news.emplace_back(retracted);
}

void BlockFollower::State::hear() {
  auto [discards, next] = core->discards_from(next_discard);
  next_discard = next;
  for (const Discard& discard : discards) std::visit([this](const auto& one) { hear(one); }, discard);
}

bool BlockFollower::State::skip_what_is_too_much(std::uint64_t head) {
  const std::uint64_t lag_max = core->config().follower_lag_max;
  if (!is_live || head - scanned <= lag_max) return false;
  news.emplace_back(Skipped{{.first = scanned + 1, .last = head - lag_max}});
  scanned = head - lag_max;
  return true;
}

bool BlockFollower::State::take_from_cache(std::uint64_t head) {
  const std::uint64_t before = scanned;
  while (scanned < head && ready.size() < core->config().stream_items_max) {
    BlockPtr block = core->cached(scanned + 1);
    if (!block) break;
    ++scanned;
    if (!filter.may_match(block->header)) continue;
    if (!filter.with_superseded && core->is_superseded(block->header)) continue;
    ready.push_back(std::move(block));
  }
  return scanned != before;
}

async::Task<> BlockFollower::State::take_from_backend(std::uint64_t head, async::Deadline deadline) {
  ReadRequest request{.filter = filter, .after = scanned, .to = head, .blocks_max = core->config().stream_items_max};
  SLUICE_CO_TRY(ReadPage page, co_await JournalCore::read(core, "a page of a follower", deadline,
                                                          [request](Backend& backend, const CallBounds& bounds) {
                                                            return backend.read(request, bounds);
                                                          }));
  share_all(std::move(page.blocks), ready);
  scanned = page.is_last || ready.empty() ? head : ready.back()->header.seq;
  co_return base::Result<void>();
}

/// Asks the backend what others have written.
async::Task<> BlockFollower::State::look(async::Deadline deadline) {
  const JournalCore::View view = core->view();
  SLUICE_CO_TRY(BackendState state, co_await JournalCore::read(core, "asking where it is", deadline,
                                                               [](Backend& backend, const CallBounds& bounds) {
                                                                 return backend.load(bounds);
                                                               }));
  looked = base::now();
  core->replace(std::move(state), view);
  co_return base::Result<void>();
}

async::Task<> BlockFollower::State::wait(JournalCore::View view, async::Deadline deadline) {
  const base::Instant began = base::now();
  async::Wake wake = async::Wake::Woken;
  if (core->others_write()) {
    const async::Deadline next_look = async::Deadline::at(looked + core->config().poll_interval);
    SLUICE_CO_CHECK(co_await async::pause_until(async::earlier(deadline, next_look)));
    if (next_look.has_passed()) {
      SLUICE_CO_CHECK(co_await look(deadline));
    } else {
      wake = async::Wake::Expired;
    }
  } else if (auto point = core->enlist(view)) {
    wake = co_await point->wait(deadline);
  }
  if (wake == async::Wake::Expired) {
    co_return base::fail(async::deadline_exceeded("following the journal", base::now() - began));
  }
  if (wake == async::Wake::Cancelled) co_return base::fail(async::cancelled("following the journal"));
  co_return base::Result<void>();
}

async::Task<FollowItem> BlockFollower::State::next(async::Deadline deadline) {
  while (true) {
    SLUICE_CO_CHECK(core->check_open());
    const JournalCore::View view = core->view();
    hear();
    if (!news.empty()) {
      FollowItem item = std::move(news.front());
      news.pop_front();
      co_return base::Result<FollowItem>(std::move(item));
    }
    if (!ready.empty()) {
      FollowItem item = std::move(ready.front());
      ready.pop_front();
      co_return base::Result<FollowItem>(std::move(item));
    }
    if (view.head > scanned) {
      if (skip_what_is_too_much(view.head) || take_from_cache(view.head)) continue;
      SLUICE_CO_CHECK(co_await take_from_backend(view.head, deadline));
      continue;
    }
    is_live = true;
    SLUICE_CO_CHECK(co_await wait(view, deadline));
  }
}

BlockFollower::BlockFollower(JournalCore::Ptr core, Filter filter, std::uint64_t after)
    : state_(std::make_unique<State>(std::move(core), std::move(filter), after)) {}
BlockFollower::BlockFollower(BlockFollower&&) noexcept = default;
BlockFollower& BlockFollower::operator=(BlockFollower&&) noexcept = default;
BlockFollower::~BlockFollower() = default;

async::Task<FollowItem> BlockFollower::next(async::Deadline deadline) { return state_->next(deadline); }

std::uint64_t BlockFollower::cursor() const {
  return state_->ready.empty() ? state_->scanned : state_->ready.front()->header.seq - 1;
}

}  // namespace sluice::journal
