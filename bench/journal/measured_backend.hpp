#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "async/schedstat.hpp"
#include "bare_sqlite.hpp"
#include "journal/tiers/tests/forwarding_backend.hpp"

namespace sluice::journal {

/// What a commit cost its thread: CPU of the thread, and the clock's time.
struct CommitCost {
  std::uint64_t blocks = 0, bytes = 0;
  std::int64_t cpu_ns = 0, wall_ns = 0;
  std::int64_t bare_cpu_ns = 0, bare_wall_ns = 0;  ///< of the bare loop for the same payloads; 0: it was not asked
};

/// What the writing side of a journal is watched by. Any thread.
class CommitCosts {
 public:
  /// From now on the bare loop inserts what each commit has, before or after it in turn. Null: no more.
  /// outlives: `bare`, until the next call.
  void compare_with(BareSqlite* bare);
  /// What was noted since the last time.
  std::vector<CommitCost> take();
  /// CPU time of the thread that writes, all that it did, the bare loop as well.
  std::int64_t thread_cpu_ns() const { return thread_.read().on_cpu_ns; }

 private:
  friend class MeasuredBackend;
  mutable std::mutex mutex_;
  std::vector<CommitCost> costs_;
  BareSqlite* bare_ = nullptr;
  async::SchedStat thread_;
};

/// Measures each append.
class MeasuredBackend final : public ForwardingBackend {
 public:
  /// outlives: `costs`.
  MeasuredBackend(std::unique_ptr<Backend> backend, CommitCosts& costs)
      : ForwardingBackend(std::move(backend)), costs_(costs) {}

  base::Result<void> append(const Commit& commit, const CallBounds& bounds) override;

 private:
  CommitCosts& costs_;  // outlives: whoever made the journal
  bool bare_is_first_ = false;
};

}  // namespace sluice::journal
