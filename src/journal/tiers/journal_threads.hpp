#pragma once

#include "async/blocking_pool.hpp"
#include "async/executor.hpp"
#include "journal/tiers/journal_config.hpp"

namespace sluice::journal {

/// The threads that a journal's tasks and the calls of its backend run on. The calls have pools of their own, one for
/// readers and one for the writer: a database that hangs takes no thread from the log, and stuck reads take none from
/// the writer. Made before the journal and taken down after it, not on a loop thread.
class JournalThreads {
 public:
  /// outlives: `executor`.
  JournalThreads(async::Executor& executor, const JournalConfig& config)
      : executor_(executor),
        reading_({.threads_max = static_cast<std::uint32_t>(config.reads_max),
                  .abandoned_max = config.abandoned_reads_max,
                  .name = "journal read"}),
        writing_({.threads_max = 1, .abandoned_max = config.abandoned_writes_max, .name = "journal write"}) {}

  async::Executor& executor() { return executor_; }
  async::BlockingPool& reading() { return reading_; }
  async::BlockingPool& writing() { return writing_; }

 private:
  async::Executor& executor_;  // outlives: the owner's executor
  async::BlockingPool reading_, writing_;
};

}  // namespace sluice::journal
