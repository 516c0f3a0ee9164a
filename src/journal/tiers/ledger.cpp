#include "journal/tiers/ledger.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "journal/tiers/errors.hpp"

namespace sluice::journal {

namespace {

/// Takes one number out of ascending ranges; false where it is in none.
bool take_out(std::vector<SeqRange>& ranges, std::uint64_t number) {
  const auto at = std::ranges::find_if(ranges, [&](const SeqRange& range) { return range.last >= number; });
  if (at == ranges.end() || at->first > number) return false;
  const SeqRange whole = *at;
  const auto next = ranges.erase(at);
  std::vector<SeqRange> rest;
  if (whole.first < number) rest.push_back({.first = whole.first, .last = number - 1});
  if (whole.last > number) rest.push_back({.first = number + 1, .last = whole.last});
  ranges.insert(next, rest.begin(), rest.end());
  return true;
}

}  // namespace

bool has_sent(const PartyHead& head, std::uint64_t party_seq) {
  return party_seq < head.next_party_seq &&
         std::ranges::none_of(
             head.missing, [&](const SeqRange& range) { return range.first <= party_seq && party_seq <= range.last; });
}

void note_block(PartyHead& head, const BlockHeader& block) {
  head.key = block.party;
  if (block.party_seq >= head.next_party_seq) {
    if (block.party_seq > head.next_party_seq) {
      head.missing.push_back({.first = head.next_party_seq, .last = block.party_seq - 1});
    }
    head.next_party_seq = block.party_seq + 1;
    head.last_hash = block.hash;
  } else {
    take_out(head.missing, block.party_seq);
  }
  head.last_seq = std::max(head.last_seq, block.seq);
  head.to_ns = std::max(head.to_ns, block.to_ns);
  head.is_over |= block.kind == BlockKind::RunEnded;
  // The windows between two holes are not kept: until the first is filled the time stays.
  if (head.missing.empty()) head.complete_to_ns = head.to_ns;
}

Ledger::Ledger(BackendState state) : head_(state.head), fences_(state.fences.begin(), state.fences.end()) {
  for (PartyHead& head : state.parties) {
    PartyKey key = head.key;
    heads_.emplace(std::move(key), std::move(head));
  }
}

bool Ledger::is_fenced(const BlockHeader& header) const {
  if (!header.stage || fences_.empty()) return false;
  const auto at = fences_.lower_bound(
      {.run = header.party.run, .stage = header.stage.value_or(0), .attempt = header.party.attempt, .at_seq = 0});
  return at != fences_.end() && at->run == header.party.run && at->stage == *header.stage &&
         at->attempt == header.party.attempt;
}

/// The block's seq, or 0 where the party has sent it before.
base::Result<std::uint64_t> Ledger::admit_one(StoredBlock& block, PartyHead& head, std::uint64_t seq) const {
  BlockHeader& header = block.header;
  const bool is_next = header.party_seq == head.next_party_seq;
  if (has_sent(head, header.party_seq)) {
    const bool is_last = header.party_seq + 1 == head.next_party_seq;
    if (is_last && header.hash != head.last_hash) {
      return base::fail(
          contradiction("the party has sent another block under this number before", header.party, header.party_seq));
    }
    return 0;
  }
  // What is there already is no late block: a log may be indexed again after a discard.
  if (is_fenced(header)) {
    return base::fail(
        fenced({.run = header.party.run, .stage = header.stage.value_or(0), .attempt = header.party.attempt}));
  }
  if (is_next && head.next_party_seq > 0) {
    if (header.previous == Digest{}) header.previous = head.last_hash;
    if (header.previous != head.last_hash) {
      return base::fail(contradiction("the block does not continue the party's chain", header.party, header.party_seq));
    }
  }
  header.seq = seq;
  note_block(head, header);
  if (head.missing.size() > kMissingMax) {
    return base::fail(base::Code::ResourceExhausted,
                      fmt::format("more than {} holes in the numbers of a party", kMissingMax), to_text(header.party));
  }
  return seq;
}

base::Result<Ledger::Numbers> Ledger::admit(std::vector<StoredBlock> blocks, CommitPlan& plan) const {
  std::map<PartyKey, PartyHead> heads;
  std::vector<StoredBlock> admitted;
  Numbers numbers;
  std::size_t bytes = 0;
  std::uint64_t seq = head_ + plan.blocks.size();
  for (StoredBlock& block : blocks) {
    auto at = heads.find(block.header.party);
    if (at == heads.end()) {
      const auto planned = plan.heads.find(block.header.party);
      const auto known = heads_.find(block.header.party);
      PartyHead head{.key = block.header.party};
      if (planned != plan.heads.end()) {
        head = planned->second;
      } else if (known != heads_.end()) {
        head = known->second;
      }
      at = heads.emplace(block.header.party, std::move(head)).first;
    }
    SLUICE_TRY(const std::uint64_t number, admit_one(block, at->second, seq + 1));
    numbers.push_back(number);
    if (number == 0) continue;
    ++seq;
    bytes += block.size_bytes();
    admitted.push_back(std::move(block));
  }
  if (admitted.empty()) return numbers;
  std::ranges::move(admitted, std::back_inserter(plan.blocks));
  for (auto& [key, head] : heads) plan.heads.insert_or_assign(key, std::move(head));
  plan.bytes += bytes;
  return numbers;
}

void Ledger::apply(const Commit& commit) {
  head_ += commit.blocks.size();
  for (const PartyHead& head : commit.heads) heads_.insert_or_assign(head.key, head);
}

void Ledger::cut(std::uint64_t seq, std::span<const PartyHead> heads) {
  head_ = std::min(head_, seq);
  for (const PartyHead& head : heads) {
    if (head.next_party_seq == 0) {
      heads_.erase(head.key);
    } else {
      heads_.insert_or_assign(head.key, head);
    }
  }
}

std::vector<PartyKey> Ledger::parties_above(std::uint64_t seq) const {
  std::vector<PartyKey> parties;
  for (const auto& [key, head] : heads_) {
    if (head.last_seq > seq) parties.push_back(key);
  }
  return parties;
}

std::optional<std::int64_t> Ledger::watermark(const std::string& run) const {
  std::optional<std::int64_t> live, ended;
  for (const auto& [key, head] : heads_) {
    if (key.run != run) continue;
    if (head.is_over && head.missing.empty()) {
      ended = std::max(ended.value_or(head.complete_to_ns), head.complete_to_ns);
    } else {
      live = std::min(live.value_or(head.complete_to_ns), head.complete_to_ns);
    }
  }
  return live ? live : ended;
}

}  // namespace sluice::journal
