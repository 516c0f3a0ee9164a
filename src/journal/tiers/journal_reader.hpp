#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/deadline.hpp"
#include "async/task.hpp"
#include "journal/tiers/backend.hpp"
#include "journal/tiers/block_follower.hpp"
#include "journal/tiers/block_stream.hpp"
#include "journal/tiers/journal_core.hpp"

namespace sluice::journal {

/// How many blocks of a party the log has: party_seqs 0 to blocks - 1.
struct PartyExtent {
  PartyKey party;
  std::uint64_t blocks = 0;
};
/// Where log and journal differ, for one party.
struct PartyLag {
  PartyKey party;
  std::vector<SeqRange> missing;  ///< in the log, not in the journal
  std::vector<SeqRange> extra;    ///< in the journal, not in the log
};

/// A page of blocks; the next one begins after `next`, where there is one.
struct BlockPage {
  std::vector<BlockPtr> blocks;
  std::optional<std::uint64_t> next;
};

/// Reads of a journal, and nothing else. A cheap handle: copies see the same journal, and may outlive it. Any task.
///
/// Every call ends by the earlier of its deadline and JournalConfig::read_timeout with DeadlineExceeded, when its task
/// is cancelled with Cancelled, and after the journal's shutdown with Terminated. Corrupt names the block. An answer is
/// whole or an error. What was appended is seen from the completion of its append on.
class JournalReader {
 public:
  /// A journal that this process does not write.
  /// outlives: `threads`.
  static async::Task<JournalReader> open(JournalThreads& threads, std::unique_ptr<Backend> backend,
                                         JournalConfig config, async::Deadline deadline);

  explicit JournalReader(JournalCore::Ptr core) : core_(std::move(core)) {}

  /// Errors: also NotFound.
  async::Task<BlockPtr> get(std::uint64_t seq, async::Deadline deadline) const;
  async::Task<BlockPtr> get(const PartyKey& party, std::uint64_t party_seq, async::Deadline deadline) const;
  async::Task<BlockPtr> get(Digest hash, async::Deadline deadline) const;
  /// The blocks from `first` to `last`, both included. Errors: also InvalidArgument (last before first), NotFound (not
  /// all are there), ResourceExhausted (query_bytes_max).
  async::Task<std::vector<BlockPtr>> range(std::uint64_t first, std::uint64_t last, async::Deadline deadline) const;
  /// Null in an empty journal.
  async::Task<BlockPtr> latest(async::Deadline deadline) const;
  /// Errors: also NotFound.
  async::Task<BlockPtr> latest_of(PartyKey party, async::Deadline deadline) const;

  /// The highest number as far as this process knows; the heads of all parties; up to when a run is complete.
  std::uint64_t head() const;
  std::vector<PartyHead> parties() const;
  std::optional<std::int64_t> watermark(const std::string& run) const;

  /// All that match, by seq. Errors: also InvalidArgument (the filter), ResourceExhausted (more than `blocks_max`).
  async::Task<std::vector<BlockPtr>> query(Filter filter, std::size_t blocks_max, async::Deadline deadline) const;
  /// At most `blocks_max` of them, after block `after`.
  async::Task<BlockPage> page(Filter filter, std::uint64_t after, std::size_t blocks_max,
                              async::Deadline deadline) const;
  /// The slowest and the failed operations that match, without reading a record: by time, or the slowest first. All of
  /// them, or ResourceExhausted where there are more than `records_max`, but for slowest_first, which gives so many.
  async::Task<std::vector<FoundRecord>> notable(Filter filter, std::size_t records_max, bool slowest_first,
                                                async::Deadline deadline) const;

  /// Blocks that match, from `after` to what is there now, or to `to`. `client` has a share of the stream slots.
  /// Errors: also ResourceExhausted (its share), InvalidArgument (`to` before `after`).
  async::Task<BlockStream> stream(Filter filter, std::uint64_t after, std::optional<std::uint64_t> to,
                                  std::string client, async::Deadline deadline) const;
  /// Blocks that match, from `after` on, as they come.
  base::Result<BlockFollower> follow(Filter filter, std::uint64_t after) const;

  /// Where the journal differs from the log, which has these parties and no others of their runs.
  async::Task<std::vector<PartyLag>> lag(std::vector<PartyExtent> log, async::Deadline deadline) const;
  /// Asks the backend where it is, where others write.
  async::Task<> refresh(async::Deadline deadline) const;

  JournalStats stats() const;

 private:
  JournalCore::Ptr core_;
};

}  // namespace sluice::journal
