#pragma once

#include <memory>
#include <string>

#include "async/blocking_pool.hpp"
#include "base/error.hpp"
#include "load/run_context.hpp"
#include "load/stage_control.hpp"

namespace sluice::load {

/// Writes the markers of datasets on a thread of its own pool: a file system that does not answer then holds up neither
/// the collecting of what is measured nor a stop. One write at a time. Lives on the stage's thread for the time of the
/// stage; a write that never returns is left with all it touches, and counted as abandoned.
class MarkerWriter {
 public:
  // shared because a write that was given up still touches the context
  MarkerWriter(std::shared_ptr<RunContext> context, StageControl& control);

  /// Writes the marker and waits for that: for the plan's drain timeout, or where a stop is requested for its drain.
  /// Errors: of the storage; DeadlineExceeded.
  base::Result<void> write(const Place& base, std::string name, std::string text);
  /// The same without waiting. False where the write before has not ended: nothing is written then.
  bool begin(const Place& base, std::string name, std::string text);

 private:
  struct Write;
  base::Result<void> start(const Place& base, std::string name, std::string text);
  base::Result<void> wait();

  // shared because a write that was given up still touches the context
  const std::shared_ptr<RunContext> context_;
  StageControl& control_;  // outlives: the stage's
  // shared because a write that was given up still says that it has ended
  std::shared_ptr<Write> last_;
  bool is_given_up_ = false;
  async::BlockingPool pool_;
};

}  // namespace sluice::load
