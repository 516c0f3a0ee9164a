#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "async/stall_watch.hpp"
#include "load/block_sink.hpp"
#include "load/error_budget.hpp"
#include "load/made_names.hpp"
#include "load/operation_sink.hpp"
#include "load/prepared_set.hpp"
#include "load/targets.hpp"
#include "model/progress.hpp"
#include "model/run_plan.hpp"

namespace sluice::load {

/// What a stage is doing right now, for the display: which stage, which of its passes, how far.
class Activity {
 public:
  model::Progress progress;

  /// Says what is being done, and what `progress` counts. Any thread.
  void set(std::string what, std::string unit) {
    std::lock_guard lock(mutex_);
    what_ = std::move(what);
    unit_ = std::move(unit);
  }
  /// "creating directories" and "directories".
  std::pair<std::string, std::string> get() const {
    std::lock_guard lock(mutex_);
    return {what_, unit_};
  }

 private:
  mutable std::mutex mutex_;
  std::string what_, unit_;
};

/// What the stages of one run share on this host: the plan, the opened targets, the datasets, what was made so far. One
/// stage runs at a time; its thread owns the mutable parts, workers read the immutable ones. Kept alive by everything
/// that an abandoned operation may still touch.
struct RunContext {
  RunContext(model::RunPlan the_plan, std::string id, OpenBackend open, BlockSink& blocks)
      : plan(std::move(the_plan)),
        run_id(std::move(id)),
        targets(plan.target, std::move(open)),
        budget(plan.errors),
        sink(blocks) {}

  const model::RunPlan plan;
  const std::string run_id;
  /// Runs of the same plan whose puts a cleanup removes too: they were killed before their own.
  std::vector<std::string> earlier_runs;
  const std::string agent = "0";  ///< of this host, in the names of what it puts
  Targets targets;
  std::vector<std::unique_ptr<PreparedSet>> sets;
  MadeRegistry made;  ///< what this run has put, copied, renamed to, and the directories it made for that
  ErrorBudget budget;
  BlockSink& sink;                      // outlives: the app's
  OperationSink* operations = nullptr;  ///< where the plan has an op-log; outlives: the app's
  Activity activity;
  base::Instant started;        ///< of the run
  std::uint64_t party_seq = 0;  ///< of the next interval
  std::int64_t max_hold_ns = 0, max_preempted_ns = 0;
  model::Histogram holds;
  std::uint64_t abandoned = 0;
  /// Names what holds the loops of load workers; may be null. Here, because an abandoned worker is still registered.
  std::unique_ptr<async::StallWatch> stall_watch;

  /// Puts a remark into the run's results, at the present time.
  void note(std::string text) {
    sink.put(model::Note{.at_ns = (base::now() - started).count(), .text = std::move(text)});
  }
};

/// Opens the plan's target and datasets. Touches nothing. Errors: of the URIs and shapes, with the plan's words.
base::Result<void> open_targets(RunContext& context);

}  // namespace sluice::load
