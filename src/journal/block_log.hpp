#pragma once

#include "async/deadline.hpp"
#include "async/task.hpp"
#include "model/block.hpp"

namespace sluice::journal {

/// Where blocks of a run go. What writes blocks needs no more than this; RunLog is the one that keeps them.
class BlockLog {
 public:
  virtual ~BlockLog() = default;

  /// Hands a block over; any thread, never waits for the disk. Errors: ResourceExhausted where too much is buffered
  /// already, and the first failed write of this log, from then on for ever.
  virtual base::Result<void> append(const model::Block& block) = 0;

  /// May operation records be appended now? Not while they would keep a run's other blocks out of the buffer: ask again
  /// later. Any thread.
  virtual bool has_room_for_records() const { return true; }

  /// Waits until every block appended before is durable. Errors: DeadlineExceeded (it may still become durable),
  /// Cancelled, or the first failed write.
  virtual async::Task<> sync(async::Deadline deadline) = 0;
};

}  // namespace sluice::journal
