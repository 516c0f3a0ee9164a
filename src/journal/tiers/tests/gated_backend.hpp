#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "journal/tiers/backend.hpp"

namespace sluice::journal {

/// Holds calls of a backend until the test lets them go. A call that is held hears neither deadline nor cancellation,
/// as a database that hangs does not. Any thread.
class Gates {
 public:
  enum Kind : std::uint8_t { Reads, Writes, Loads, Loaded };  // Loaded: a load that has its answer

  ~Gates() { open(Reads), open(Writes), open(Loads), open(Loaded); }

  void shut(Kind kind) { set(kind, true); }
  void open(Kind kind) { set(kind, false); }
  /// Lets one call that is held go, or the next that comes.
  void let_one_pass(Kind kind) {
    std::lock_guard lock(mutex_);
    ++passes_[kind];
    changed_.notify_all();
  }
  /// Calls that are held now.
  int held(Kind kind) const {
    std::lock_guard lock(mutex_);
    return held_[kind];
  }
  int held_high_water(Kind kind) const {
    std::lock_guard lock(mutex_);
    return high_[kind];
  }
  /// Calls of the system that the backend says it has left behind.
  std::atomic<std::uint64_t> left_behind = 0;

  void pass(Kind kind) {
    std::unique_lock lock(mutex_);
    if (!shut_[kind]) return;
    high_[kind] = std::max(high_[kind], ++held_[kind]);
    changed_.wait_for(lock, std::chrono::seconds(60), [&] { return !shut_[kind] || passes_[kind] > 0; });
    if (shut_[kind] && passes_[kind] > 0) --passes_[kind];
    --held_[kind];
  }

 private:
  void set(Kind kind, bool is_shut) {
    std::lock_guard lock(mutex_);
    shut_[kind] = is_shut;
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool shut_[4] = {};
  int held_[4] = {}, high_[4] = {}, passes_[4] = {};
};

/// A backend whose calls pass gates first.
class GatedBackend final : public Backend {
 public:
  // shared because calls that were left behind pass the gates after the test has gone on
  GatedBackend(std::unique_ptr<Backend> backend, std::shared_ptr<Gates> gates, BackendTraits traits)
      : backend_(std::move(backend)), gates_(std::move(gates)), traits_(std::move(traits)) {
    traits_.name = "gated " + backend_->traits().name;
  }

  BackendTraits traits() const override { return traits_; }
  LeftBehind left_behind() const override { return {.now = gates_->left_behind, .ever = gates_->left_behind}; }
  base::Result<BackendState> load(const CallBounds& bounds) override {
    gates_->pass(Gates::Loads);
    auto state = backend_->load(bounds);
    gates_->pass(Gates::Loaded);
    return state;
  }
  base::Result<void> append(const Commit& commit, const CallBounds& bounds) override {
    gates_->pass(Gates::Writes);
    return backend_->append(commit, bounds);
  }
  base::Result<std::vector<StoredBlock>> remove_above(std::uint64_t seq, std::span<const PartyHead> heads,
                                                      const CallBounds& bounds) override {
    gates_->pass(Gates::Writes);
    return backend_->remove_above(seq, heads, bounds);
  }
  base::Result<void> fence(const Fence& fence, const CallBounds& bounds) override {
    gates_->pass(Gates::Writes);
    return backend_->fence(fence, bounds);
  }
  base::Result<void> compact(const CallBounds& bounds) override {
    gates_->pass(Gates::Writes);
    return backend_->compact(bounds);
  }
  base::Result<StoredBlock> get(std::uint64_t seq, const CallBounds& bounds) override {
    gates_->pass(Gates::Reads);
    return backend_->get(seq, bounds);
  }
  base::Result<StoredBlock> find(const PartyKey& party, std::uint64_t party_seq, const CallBounds& bounds) override {
    gates_->pass(Gates::Reads);
    return backend_->find(party, party_seq, bounds);
  }
  base::Result<StoredBlock> find(const Digest& hash, const CallBounds& bounds) override {
    gates_->pass(Gates::Reads);
    return backend_->find(hash, bounds);
  }
  base::Result<ReadPage> read(const ReadRequest& request, const CallBounds& bounds) override {
    gates_->pass(Gates::Reads);
    return backend_->read(request, bounds);
  }
  base::Result<std::vector<FoundRecord>> notable(const NotableRequest& request, const CallBounds& bounds) override {
    gates_->pass(Gates::Reads);
    return backend_->notable(request, bounds);
  }
  base::Result<std::vector<std::vector<SeqRange>>> present_of(std::span<const PartyKey> parties,
                                                              const CallBounds& bounds) override {
    gates_->pass(Gates::Reads);
    return backend_->present_of(parties, bounds);
  }

 private:
  std::unique_ptr<Backend> backend_;
  // shared because calls that were left behind pass the gates after the test has gone on
  std::shared_ptr<Gates> gates_;
  BackendTraits traits_;
};

}  // namespace sluice::journal
