#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "storage/store.hpp"

namespace sluice::load {

/// What a test does with the operations of a FakeBackend; one for all its stores. Outlives workers that are abandoned.
struct FakeRules {
  storage::WorkerKind kind = storage::WorkerKind::Sync;
  /// Says what becomes of an operation: an errno, or kNever. Any worker's thread.
  std::function<int(const storage::OpSlot&)> outcome = [](const storage::OpSlot&) { return 0; };
  static constexpr int kNever = -1;  ///< it does not return before release()
  int late_outcome = 0;              ///< an errno: what becomes of those then
  bool later = false;                ///< loop workers: completed by the next turn, not at once
  bool fails_to_open = false;
  bool hangs_in_open = false;
  std::atomic<bool> hangs_in_write_small{false};

  /// Lets everything go that never returned.
  void release();
  void wait_for_release();
  bool is_released();
  std::atomic<std::uint64_t> started{0};
  std::atomic<std::uint64_t> stuck{0};
  std::atomic<std::uint64_t> most_in_turn{0};  ///< operations started between two turns of one loop

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool released_ = false;
};

/// A backend without storage, whose operations do what a test says.
class FakeBackend final : public storage::Backend {
 public:
  // shared because abandoned workers still ask them
  explicit FakeBackend(std::shared_ptr<FakeRules> rules) : rules_(std::move(rules)) {}

  const std::string& uri() const override { return uri_; }
  storage::WorkerChoice choose_worker(const storage::Mix&) override { return {rules_->kind, "a test says so"}; }
  base::Result<std::unique_ptr<storage::Loop>> make_loop(storage::WorkerKind kind, std::uint32_t slots) override;
  base::Result<std::unique_ptr<storage::Store>> open_store(storage::WorkerKind kind, storage::Loop* loop,
                                                           const storage::StoreOptions& options) override;
  base::Result<storage::TargetFacts> inspect() override {
    return storage::TargetFacts{.filesystem = "fake", .exists = true, .writable = true};
  }
  base::Result<void> make_directories(std::string_view) override { return {}; }
  base::Result<void> list(const storage::ListFilter&, const storage::ListSink&, model::Progress&,
                          const async::CancelToken&) override {
    return {};
  }
  base::Result<storage::ObjectFacts> stat(std::string_view) override { return storage::ObjectFacts{.bytes = 0}; }
  base::Result<std::string> read_small(std::string_view) override { return base::fail(base::Code::NotFound, "none"); }
  base::Result<void> write_small(std::string_view, std::string_view) override {
    if (rules_->hangs_in_write_small) ++rules_->stuck, rules_->wait_for_release();
    return {};
  }
  base::Result<void> remove(std::string_view) override { return {}; }

 private:
  const std::string uri_ = "fake://x/";
  // shared because abandoned workers still ask them
  const std::shared_ptr<FakeRules> rules_;
};

}  // namespace sluice::load
