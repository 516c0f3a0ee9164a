#pragma once

#include <cstdint>
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
/// and `sluice results repair` brings it up to date. A database that is away when the run begins is asked again with
/// growing pauses; when it comes, it gets all of the run. Owns one task until then, and the indexer's afterwards. Made
/// and ended on a thread that is no loop.
class RunIndex {
 public:
  /// `uri`: sqlite:PATH, or postgres://...; empty is journal.db in the directory. outlives: `runtime`. Errors: of the
  /// database, which is asked for at most kOpenMax; not those that may pass: see away().
  static base::Result<std::unique_ptr<RunIndex>> start(async::Runtime& runtime, const std::string& results_dir,
                                                       const std::string& run_id, const std::string& uri);
  ~RunIndex();
  RunIndex(const RunIndex&) = delete;
  RunIndex& operator=(const RunIndex&) = delete;

  /// Why the database could not be opened at once, where it is asked again.
  const std::optional<base::Error>& away() const { return away_; }

  /// Calls of the database that outlived their deadline.
  std::uint64_t abandoned_calls() const;

  /// The log is complete, with so many blocks: brings the rest in, for at most `wait`. What is missing then, and why,
  /// for a person; nothing where all is there.
  std::optional<base::Error> finish(base::Nanos wait, std::uint64_t blocks);

  static constexpr base::Nanos kOpenMax{5'000'000'000};

 private:
  struct Opening;
  /// A journal, and who fills it.
  struct Filled {
    std::unique_ptr<journal::Journal> journal;
    std::unique_ptr<journal::Indexer> indexer;  ///< ends before it
  };
  // shared because the task may outlive a finish() that gave up on it
  using OpeningPtr = std::shared_ptr<Opening>;

  explicit RunIndex(OpeningPtr opening);
  static async::Task<Filled> open_once(OpeningPtr opening);
  static async::Task<Filled> open_when_it_comes(OpeningPtr opening, base::Error trouble);
  void end_opening(async::Deadline deadline);
  base::Error lacking(std::uint64_t there, std::uint64_t blocks, const std::optional<base::Error>& trouble) const;

  const OpeningPtr opening_;
  std::optional<base::Error> away_;
  std::optional<async::JoinHandle<Filled>> task_;  ///< while the database is asked again
  Filled filled_;                                  ///< nothing while it is away
};

}  // namespace sluice::app
