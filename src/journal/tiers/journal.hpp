#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "journal/tiers/completion.hpp"
#include "journal/tiers/journal_reader.hpp"
#include "journal/tiers/journal_writer.hpp"

namespace sluice::journal {

/// What was left when a journal was shut down.
struct ShutdownReport {
  std::vector<std::string> not_written;  ///< appends that had not begun: whose blocks, and which
};

/// The journal: blocks of runs, numbered, never changed, in a backend that can be asked. One writer, many readers, who
/// do not starve each other: a reader has one of JournalConfig::reads_max permits for the time of one bounded call; a
/// change that must not be seen by halves takes all of them, in its turn, and gives up at its deadline. No other wait
/// holds anything.
///
/// Owns the backend and one task. Any task calls. Ends with shutdown(); the destructor does the same, and so is not for
/// loop threads. What append() to compact() return may begin, or go on, when the journal is gone: Terminated.
class Journal {
 public:
  /// Asks the backend where it is. outlives: `threads`. Errors: the backend's.
  static async::Task<std::unique_ptr<Journal>> open(JournalThreads& threads, std::unique_ptr<Backend> backend,
                                                    JournalConfig config, async::Deadline deadline);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  JournalReader reader() const { return JournalReader(core_); }

  /// Waits for room, and until the blocks are durable and visible, all of them or none. Their seq is given here, their
  /// hash is filled in, and `previous` where it is left out. Numbers that the party has used are not stored again.
  /// Errors: DeadlineExceeded and Cancelled (they may still become durable: append them again), Terminated (shut down,
  /// or their attempt was discarded), InvalidArgument (they contradict what is there; more than commit_blocks_max), and
  /// the backend's.
  async::Task<Receipt> append(std::vector<StoredBlock> blocks, async::Deadline deadline);
  /// Hands them over and goes on. Errors: ResourceExhausted (the queue is full: try again), Terminated.
  base::Result<Completion> try_append(std::vector<StoredBlock> blocks);

  /// Marks an attempt of a stage as no result: its blocks are left out of answers, late ones are refused, followers are
  /// told. The rest is left alone.
  async::Task<> discard(std::string run, std::uint32_t stage, std::uint32_t attempt, async::Deadline deadline);
  /// Takes out everything above `seq`; drain_above returns it.
  async::Task<> truncate_above(std::uint64_t seq, async::Deadline deadline);
  async::Task<std::vector<BlockPtr>> drain_above(std::uint64_t seq, async::Deadline deadline);
  /// Gives space back to the file system.
  async::Task<> compact(async::Deadline deadline);

  /// Refuses newcomers at once, ends streams and followers, refuses changes that have not begun, waits for what is
  /// going on: at most until the later of read and write timeout and a second. Errors: DeadlineExceeded: calls of the
  /// backend are left to the pool. The second call returns an empty report.
  async::Task<ShutdownReport> shutdown();

  JournalStats stats() const;

 private:
  explicit Journal(JournalCore::Ptr core);
  async::Task<Receipt> change(Change change, async::Deadline deadline);

  JournalCore::Ptr core_;
  JournalWriter writer_;
  bool is_shut_down_ = false;
};

}  // namespace sluice::journal
