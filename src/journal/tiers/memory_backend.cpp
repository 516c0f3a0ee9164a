#include "journal/tiers/memory_backend.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "journal/tiers/commit_check.hpp"

namespace sluice::journal {

namespace {

constexpr std::string_view kName = "memory:";
constexpr std::uint64_t kCheckEvery = 256;  ///< blocks of a long read

base::Error no_block(std::string what) {
  return {.code = base::Code::NotFound, .what = "there is no " + std::move(what), .where = std::string(kName)};
}

}  // namespace

BackendTraits MemoryBackend::traits() const {
  return {.name = std::string(kName), .reads_from_snapshots = false, .others_write = false};
}

base::Result<BackendState> MemoryBackend::load(const CallBounds& bounds) {
  SLUICE_CHECK(bounds.check("loading the state of the journal"));
  const std::scoped_lock lock(mutex_);
  BackendState state{.head = head()};
  for (const auto& [key, party] : heads_) state.parties.push_back(party);
  for (const auto& [key, fence] : fences_) state.fences.push_back(fence);
  return state;
}

base::Result<void> MemoryBackend::append(const Commit& commit, const CallBounds& bounds) {
  SLUICE_CHECK(bounds.check("appending blocks"));
  const std::scoped_lock lock(mutex_);
  SLUICE_CHECK(check_commit(commit, head()));
  std::set<std::pair<PartyKey, std::uint64_t>> added;
  for (const StoredBlock& block : commit.blocks) {
    const std::pair key(block.header.party, block.header.party_seq);
    if (!numbers_.contains(key) && added.insert(key).second) continue;
    return base::fail(base::Code::InvalidArgument,
                      fmt::format("{} has a block {} already", to_text(key.first), key.second), std::string(kName));
  }
  for (const StoredBlock& block : commit.blocks) {
    numbers_[{block.header.party, block.header.party_seq}] = block.header.seq;
    blocks_.emplace(block.header.seq, block);
  }
  for (const PartyHead& party : commit.heads) heads_[party.key] = party;
  return {};
}

base::Result<std::vector<StoredBlock>> MemoryBackend::remove_above(std::uint64_t seq, std::span<const PartyHead> heads,
                                                                   const CallBounds& bounds) {
  SLUICE_CHECK(bounds.check("removing blocks"));
  SLUICE_CHECK(check_heads(heads));
  const std::scoped_lock lock(mutex_);
  std::vector<StoredBlock> removed;
  const auto first = blocks_.upper_bound(seq);
  for (auto it = first; it != blocks_.end(); ++it) removed.push_back(it->second);
  for (const StoredBlock& block : removed) {
    numbers_.erase({block.header.party, block.header.party_seq});
    heads_.erase(block.header.party);
  }
  blocks_.erase(first, blocks_.end());
  for (const PartyHead& party : heads) {
    heads_.erase(party.key);
    if (party.next_party_seq > 0) heads_.emplace(party.key, party);
  }
  return removed;
}

base::Result<void> MemoryBackend::fence(const Fence& fence, const CallBounds& bounds) {
  SLUICE_CHECK(bounds.check("marking an attempt as discarded"));
  const std::scoped_lock lock(mutex_);
  fences_.try_emplace({fence.run, fence.stage, fence.attempt}, fence);
  return {};
}

base::Result<void> MemoryBackend::compact(const CallBounds& bounds) { return bounds.check("giving space back"); }

base::Result<StoredBlock> MemoryBackend::get(std::uint64_t seq, const CallBounds& bounds) {
  SLUICE_CHECK(bounds.check("reading a block"));
  const std::scoped_lock lock(mutex_);
  const auto found = blocks_.find(seq);
  if (found == blocks_.end()) return base::fail(no_block(fmt::format("block {}", seq)));
  return whole(found->second);
}

base::Result<StoredBlock> MemoryBackend::find(const PartyKey& party, std::uint64_t party_seq,
                                              const CallBounds& bounds) {
  SLUICE_CHECK(bounds.check("reading a block"));
  const std::scoped_lock lock(mutex_);
  const auto found = numbers_.find({party, party_seq});
  if (found == numbers_.end()) {
    return base::fail(no_block(fmt::format("block {} of {}", party_seq, to_text(party))));
  }
  return whole(blocks_.at(found->second));
}

base::Result<StoredBlock> MemoryBackend::find(const Digest& hash, const CallBounds& bounds) {
  SLUICE_CHECK(bounds.check("reading a block"));
  const std::scoped_lock lock(mutex_);
  for (const auto& [seq, block] : blocks_) {
    if (seq % kCheckEvery == 0) SLUICE_CHECK(bounds.check("looking for a block by its hash"));
    if (block.header.hash == hash) return whole(block);
  }
  return base::fail(no_block("block with the hash " + to_text(hash)));
}

base::Result<ReadPage> MemoryBackend::read(const ReadRequest& request, const CallBounds& bounds) {
  SLUICE_CHECK(bounds.check("reading blocks"));
  SLUICE_CHECK(request.filter.check());
  const std::scoped_lock lock(mutex_);
  ReadPage page;
  if (request.after >= request.to) return page;
  std::size_t bytes = 0;
  const auto visit = [&](auto it, const auto& end) -> base::Result<void> {
    for (std::uint64_t looked_at = 1; it != end; ++it, ++looked_at) {
      if (looked_at % kCheckEvery == 0) SLUICE_CHECK(bounds.check("reading blocks"));
      SLUICE_TRY(const bool goes_on, add_to_page(request, it->second, bytes, page));
      if (!goes_on) break;
    }
    return {};
  };
  const auto first = blocks_.upper_bound(request.after), last = blocks_.upper_bound(request.to);
  SLUICE_CHECK(request.newest_first ? visit(std::reverse_iterator(last), std::reverse_iterator(first))
                                    : visit(first, last));
  return page;
}

base::Result<std::vector<FoundRecord>> MemoryBackend::notable(const NotableRequest& request, const CallBounds& bounds) {
  SLUICE_CHECK(bounds.check("reading notable records"));
  SLUICE_CHECK(request.filter.check());
  const std::scoped_lock lock(mutex_);
  std::vector<FoundRecord> found;
  std::uint64_t looked_at = 0;
  for (auto it = blocks_.lower_bound(request.after_seq); it != blocks_.end() && it->first <= request.to; ++it) {
    if (++looked_at % kCheckEvery == 0) SLUICE_CHECK(bounds.check("reading notable records"));
    if (!is_wanted(request.filter, it->second.header)) continue;
    for (const NotableRecord& record : it->second.notable) {
      if (it->first == request.after_seq && record.index <= request.after_index) continue;
      if (!request.filter.matches(it->second.header, record)) continue;
      if (!request.slowest_first && found.size() == request.records_max) return found;
      found.push_back({it->second.header, record});
    }
  }
  if (!request.slowest_first) return found;
  std::ranges::sort(found, is_slower);
  if (found.size() > request.records_max) found.resize(request.records_max);
  return found;
}

base::Result<std::vector<std::vector<SeqRange>>> MemoryBackend::present_of(std::span<const PartyKey> parties,
                                                                           const CallBounds& bounds) {
  SLUICE_CHECK(bounds.check("asking which blocks of a party are there"));
  const std::scoped_lock lock(mutex_);
  std::vector<std::vector<SeqRange>> all;
  for (const PartyKey& party : parties) {
    std::vector<SeqRange>& ranges = all.emplace_back();
    for (auto it = numbers_.lower_bound({party, 0}); it != numbers_.end() && it->first.first == party; ++it) {
      const std::uint64_t number = it->first.second;
      if (number % kCheckEvery == 0) SLUICE_CHECK(bounds.check("asking which blocks of a party are there"));
      add_number(ranges, number);
    }
  }
  return all;
}

void MemoryBackend::lose(std::uint64_t seq) {
  const std::scoped_lock lock(mutex_);
  const auto found = blocks_.find(seq);
  if (found == blocks_.end()) return;
  numbers_.erase({found->second.header.party, found->second.header.party_seq});
  blocks_.erase(found);
}

void MemoryBackend::damage(std::uint64_t seq) {
  const std::scoped_lock lock(mutex_);
  const auto found = blocks_.find(seq);
  if (found != blocks_.end() && !found->second.payload.empty()) found->second.payload.front() ^= std::byte{1};
}

bool MemoryBackend::is_wanted(const Filter& filter, const BlockHeader& header) const {
  if (!filter.may_match(header)) return false;
  return filter.with_superseded || !header.stage ||
         !fences_.contains({header.party.run, *header.stage, header.party.attempt});
}

base::Result<StoredBlock> MemoryBackend::whole(const StoredBlock& block) const {
  if (is_whole(block)) return block;
  return base::fail(corrupt_block(block.header.seq, "its payload is not what its hash says", kName));
}

/// False where the page has no room for the block, which then is the first of the next one.
base::Result<bool> MemoryBackend::add_to_page(const ReadRequest& request, const StoredBlock& block, std::size_t& bytes,
                                              ReadPage& page) const {
  if (!is_wanted(request.filter, block.header)) return true;
  bytes += block.payload.size();
  if (page.blocks.size() == std::max<std::size_t>(request.blocks_max, 1) ||
      (!page.blocks.empty() && bytes > request.bytes_max)) {
    page.is_last = false;
    return false;
  }
  SLUICE_TRY(page.blocks.emplace_back(), whole(block));
  return true;
}

}  // namespace sluice::journal
