#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "load/collector.hpp"
#include "load/pass.hpp"
#include "load/range_work.hpp"
#include "load/run_context.hpp"
#include "load/stage_control.hpp"

namespace sluice::load {

/// How a stage ended, as the stage machine is told.
struct StageResult {
  model::RunStatus status = model::RunStatus::Completed;  ///< Completed, Failed or Interrupted
  std::optional<base::Error> error;
  std::int64_t window_ns = 0;
  std::string note;
  std::string output;
  bool touched = true;  ///< false: it ended before it changed anything at the target
};

/// Says that a stage has begun to work, and with which workers; at most once.
using ReadyCall = std::function<void(std::vector<model::WorkerInfo>)>;

/// What a stage's code works with: one per stage, on its thread. Each kind of stage is a function that takes it.
class StageJob {
 public:
  /// Objects are written piece by piece; larger pieces are no faster.
  static constexpr std::uint64_t kPieceMax = std::uint64_t{1} << 20;

  // shared because an abandoned operation may still touch the context
  StageJob(std::shared_ptr<RunContext> context, const model::Stage& stage, std::uint32_t index, StageControl& control,
           ReadyCall ready);

  RunContext& context() { return *context_; }
  // shared because a call that was given up may still touch the context
  const std::shared_ptr<RunContext>& shared_context() const { return context_; }
  const model::Stage& stage() const { return stage_; }
  std::uint32_t index() const { return index_; }
  StageControl& control() { return control_; }
  Collector& collector() { return collector_; }

  /// Shows what is being done, with a fresh count of `total` (Progress::kUnknown where it is not known).
  void begin_activity(std::string what, std::string unit, std::uint64_t total);

  /// What a pass over ranges is to do.
  struct RangePass {
    std::string what, unit;  ///< "creating directories", "directories"
    std::vector<Lane> lanes;
    bool counts_errors = false;                     ///< charge failures to the run's error budget
    std::function<void(const RangeWork&)> on_tick;  ///< about every 50 ms, on the stage's thread
  };
  struct RangeOutcome {
    // shared because an abandoned worker may still report to it
    std::shared_ptr<RangeWork> work;
    PassOutcome pass;
  };
  /// Runs the pass with workers suited to it. Errors: as run_pass; DeadlineExceeded where operations never returned.
  base::Result<RangeOutcome> run_ranges(RangePass pass);

  /// Runs a pass whose shared part is filled in but for what every pass has in common; notes its stalls and what it
  /// abandoned. Tells `ready` of the crew the first time.
  base::Result<PassOutcome> run(PassSpec spec, const std::string& why);
  /// `stores`: the numbers of those that the pass uses; no other is opened.
  // shared because an abandoned worker keeps its pass alive
  std::shared_ptr<PassShared> make_shared(std::uint32_t workers, const std::set<std::uint32_t>& stores);

  /// Tells that the stage works, where no pass has told it.
  void tell_ready(std::vector<model::WorkerInfo> workers = {});
  /// The stage's last call: hands over what is left.
  void finish() { collector_.finish(base::now()); }

  /// A result for a stage that ended because it was told to.
  StageResult interrupted(std::int64_t window_ns = 0) const;
  static StageResult failed(base::Error error, std::int64_t window_ns = 0);
  /// What to say of operations that never returned.
  base::Error given_up(std::uint32_t operations) const;

 private:
  // shared because an abandoned operation may still touch the context
  const std::shared_ptr<RunContext> context_;
  const model::Stage& stage_;  // outlives: the context's plan
  const std::uint32_t index_;
  StageControl& control_;  // outlives: the host waits for the stage's thread
  ReadyCall ready_;
  StageClock clock_;
  Collector collector_;
};

/// How many threads share the operations of a stage whose workers have loops.
std::uint32_t loop_workers_of(const model::RunPlan& plan);

/// The kinds of stage. Each blocks its thread until the stage has ended.
StageResult run_prepare(StageJob& job);
StageResult run_execute(StageJob& job);
StageResult run_cleanup(StageJob& job);
StageResult run_custom(StageJob& job);
StageResult run_validation(StageJob& job);

}  // namespace sluice::load
