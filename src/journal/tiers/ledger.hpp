#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "journal/tiers/backend.hpp"

namespace sluice::journal {

/// Blocks that are about to be committed, and the heads that they leave.
struct CommitPlan {
  std::vector<StoredBlock> blocks;
  std::map<PartyKey, PartyHead> heads;
  std::size_t bytes = 0;
};

/// The rules of appending, without a database: numbers new blocks, recognises those that are there already, keeps what
/// is missing, refuses what was discarded or contradicts. Plain values; one thread at a time.
class Ledger {
 public:
  Ledger() = default;
  explicit Ledger(BackendState state);

  std::uint64_t head() const { return head_; }
  const std::map<PartyKey, PartyHead>& heads() const { return heads_; }
  const std::set<Fence>& fences() const { return fences_; }
  /// Its attempt was discarded.
  bool is_fenced(const BlockHeader& header) const;

  /// What became of one append: the journal's numbers, 0 for a block that was there before.
  using Numbers = std::vector<std::uint64_t>;
  /// Puts all blocks of one append into the plan, or none. A block whose number the party has used before is taken as
  /// sent twice and left out. Errors: Terminated (discarded), InvalidArgument (another content under the number of the
  /// party's last block, or a `previous` that is not its hash), ResourceExhausted (kMissingMax holes).
  base::Result<Numbers> admit(std::vector<StoredBlock> blocks, CommitPlan& plan) const;
  /// It was committed.
  void apply(const Commit& commit);

  void add(const Fence& fence) { fences_.insert(fence); }
  /// Everything above `seq` has gone; `heads` are those of all parties that had something there.
  void cut(std::uint64_t seq, std::span<const PartyHead> heads);
  /// The parties that have blocks above `seq`.
  std::vector<PartyKey> parties_above(std::uint64_t seq) const;

  /// The time up to which every party of the run that is still writing has delivered all its windows; of parties that
  /// have ended only their last one counts, where no other is left. Nothing where there is no party.
  std::optional<std::int64_t> watermark(const std::string& run) const;

  static constexpr std::size_t kMissingMax = 10'000;  ///< holes of one party

 private:
  base::Result<std::uint64_t> admit_one(StoredBlock& block, PartyHead& head, std::uint64_t seq) const;

  std::uint64_t head_ = 0;
  std::map<PartyKey, PartyHead> heads_;
  std::set<Fence> fences_;
};

/// The party has sent a block of this number.
bool has_sent(const PartyHead& head, std::uint64_t party_seq);
/// The head after one more block of the party, whatever its number.
void note_block(PartyHead& head, const BlockHeader& block);

}  // namespace sluice::journal
