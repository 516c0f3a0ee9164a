#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "base/time.hpp"
#include "model/names_recipe.hpp"
#include "model/op_stats.hpp"
#include "model/run_plan.hpp"

namespace sluice::model {

/// The blocks of a run's log, in the order in which they are written. The log is the truth: summary, tables and time
/// series are folds over it. Times named `_ns` without more are nanoseconds since the run began.

enum class RunStatus : std::uint8_t { Running, Completed, Failed, Interrupted, Partial, ThresholdMissed };
/// "running", "completed", "failed", "interrupted", "partial", "threshold_missed".
std::string_view name_of(RunStatus status);

/// The machine that a party ran on.
struct HostFacts {
  std::string hostname, kernel, cpu_model;
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
};

/// First block of a log.
struct RunStarted {
  std::string run_id, plan_name, target, version;
  base::WallTime at;
  std::uint64_t seed = 0;
  HostFacts host;
  bool keeps_operations = false;  ///< the run has an op-log: OperationRecords come
};

/// What drives operations in a stage: for "which worker was taken, and why".
struct WorkerInfo {
  std::string kind;             ///< "ring", "sync", "socket"
  std::uint32_t threads = 0;    ///< how many of this kind
  std::uint32_t in_flight = 0;  ///< slots of all of them together
  std::string why;              ///< the probe's finding, one line
};

/// A stage has begun. Written once more when its workers are known: the later one replaces the earlier.
struct StageStarted {
  std::uint32_t stage = 0;  ///< from 0, in order of execution
  std::string name;
  StageType type = StageType::Execute;
  std::int64_t at_ns = 0;
  std::vector<WorkerInfo> workers;
};

/// A slow operation, for the list of the ten slowest.
struct SlowOp {
  OpKind kind = OpKind::Get;
  std::int64_t service_ns = 0;
  std::int64_t at_ns = 0;  ///< its end
  std::uint64_t bytes = 0;
  std::string key;
};

/// An example of a failed operation.
struct ErrorSample {
  OpKind op = OpKind::Get;
  ErrorKind kind = ErrorKind::Other;
  std::int64_t at_ns = 0;
  std::string key;
  std::string detail;  ///< "ENOENT (2): No such file or directory"
};

enum class Phase : std::uint8_t { Warmup, Measured, Drain };
std::string_view name_of(Phase phase);

/// What one party measured in one window (usually a second). Several intervals may cover the same window: they add up.
struct Interval {
  std::uint32_t stage = 0;
  std::uint64_t party_seq = 0;  ///< contiguous per party, from 0
  Phase phase = Phase::Measured;
  std::int64_t from_ns = 0, to_ns = 0;  ///< since the stage's start
  OpStatsSet ops;
  std::vector<SlowOp> slowest;       ///< at most 10, only those slow enough to matter for the stage's list
  std::vector<ErrorSample> samples;  ///< at most a few per kind
  std::uint64_t done = 0;            ///< progress of the stage at its end, in `unit`
  std::optional<std::uint64_t> total;
  double cpu_user_s = 0, cpu_system_s = 0;  ///< of this process, in this window
  double iowait_share = 0;                  ///< of the host, 0..1
  std::int64_t max_stall_ns = 0;
};

/// What a number stands for that is the `dataset` of operation records (op_record.hpp): written once, before the first
/// of them.
struct TargetNames {
  std::uint32_t number = 0;  ///< contiguous per party, from 0
  std::string base_uri;      ///< what the names are relative to; ends in '/', or is the one object itself
  NamesRecipe recipe;
};

/// A failed operation or one of the slowest, so that those are found without reading records.
struct NotableOp {
  std::uint32_t index = 0;  ///< of its record in the chunk
  OpKind kind = OpKind::Get;
  std::optional<ErrorKind> error;
  std::int64_t end_ns = 0;
  std::int64_t latency_ns = 0;
  std::uint64_t bytes = 0;
  std::string key;
  std::string detail;
  bool operator==(const NotableOp&) const = default;
};

/// Operations of a stage, one by one: the op-log.
struct OperationRecords {
  std::uint32_t stage = 0;
  std::uint64_t records = 0;           ///< in the chunk
  std::uint64_t lost = 0;              ///< operations before these that could not be kept
  std::uint64_t notable_left_out = 0;  ///< failures that `notable` has no room for
  std::vector<std::byte> chunk;        ///< as journal/records packs them
  std::vector<NotableOp> notable;      ///< ascending by index
};

/// A stage has ended; all its intervals stand before this block.
struct StageEnded {
  std::uint32_t stage = 0;
  RunStatus status = RunStatus::Completed;
  std::int64_t at_ns = 0;
  std::int64_t window_ns = 0;  ///< the measured window: what rates are divided by
  std::optional<base::Error> error;
  std::string note;    ///< "reused: 3,200 objects were there already", ...
  std::string output;  ///< Custom: the last 64 KiB of what the command printed
};

/// A warning or a remark that belongs into the results.
struct Note {
  std::int64_t at_ns = 0;
  std::string text;
};

/// A threshold of the plan, and what was measured.
struct ThresholdVerdict {
  std::string text;
  bool met = false;
  double measured = 0;
  std::string measured_text;  ///< "18.2 ms"
};

/// The cost of measuring, and what limited the run.
struct ClientCost {
  double cpu_user_s = 0, cpu_system_s = 0;
  std::uint64_t max_rss_bytes = 0;
  std::int64_t max_stall_ns = 0, max_preempted_ns = 0, hold_p999_ns = 0;
  std::optional<double> page_cache_share;  ///< of the bytes delivered by reads
  std::uint64_t abandoned_calls = 0;
  std::int64_t permit_wait_ns = 0;
  std::uint64_t queue_high_water = 0;
  std::string limited_by;  ///< "storage", "client CPU", "rate", "error budget"
};

/// Last block of a log.
struct RunEnded {
  RunStatus status = RunStatus::Completed;
  base::WallTime at;
  std::int64_t at_ns = 0;
  ClientCost client;
  std::vector<ThresholdVerdict> thresholds;
  std::optional<base::Error> error;
};

using Block =
    std::variant<RunStarted, StageStarted, Interval, StageEnded, Note, RunEnded, OperationRecords, TargetNames>;

}  // namespace sluice::model
