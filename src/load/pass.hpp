#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "load/collector.hpp"
#include "load/operation_sink.hpp"
#include "load/stage_control.hpp"
#include "load/worker.hpp"

namespace sluice::load {

/// One run of a set of workers, each over its own source: an execute stage is one pass, a prepare several.
struct PassSpec {
  // shared because an abandoned worker keeps its pass alive
  std::shared_ptr<PassShared> shared;
  storage::WorkerKind kind = storage::WorkerKind::Sync;
  std::uint32_t workers = 1;    ///< threads
  std::uint32_t in_flight = 1;  ///< of all workers together; for Sync == workers
  std::vector<int> cpus;        ///< workers are pinned to these in turn; empty = not pinned
  std::function<std::unique_ptr<OpSource>(std::uint32_t worker, std::uint32_t workers)> make_source;
  std::function<void()> on_tick;  ///< about every 50 ms on the calling thread
  bool is_part = false;           ///< one of several passes of a stage, which is measured as a whole
  base::Nanos warmup{0};
  std::optional<base::Nanos> duration;  ///< of the measured window; absent: until the sources end
  base::Nanos drain_timeout{30'000'000'000};
  OperationSink* operations = nullptr;  ///< of an op-log; outlives: the app's
  std::uint32_t stage = 0;              ///< of these operations
};

/// What came of a pass.
struct PassOutcome {
  base::Nanos window{0};  ///< measured: from the warm-up's end to the end of the window, or of the work
  bool stopped = false;   ///< by request, before its end
  bool budget_spent = false;
  std::uint32_t abandoned = 0;                         ///< operations that had not returned when waiting for them ended
  std::int64_t max_hold_ns = 0, max_preempted_ns = 0;  ///< of loop workers
  model::Histogram holds;
  base::Nanos held_by_op_log{0};  ///< of the worker that waited most for it
};

/// What a worker of this pass is called for, where the spec of a stage leaves it open: threads and slots for a kind.
struct Crew {
  std::uint32_t workers = 1;
  std::uint32_t in_flight = 1;
  std::string limit;  ///< said in the results when fewer are in flight than asked for; else empty
};
/// Sync: a thread an operation, at most kSyncWorkersMax; loops: `loop_workers` threads share the slots.
Crew crew_for(storage::WorkerKind kind, std::uint32_t concurrency, std::uint32_t loop_workers);
inline constexpr std::uint32_t kSyncWorkersMax = 1024;

/// Runs the pass to its end on the calling thread, which may block: collects, emits an interval a second, obeys
/// `control`. After the end of the window what is in flight is awaited for drain_timeout, then abandoned and counted;
/// so it is in a pass without a window once nothing moves any more. Operations in flight longer than operation_timeout
/// are counted as failed, once, while the others go on. Errors: a store or a thread that cannot be had (nothing was
/// started then), writes that could not be made durable.
base::Result<PassOutcome> run_pass(PassSpec spec, Collector& collector, StageControl& control);

}  // namespace sluice::load
