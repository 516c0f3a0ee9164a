#include "app/run_sink.hpp"

#include <utility>

namespace sluice::app {

base::Result<void> RunSink::append(const model::Block& block) {
  base::Result<void> logged = log_ == nullptr ? base::Result<void>() : log_->append(block);
  const auto* records = logged ? nullptr : std::get_if<model::OperationRecords>(&block);
  bool first_failure = false;
  {
    std::lock_guard lock(mutex_);
    if (records == nullptr) {
      report::fold(summary_, block);
    } else {
      summary_.op_log.lost += records->records + records->lost;
    }
    live_.add(block);
    perf_rows_ += perf_log_.add(block);
    first_failure = !logged && !std::exchange(failed_, true);
  }
  if (first_failure && on_failure_) on_failure_(logged.error());
  return logged;
}

async::Task<> RunSink::sync(async::Deadline deadline) {
  if (log_ == nullptr) co_return base::Result<void>();
  co_return co_await log_->sync(deadline);
}

bool RunSink::has_room_for_records() const { return log_ == nullptr || log_->has_room_for_records(); }

void RunSink::put(model::Block block) { static_cast<void>(append(block)); }

void RunSink::keep_of_op_log(std::uint64_t records, std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  model::OpLogSummary& op_log = summary_.op_log;
  if (op_log.records > records) op_log.lost += op_log.records - records;
  op_log.records = records;
  op_log.bytes = bytes;
}

void RunSink::fill(report::LiveFrame& frame) const {
  std::lock_guard lock(mutex_);
  live_.fill(frame);
}

std::string RunSink::take_perf_rows() {
  std::lock_guard lock(mutex_);
  return std::exchange(perf_rows_, {});
}

}  // namespace sluice::app
