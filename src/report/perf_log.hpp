#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/block.hpp"

namespace sluice::report {

/// perf_log.tsv: the time series, one row per second (or other interval) and stage of one agent.
///
/// Columns: agent_id, timestamp_epoch_ms (end of the row), elapsed_s (since the run began), stage; for get, put and
/// meta {ops, bytes, iops, mbps, mean_us, p50_us, p90_us, p99_us} of that second alone, where get also has the
/// operation read, put also write, and meta all others; cpu_user_pct, cpu_system_pct (of this process; 100 = one core),
/// cpu_iowait_pct (of the host), errors, is_warmup (0 or 1). mbps is MiB/s, as in the tools that plot such files; times
/// are service times; ops are successes.
///
/// A fold over the log's blocks in their order. An interval belongs to the second in which it ends. A row is complete
/// when an interval of a later second, or the end of its stage, has been seen; one that comes later still makes a
/// second row of that time: rows of the same second add up, nothing is lost. One thread; holds the open rows only.
class PerfLog {
 public:
  explicit PerfLog(const std::string& agent_id = "local", base::Nanos interval = base::Nanos{1'000'000'000});

  /// The header line.
  static std::string header();

  /// Takes the next block; returns the rows that it completes: zero or more whole lines.
  std::string add(const model::Block& block);
  std::string add(const model::Interval& interval);

  /// The rows still open, for the end of the log.
  std::string finish();

 private:
  enum Group : std::uint8_t { kGet, kPut, kMeta };
  static constexpr std::size_t kGroups = 3;

  struct GroupStats {
    std::uint64_t ops = 0, bytes = 0;
    model::Histogram service;
  };

  struct Row {
    bool warmup = false;
    std::int64_t from_ns = INT64_MAX, to_ns = 0;  ///< since the stage's start
    std::array<GroupStats, kGroups> groups;
    double cpu_user_s = 0, cpu_system_s = 0, iowait_share = 0;
    std::uint64_t errors = 0;
  };

  struct OpenStage {
    std::string name;
    std::int64_t at_ns = 0;
    /// Keyed by second, warm-up and load apart: a warm-up may end within a second.
    std::map<std::pair<std::int64_t, bool>, Row> rows;
  };

  std::string flush(OpenStage& stage, std::int64_t before_second);
  std::string text_of(const OpenStage& stage, const Row& row) const;

  std::string agent_id_;
  std::int64_t interval_ns_;
  base::WallTime run_at_;
  std::map<std::uint32_t, OpenStage> stages_;
};

/// The whole file from all blocks of a log.
std::string perf_log(std::span<const model::Block> blocks, const std::string& agent_id = "local",
                     base::Nanos interval = base::Nanos{1'000'000'000});

}  // namespace sluice::report
