#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "async/executor.hpp"
#include "journal/tiers/completion.hpp"
#include "journal/tiers/journal_core.hpp"

namespace sluice::journal {

/// A change of the journal.
struct AppendBlocks {
  std::vector<StoredBlock> blocks;  ///< their hashes are filled in; visible together or not at all
};
struct DiscardAttempt {
  std::string run;
  std::uint32_t stage = 0, attempt = 0;
};
/// Blocks with a higher number go.
struct RemoveAbove {
  std::uint64_t seq = 0;
};
struct Compact {};
using Change = std::variant<AppendBlocks, DiscardAttempt, RemoveAbove, Compact>;

/// The one task that changes a backend: takes changes in the order in which they came, puts appends that wait together
/// into one commit, and keeps readers out where they would see half of a change. Any thread hands over; stop() ends it.
class JournalWriter {
 public:
  explicit JournalWriter(JournalCore::Ptr core);
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  /// Errors: as Executor::try_spawn.
  base::Result<void> start();
  /// Waits for room in the queue. Errors: DeadlineExceeded, Cancelled, Terminated.
  async::Task<Completion> hand_over(Change change, async::Deadline deadline);
  /// Errors: ResourceExhausted (the queue is full: try again later), Terminated.
  base::Result<Completion> try_hand_over(Change change);
  std::size_t queued() const;

  /// Refuses what is new and what has not begun, ends a wait for readers, and waits for the change that is being made.
  /// Returns the appends that were refused, in words: "run 8f3a, party local, attempt 0: blocks 17 to 20".
  /// Errors: DeadlineExceeded: the change that is being made is left to the pool.
  async::Task<std::vector<std::string>> stop(async::Deadline deadline);

 private:
  struct State;
  // shared because the task may outlive a stop() that gave up on it
  std::shared_ptr<State> state_;
  std::optional<async::JoinHandle<void>> task_;
};

}  // namespace sluice::journal
