#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "journal/tiers/backend.hpp"

namespace sluice::journal {

/// Bytes that differ with `seed`.
std::vector<std::byte> sample_payload(std::uint64_t seed, std::size_t bytes = 40);

/// Makes blocks as a journal does: numbers, hashes and heads follow from what was made before.
class CommitMaker {
 public:
  /// The next block: an interval of stage 1 by "local" of run "r1" over the second `seq`, with 40 bytes of payload.
  /// `change` may set anything but seq, party_seq, hash and previous, which are set after it.
  template <class Change>
  StoredBlock& add(Change&& change) {
    StoredBlock& block = begin();
    change(block);
    finish(block);
    return block;
  }
  StoredBlock& add() {
    return add([](StoredBlock&) {});
  }
  /// What was added since the last one, as one commit.
  Commit take();

  const std::map<PartyKey, PartyHead>& heads() const { return heads_; }
  std::uint64_t head() const { return seq_; }
  /// All that was ever added, by seq.
  const std::vector<StoredBlock>& all() const { return all_; }
  /// As if nothing above `seq` had been made. Returns the heads of all parties that lose blocks by it; a party without
  /// blocks has the next_party_seq 0.
  std::vector<PartyHead> cut_above(std::uint64_t seq);

 private:
  StoredBlock& begin();
  void finish(StoredBlock& block);
  void account(const StoredBlock& block);

  std::uint64_t seq_ = 0;
  std::map<PartyKey, PartyHead> heads_;
  std::vector<StoredBlock> all_;
  std::size_t taken_ = 0;
};

/// A record of a get that took `latency_ns`.
NotableRecord sample_record(std::uint32_t index, std::int64_t latency_ns, std::string target = "a/b/file_00000001.dat");

}  // namespace sluice::journal
