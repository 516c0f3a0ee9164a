#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "model/op_record.hpp"

namespace sluice::load {

/// Where the load hands over its operations one by one, where the plan has an op-log; the app wires it to the run's
/// log. One thread at a time, which is no loop's: the calls may wait some seconds for a disk that is behind.
class OperationSink {
 public:
  virtual ~OperationSink() = default;
  /// Of this stage from now on; an operation's `endpoint` is an index in `base_uris`.
  virtual void begin(std::uint32_t stage, std::vector<std::string> base_uris) = 0;
  /// In any order. An operation is handed over once.
  virtual void take(std::span<const model::TakenRecord> records, base::Instant now) = 0;
  /// Time goes by; a few times a second.
  virtual void tick(base::Instant now) = 0;
  /// The names of targets that came so far need not live longer than this call.
  virtual void end() = 0;
  /// From now until the next begin() no call waits for a disk beyond `until`. Any thread.
  virtual void hurry(base::Instant until) = 0;
};

}  // namespace sluice::load
