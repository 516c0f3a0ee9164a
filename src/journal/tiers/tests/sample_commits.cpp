#include "journal/tiers/tests/sample_commits.hpp"

#include <utility>

#include "base/random.hpp"
#include "journal/tiers/ledger.hpp"

namespace sluice::journal {

std::vector<std::byte> sample_payload(std::uint64_t seed, std::size_t bytes) {
  std::vector<std::byte> payload(bytes);
  for (std::size_t i = 0; i < bytes; ++i) payload[i] = static_cast<std::byte>(base::mix64(seed + i / 8) >> (i % 8 * 8));
  return payload;
}

StoredBlock& CommitMaker::begin() {
  const std::uint64_t seq = seq_ + 1;
  StoredBlock& block = all_.emplace_back();
  block.header = {.party = {"r1", "local", 0},
                  .stage = 1,
                  .kind = BlockKind::Interval,
                  .from_ns = static_cast<std::int64_t>(seq) * 1'000'000'000,
                  .to_ns = static_cast<std::int64_t>(seq + 1) * 1'000'000'000,
                  .clock_error_ns = 1000,
                  .operations = operation_bit(model::OpKind::Get)};
  block.payload = sample_payload(seq);
  return block;
}

void CommitMaker::finish(StoredBlock& block) {
  BlockHeader& header = block.header;
  const auto known = heads_.find(header.party);
  header.seq = ++seq_;
  header.party_seq = known == heads_.end() ? 0 : known->second.next_party_seq;
  header.hash = digest_of(block.payload);
  header.previous = known == heads_.end() ? Digest{} : known->second.last_hash;
  account(block);
}

void CommitMaker::account(const StoredBlock& block) { note_block(heads_[block.header.party], block.header); }

Commit CommitMaker::take() {
  Commit commit;
  std::map<PartyKey, PartyHead> changed;
  for (; taken_ < all_.size(); ++taken_) {
    commit.blocks.push_back(all_[taken_]);
    changed[all_[taken_].header.party] = heads_[all_[taken_].header.party];
  }
  for (auto& [key, head] : changed) commit.heads.push_back(std::move(head));
  return commit;
}

std::vector<PartyHead> CommitMaker::cut_above(std::uint64_t seq) {
  std::map<PartyKey, PartyHead> changed;
  while (!all_.empty() && all_.back().header.seq > seq) {
    changed[all_.back().header.party].key = all_.back().header.party;
    all_.pop_back();
  }
  taken_ = all_.size();
  seq_ = all_.empty() ? 0 : all_.back().header.seq;
  heads_.clear();
  for (const StoredBlock& block : all_) account(block);
  std::vector<PartyHead> heads;
  for (auto& [key, head] : changed) {
    const auto left = heads_.find(key);
    heads.push_back(left == heads_.end() ? head : left->second);
  }
  return heads;
}

NotableRecord sample_record(std::uint32_t index, std::int64_t latency_ns, std::string target) {
  return {.index = index,
          .operation = model::OpKind::Get,
          .end_ns = 1'500'000'000,
          .latency_ns = latency_ns,
          .bytes = 4096,
          .target = std::move(target)};
}

}  // namespace sluice::journal
