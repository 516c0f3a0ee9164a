#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/executor.hpp"
#include "async/runtime.hpp"
#include "journal/tiers/journal.hpp"

namespace sluice::journal {

/// What indexing has done so far.
struct IndexingReport {
  std::uint64_t blocks = 0;            ///< read from the log
  std::uint64_t there = 0;             ///< of them: in the journal
  std::uint64_t stored = 0;            ///< of those: new to it
  bool is_complete = false;            ///< everything that the log had at its end is in the journal
  std::optional<base::Error> trouble;  ///< the last failure, until something has succeeded after it
  std::vector<PartyExtent> log;        ///< how far it has read
  std::vector<std::string> flaws;      ///< what in the log could not be read
};

/// Brings the blocks of a results directory's log into a journal: from the beginning, what is there already is
/// recognised, and then as the log grows. At the end it sets the marks that discards.tsv has (discards.hpp). The log is
/// its only buffer: where the database is slow or away the journal lags, nothing else does, and it tries again with
/// growing pauses. Owns one task; ends with finish().
class Indexer {
 public:
  /// outlives: `runtime`, `journal`.
  static base::Result<std::unique_ptr<Indexer>> start(async::Runtime& runtime, Journal& journal,
                                                      std::string results_dir, std::string run);
  ~Indexer();
  Indexer(const Indexer&) = delete;
  Indexer& operator=(const Indexer&) = delete;

  /// The log grows no more: waits until all of it is in the journal, at most until the deadline. Not on a loop thread.
  IndexingReport finish(async::Deadline deadline);
  IndexingReport report() const;

  /// Between two tries, at most: so soon a database that is back gets what it lacks.
  static constexpr base::Nanos kPauseMax{5'000'000'000};

 private:
  struct State;
  // shared because the task may outlive a finish() that gave up on it
  explicit Indexer(std::shared_ptr<State> state) : state_(std::move(state)) {}

  // shared because the task may outlive a finish() that gave up on it
  std::shared_ptr<State> state_;
  std::optional<async::JoinHandle<void>> task_;
};

}  // namespace sluice::journal
