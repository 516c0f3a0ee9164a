#include "async/tests/held_disk.hpp"

#include <condition_variable>
#include <map>
#include <mutex>

namespace sluice::async {

struct HeldDisk::State {
  mutable std::mutex mutex;
  std::condition_variable changed;
  bool holds_appends = false, holds_takes = false, fails = false, has_ended = false;
  unsigned held = 0;
  std::uint64_t calls = 0;

  /// False where the call fails.
  bool pass(const bool& holds) {
    std::unique_lock lock(mutex);
    ++held;
    changed.wait(lock, [&] { return !holds; });
    --held;
    ++calls;
    return !fails;
  }
  void set(bool appends, bool takes, bool failing) {
    const std::lock_guard lock(mutex);
    holds_appends = appends;
    holds_takes = takes;
    fails = fails || failing;
    changed.notify_all();
  }
};

class HeldDisk::Device final : public SpillDevice {
 public:
  // shared because a thread that is left behind outlives the test's own
  explicit Device(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~Device() override {
    const std::lock_guard lock(state_->mutex);
    state_->has_ended = true;
  }

  base::Result<Extent> append(const std::vector<std::string_view>& records) override {
    if (!state_->pass(state_->holds_appends)) return base::fail(base::Code::Unavailable, "the disk has failed");
    const Extent extent{.offset = end_, .size_bytes = 1 + records.size()};
    // Copied only now: the frames have to be there for as long as it hangs.
    kept_[end_].assign(records.begin(), records.end());
    end_ += extent.size_bytes;
    return extent;
  }
  base::Result<std::vector<std::string>> take(const Extent& extent) override {
    if (!state_->pass(state_->holds_takes)) return base::fail(base::Code::Unavailable, "the disk has failed");
    const auto at = kept_.find(extent.offset);
    if (at == kept_.end()) return base::fail(base::Code::Corrupt, "nothing is there");
    std::vector<std::string> records = std::move(at->second);
    kept_.erase(at);
    return records;
  }

 private:
  // shared because a thread that is left behind outlives the test's own
  const std::shared_ptr<State> state_;
  std::map<std::uint64_t, std::vector<std::string>> kept_;
  std::uint64_t end_ = 0;
};

// shared because a thread that is left behind outlives the test's own
HeldDisk::HeldDisk() : state_(std::make_shared<State>()) {}
HeldDisk::~HeldDisk() { release(); }

std::function<std::unique_ptr<SpillDevice>()> HeldDisk::maker() const {
  return [state = state_] { return std::make_unique<Device>(state); };
}

void HeldDisk::hold() { state_->set(true, true, false); }
void HeldDisk::hold_takes() { state_->set(false, true, false); }
void HeldDisk::release() { state_->set(false, false, false); }
void HeldDisk::fail() { state_->set(false, false, true); }

bool HeldDisk::is_holding() const {
  const std::lock_guard lock(state_->mutex);
  return state_->held > 0;
}

std::uint64_t HeldDisk::calls() const {
  const std::lock_guard lock(state_->mutex);
  return state_->calls;
}

bool HeldDisk::has_ended() const {
  const std::lock_guard lock(state_->mutex);
  return state_->has_ended;
}

}  // namespace sluice::async
