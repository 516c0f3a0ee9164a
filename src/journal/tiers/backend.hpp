#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "async/cancel.hpp"
#include "async/deadline.hpp"
#include "base/error.hpp"
#include "journal/tiers/filter.hpp"
#include "journal/tiers/stored_block.hpp"

namespace sluice::journal {

/// Numbers from `first` to `last`, both included.
struct SeqRange {
  std::uint64_t first = 0, last = 0;
  bool operator==(const SeqRange&) const = default;
};

/// Puts one more number, which is mostly the next one, to ranges in any order; and orders them when all are there.
void add_number(std::vector<SeqRange>& ranges, std::uint64_t number);
void put_in_order(std::vector<SeqRange>& ranges);

/// How far a party's blocks have come.
struct PartyHead {
  PartyKey key;
  std::uint64_t next_party_seq = 0;  ///< one past the highest that is there
  std::vector<SeqRange> missing;     ///< party_seqs below it that are not there, ascending
  Digest last_hash;                  ///< of block next_party_seq - 1
  std::uint64_t last_seq = 0;        ///< the highest seq of its blocks
  std::int64_t complete_to_ns = 0;   ///< end of the last window before the first hole
  std::int64_t to_ns = 0;            ///< end of its last window
  bool is_over = false;              ///< it has said that the run has ended
  bool operator==(const PartyHead&) const = default;
};

/// An attempt of a stage that was discarded: its blocks stay, and are left out of answers; late ones are refused.
struct Fence {
  std::string run;
  std::uint32_t stage = 0, attempt = 0;
  std::uint64_t at_seq = 0;  ///< the journal's head when it was set
  auto operator<=>(const Fence&) const = default;
};

/// What a journal has to know of its backend when it begins.
struct BackendState {
  std::uint64_t head = 0;  ///< the highest seq; 0: empty
  std::vector<PartyHead> parties;
  std::vector<Fence> fences;
};

/// Blocks that become visible together, or not at all.
struct Commit {
  std::vector<StoredBlock> blocks;  ///< with seqs head + 1, head + 2, ...
  std::vector<PartyHead> heads;     ///< as they are after it, of the parties that have blocks in it
};

/// A page of a read.
struct ReadRequest {
  Filter filter;
  std::uint64_t after = 0;  ///< blocks with a higher seq
  std::uint64_t to = UINT64_MAX;
  std::size_t blocks_max = 256;
  std::size_t bytes_max = std::size_t{16} << 20;  ///< of payloads; one block is always given
  bool newest_first = false;                      ///< downwards from `to`, to `after` (not included)
};
struct ReadPage {
  std::vector<StoredBlock> blocks;  ///< by seq, in the direction asked for
  bool is_last = true;              ///< nothing beyond these
};
/// A page of notable records: those of all blocks after (seq, index), by seq and index; or the slowest first.
struct NotableRequest {
  Filter filter;
  std::uint64_t after_seq = 0;
  std::int64_t after_index = -1;
  std::uint64_t to = UINT64_MAX;
  std::size_t records_max = 256;
  bool slowest_first = false;  ///< then only the first page can be had
};
struct FoundRecord {
  BlockHeader block;  ///< of the block it stands in
  NotableRecord record;
};
/// The order of `slowest_first`: of two that are alike the earlier block's, then the earlier record.
bool is_slower(const FoundRecord& a, const FoundRecord& b);

/// How long a call may last: long ones ask now and then, and end with DeadlineExceeded or Cancelled.
struct CallBounds {
  async::Deadline deadline = async::Deadline::never();
  async::CancelToken cancel;
  /// An error where the call is to end now.
  base::Result<void> check(std::string_view what) const;
};

/// What a kind of store can do.
struct BackendTraits {
  std::string name;                   ///< for a person: "sqlite:results/x/journal.db"
  bool reads_from_snapshots = false;  ///< reads and an append may run at the same time, and each read sees one state
  /// What is stored may change without this backend: another process writes it, too, or it alone. The journal asks
  /// where the store is, then, rather than to go by what it knows.
  bool others_write = false;
};

/// Calls of the system that nobody waits for any more, because what wanted them had to end before they did.
struct LeftBehind {
  std::uint64_t now = 0;   ///< that still go on
  std::uint64_t ever = 0;  ///< all that there were
};

/// The cold tier: a store of blocks. Calls block, and are made on blocking threads: reads by several at once, changes
/// by one at a time. A change that failed, or that was left alone at its deadline, may still have been made: the
/// journal asks for load() then. Nothing a caller gives is ever made into a statement, only bound to one. Text is
/// bytes: what was stored comes back, and is found, byte by byte.
///
/// read() and notable() give the blocks for which Filter::may_match() holds, without those of fenced attempts unless
/// the filter has `with_superseded`; get(), find() and present() know no fences. A damaged block ends the page it would
/// stand in with Corrupt; those before and beyond it can be read.
///
/// Errors of every call: DeadlineExceeded, Cancelled, Corrupt (a block is not what its hash says: the seq is named),
/// Unavailable (busy, or away), ResourceExhausted (the disk is full), PermissionDenied.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual BackendTraits traits() const = 0;
  /// What it had to leave behind itself, beside the calls of it that others leave. Any thread.
  virtual LeftBehind left_behind() const { return {}; }
  /// Parties by key, fences by run, stage and attempt.
  virtual base::Result<BackendState> load(const CallBounds& bounds) = 0;

  /// Errors: also InvalidArgument for what check_commit() refuses, and where a block's (party, party_seq) is there
  /// already; nothing of it is stored then.
  virtual base::Result<void> append(const Commit& commit, const CallBounds& bounds) = 0;
  /// Blocks above `seq` go, and heads become `heads` (of all parties that had some there; one without blocks goes: it
  /// is left out, or its next_party_seq is 0). Fences stay. Returns what went, by seq; damaged ones too: is_whole()
  /// tells.
  virtual base::Result<std::vector<StoredBlock>> remove_above(std::uint64_t seq, std::span<const PartyHead> heads,
                                                              const CallBounds& bounds) = 0;
  /// A second one for the same attempt changes nothing.
  virtual base::Result<void> fence(const Fence& fence, const CallBounds& bounds) = 0;
  /// Gives space back. Blocks stay, those of discarded attempts too.
  virtual base::Result<void> compact(const CallBounds& bounds) = 0;

  /// NotFound where there is none.
  virtual base::Result<StoredBlock> get(std::uint64_t seq, const CallBounds& bounds) = 0;
  virtual base::Result<StoredBlock> find(const PartyKey& party, std::uint64_t party_seq, const CallBounds& bounds) = 0;
  virtual base::Result<StoredBlock> find(const Digest& hash, const CallBounds& bounds) = 0;
  virtual base::Result<ReadPage> read(const ReadRequest& request, const CallBounds& bounds) = 0;
  virtual base::Result<std::vector<FoundRecord>> notable(const NotableRequest& request, const CallBounds& bounds) = 0;
  /// The party_seqs that are really there of each of these parties, as ranges, ascending; whatever the heads say.
  virtual base::Result<std::vector<std::vector<SeqRange>>> present_of(std::span<const PartyKey> parties,
                                                                      const CallBounds& bounds) = 0;
  base::Result<std::vector<SeqRange>> present(const PartyKey& party, const CallBounds& bounds) {
    SLUICE_TRY(auto ranges, present_of({&party, 1}, bounds));
    return std::move(ranges.front());
  }
};

}  // namespace sluice::journal
