#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "async/runtime.hpp"
#include "load/run_context.hpp"
#include "load/stage_job.hpp"

namespace sluice::load {

/// Runs the stages of a plan, one at a time, each as one call on a blocking thread, which may wait for the storage. The
/// calls come from one thread at a time, return at once and never throw; the answers are the callbacks, from the
/// stage's thread.
class StageHost {
 public:
  struct Callbacks {
    std::function<void(std::uint32_t stage, std::vector<model::WorkerInfo> workers)> ready;
    /// Exactly once a stage, unless that is aborted: after abort() no callback is called.
    std::function<void(std::uint32_t stage, StageResult result)> ended;
  };

  /// outlives: `runtime`.
  // shared because abandoned operations may still touch the context
  StageHost(std::shared_ptr<RunContext> context, async::Runtime& runtime, Callbacks callbacks);
  /// Waits for the stage's end, unless it was aborted; not on a loop thread.
  ~StageHost();

  /// Starts the stage of this index. The one before must have answered.
  void start(std::uint32_t stage);
  /// Nothing more is started; what is in flight may finish until `drain_until`.
  void stop(base::Instant drain_until);
  /// Gives up what runs: the pool counts the call as abandoned, and the process is expected to end.
  void abort();

 private:
  struct Running;

  // shared because abandoned operations may still touch the context
  const std::shared_ptr<RunContext> context_;
  async::Runtime& runtime_;  // outlives: the session's
  const Callbacks callbacks_;
  // shared because the call of an aborted stage outlives this
  std::shared_ptr<Running> running_;
  std::optional<async::JoinHandle<void>> call_;  ///< until abort()
};

}  // namespace sluice::load
