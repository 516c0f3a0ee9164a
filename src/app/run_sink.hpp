#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "journal/block_log.hpp"
#include "load/block_sink.hpp"
#include "report/fold.hpp"
#include "report/live_fold.hpp"
#include "report/perf_log.hpp"

namespace sluice::app {

/// Where every block of a run goes: first to the log, then to the folds that display and files are made from.
/// Thread-safe.
class RunSink final : public journal::BlockLog, public load::BlockSink {
 public:
  /// `log` may be null: a run that keeps no results (cleanup). `on_failure` hears of the first block that was not
  /// taken.
  RunSink(journal::BlockLog* log, base::Nanos perf_interval, std::function<void(const base::Error&)> on_failure)
      : log_(log), on_failure_(std::move(on_failure)), perf_log_("local", perf_interval) {}

  /// From now on blocks go to this log too; before the first block.
  void log_to(journal::BlockLog& log) { log_ = &log; }

  base::Result<void> append(const model::Block& block) override;
  bool has_room_for_records() const override;
  async::Task<> sync(async::Deadline deadline) override;
  void put(model::Block block) override;

  /// The log is not whole: of the op-log this is what it has.
  void keep_of_op_log(std::uint64_t records, std::uint64_t bytes);
  /// Fills in what was measured.
  void fill(report::LiveFrame& frame) const;
  /// The rows of the time series since the last call.
  std::string take_perf_rows();
  /// Calls `use` with the summary so far.
  template <class Use>
  auto with_summary(Use use) const {
    std::lock_guard lock(mutex_);
    return use(summary_);
  }

 private:
  journal::BlockLog* log_;  // outlives: the session owns both
  const std::function<void(const base::Error&)> on_failure_;
  mutable std::mutex mutex_;
  model::Summary summary_;
  report::LiveFold live_;
  report::PerfLog perf_log_;
  std::string perf_rows_;
  bool failed_ = false;
};

}  // namespace sluice::app
