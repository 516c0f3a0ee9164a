#include "load/tests/fake_backend.hpp"

namespace sluice::load {

namespace {

/// A loop without a kernel: completes at its next turn what stores have left with it.
class FakeLoop final : public storage::Loop {
 public:
  // shared because abandoned workers still ask them
  explicit FakeLoop(std::shared_ptr<FakeRules> rules) : rules_(std::move(rules)) {}

  void turn(base::Instant until) override {
    std::uint64_t most = rules_->most_in_turn.load();
    while (started_ > most && !rules_->most_in_turn.compare_exchange_weak(most, started_)) {
    }
    started_ = 0;
    std::unique_lock lock(mutex_);
    const auto deadline = base::to_chrono(until);
    changed_.wait_until(lock, deadline, [this] { return woken_ || !pending_.empty() || !completed().empty(); });
    woken_ = false;
    while (storage::OpSlot* slot = pending_.pop()) completed().push(*slot);
    if (!rules_->is_released()) return;
    while (storage::OpSlot* slot = held_.pop()) completed().push(*slot);
  }
  void wake() noexcept override {
    std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  void count_start() { ++started_; }
  void complete_later(storage::OpSlot& slot) {
    std::lock_guard lock(mutex_);
    pending_.push(slot);
  }
  void complete_when_released(storage::OpSlot& slot) { held_.push(slot); }

 private:
  // shared because abandoned workers still ask them
  const std::shared_ptr<FakeRules> rules_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  storage::SlotList pending_, held_;
  std::uint64_t started_ = 0;  ///< since the last turn
};

class FakeStore final : public storage::Store {
 public:
  // shared because abandoned workers still ask them
  FakeStore(std::shared_ptr<FakeRules> rules, FakeLoop* loop) : rules_(std::move(rules)), loop_(loop) {}

  bool start(storage::OpSlot& slot) override {
    ++rules_->started;
    if (loop_ != nullptr) loop_->count_start();
    const int outcome = rules_->outcome(slot);
    slot.bytes = 0;
    slot.error = outcome == FakeRules::kNever ? rules_->late_outcome : outcome;
    if (outcome == FakeRules::kNever) {
      ++rules_->stuck;
      if (loop_ != nullptr) return loop_->complete_when_released(slot), false;
      rules_->wait_for_release();
      return true;
    }
    if (!rules_->later || loop_ == nullptr) return true;
    loop_->complete_later(slot);
    return false;
  }

 private:
  // shared because abandoned workers still ask them
  const std::shared_ptr<FakeRules> rules_;
  FakeLoop* const loop_;
};

}  // namespace

void FakeRules::release() {
  std::lock_guard lock(mutex_);
  released_ = true;
  changed_.notify_all();
}

void FakeRules::wait_for_release() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return released_; });
}

bool FakeRules::is_released() {
  std::lock_guard lock(mutex_);
  return released_;
}

base::Result<std::unique_ptr<storage::Loop>> FakeBackend::make_loop(storage::WorkerKind kind, std::uint32_t) {
  if (kind == storage::WorkerKind::Sync) return std::unique_ptr<storage::Loop>();
  return std::make_unique<FakeLoop>(rules_);
}

base::Result<std::unique_ptr<storage::Store>> FakeBackend::open_store(storage::WorkerKind, storage::Loop* loop,
                                                                      const storage::StoreOptions&) {
  if (rules_->hangs_in_open) rules_->wait_for_release();
  if (rules_->fails_to_open) return base::fail(base::Code::PermissionDenied, "the fake cannot be opened", uri_);
  return std::make_unique<FakeStore>(rules_, static_cast<FakeLoop*>(loop));
}

}  // namespace sluice::load
