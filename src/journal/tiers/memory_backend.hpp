#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "journal/tiers/backend.hpp"

namespace sluice::journal {

/// A cold tier that forgets everything at its end, for tests. It cannot read while it is written to, so a journal over
/// it takes the barrier for every write. Any thread; one lock for all.
class MemoryBackend final : public Backend {
 public:
  BackendTraits traits() const override;
  base::Result<BackendState> load(const CallBounds& bounds) override;
  base::Result<void> append(const Commit& commit, const CallBounds& bounds) override;
  base::Result<std::vector<StoredBlock>> remove_above(std::uint64_t seq, std::span<const PartyHead> heads,
                                                      const CallBounds& bounds) override;
  base::Result<void> fence(const Fence& fence, const CallBounds& bounds) override;
  base::Result<void> compact(const CallBounds& bounds) override;
  base::Result<StoredBlock> get(std::uint64_t seq, const CallBounds& bounds) override;
  base::Result<StoredBlock> find(const PartyKey& party, std::uint64_t party_seq, const CallBounds& bounds) override;
  base::Result<StoredBlock> find(const Digest& hash, const CallBounds& bounds) override;
  base::Result<ReadPage> read(const ReadRequest& request, const CallBounds& bounds) override;
  base::Result<std::vector<FoundRecord>> notable(const NotableRequest& request, const CallBounds& bounds) override;
  base::Result<std::vector<std::vector<SeqRange>>> present_of(std::span<const PartyKey> parties,
                                                              const CallBounds& bounds) override;

  /// The block goes, and the heads do not hear of it.
  void lose(std::uint64_t seq);
  /// A bit of the block's payload is another one.
  void damage(std::uint64_t seq);

 private:
  using Blocks = std::map<std::uint64_t, StoredBlock>;
  using Numbers = std::map<std::pair<PartyKey, std::uint64_t>, std::uint64_t>;

  // With the lock held.
  std::uint64_t head() const { return blocks_.empty() ? 0 : blocks_.rbegin()->first; }
  bool is_wanted(const Filter& filter, const BlockHeader& header) const;
  base::Result<StoredBlock> whole(const StoredBlock& block) const;
  base::Result<bool> add_to_page(const ReadRequest& request, const StoredBlock& block, std::size_t& bytes,
                                 ReadPage& page) const;

  std::mutex mutex_;
  Blocks blocks_;    ///< by seq
  Numbers numbers_;  ///< (party, party_seq) to seq
  std::map<PartyKey, PartyHead> heads_;
  std::map<std::tuple<std::string, std::uint32_t, std::uint32_t>, Fence> fences_;  ///< by run, stage, attempt
};

}  // namespace sluice::journal
