#include "journal/tiers/completion.hpp"

#include <utility>

#include "async/errors.hpp"

namespace sluice::journal {

struct Completion::State {
  std::mutex mutex;
  async::Notice ended;
  bool has_begun = false;
  std::optional<base::Result<Receipt>> result;

  /// A wait for the end; nothing where that was before.
  std::optional<async::WaitPoint> enlist() {
    std::lock_guard lock(mutex);
    if (result) return std::nullopt;
    return ended.enlist();
  }
  base::Result<Receipt> taken() {
    std::lock_guard lock(mutex);
    return result ? *result : base::fail(async::terminated("a change of the journal"));
  }
};

Completion::Completion()
    // shared because the writer and the one who waits may each leave first
    : state_(std::make_shared<State>()) {}

bool Completion::is_done() const {
  std::lock_guard lock(state_->mutex);
  return state_->result.has_value();
}

bool Completion::begin() {
  std::lock_guard lock(state_->mutex);
  if (state_->result) return false;
  state_->has_begun = true;
  return true;
}

void Completion::end(base::Result<Receipt> result) {
  std::lock_guard lock(state_->mutex);
  if (state_->result) return;
  state_->result = std::move(result);
  state_->ended.tell_all();
}

bool Completion::withdraw() {
  std::lock_guard lock(state_->mutex);
  if (state_->has_begun || state_->result) return false;
  state_->result = base::fail(async::cancelled("a change of the journal"));
  state_->ended.tell_all();
  return true;
}

async::Task<Receipt> Completion::wait(async::Deadline deadline) const { return wait_for(state_, deadline); }

// shared because the writer and the one who waits may each leave first
async::Task<Receipt> Completion::wait_for(std::shared_ptr<State> state, async::Deadline deadline) {
  const base::Instant began = base::now();
  while (auto point = state->enlist()) {
    const async::Wake wake = co_await point->wait(deadline);
    if (wake == async::Wake::Expired) {
      co_return base::fail(async::deadline_exceeded("a change of the journal", base::now() - began));
    }
    if (wake == async::Wake::Cancelled) co_return base::fail(async::cancelled("waiting for a change of the journal"));
  }
  co_return state->taken();
}

}  // namespace sluice::journal
