#pragma once

#include <string>
#include <utility>
#include <vector>

#include "journal/op_log_writer.hpp"
#include "load/operation_sink.hpp"

namespace sluice::app {

/// The way of a run's operations into its log.
class OpLogSink final : public load::OperationSink {
 public:
  /// outlives: `log`.
  explicit OpLogSink(journal::BlockLog& log) : writer_(log) {}

  void begin(std::uint32_t stage, std::vector<std::string> base_uris) override {
    writer_.begin(stage, std::move(base_uris));
  }
  void take(std::span<const model::TakenRecord> records, base::Instant now) override { writer_.take(records, now); }
  void tick(base::Instant now) override { writer_.tick(now); }
  void end() override { writer_.end(); }
  void hurry(base::Instant until) override { writer_.hurry(until); }

 private:
  journal::OpLogWriter writer_;
};

}  // namespace sluice::app
