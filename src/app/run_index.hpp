#pragma once

#include <memory>
#include <optional>
#include <string>

#include "async/runtime.hpp"
#include "journal/indexer.hpp"
#include "journal/tiers/journal.hpp"
#include "journal/tiers/journal_threads.hpp"

namespace sluice::app {

/// The journal of one run, as it is filled while the run goes on: `journal.db` in its results directory, or a database
/// that others share. It is made from the log, so that whatever happens to it costs the run nothing: the journal lags,
/// and `sluice results repair` brings it up to date. Made and ended on a thread that is no loop.
class RunIndex {
 public:
  /// `uri`: sqlite:PATH; empty is journal.db in the directory. outlives: `runtime`. Errors: of the database, which is
  /// asked for at most kOpenMax.
  static base::Result<std::unique_ptr<RunIndex>> start(async::Runtime& runtime, const std::string& results_dir,
                                                       const std::string& run_id, const std::string& uri);
  ~RunIndex();
  RunIndex(const RunIndex&) = delete;
  RunIndex& operator=(const RunIndex&) = delete;

  /// The log is complete: brings the rest in, for at most `wait`. What is missing then, and why, for a person; nothing
  /// where all is there.
  std::optional<base::Error> finish(base::Nanos wait);

  journal::JournalStats stats() const { return journal_->stats(); }

  static constexpr base::Nanos kOpenMax{5'000'000'000};

 private:
  RunIndex(async::Runtime& runtime, std::string results_dir);

  async::Runtime& runtime_;  // outlives: the session's
  const std::string results_dir_;
  journal::JournalThreads threads_;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<journal::Indexer> indexer_;
};

}  // namespace sluice::app
