#include "journal/tiers/commit_check.hpp"

#include <limits>
#include <string>

#include <fmt/format.h>

namespace sluice::journal {

namespace {

constexpr auto kNumberMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

base::Error refused(std::string what, std::string where) {
  return {.code = base::Code::InvalidArgument,
          .what = std::move(what),
          .where = std::move(where),
          .likely = {"the writer of the journal has a fault, or the block came damaged from another host"},
          .try_next = {"nothing of this commit was stored: sluice results verify, then report it"}};
}

/// `where` gives the place in words, where they are wanted.
template <class Where>
base::Result<void> check_number(std::string_view name, std::uint64_t value, const Where& where) {
  if (value <= kNumberMax) return {};
  return base::fail(
      refused(fmt::format("{} {} is more than {}, which no database holds", name, value, kNumberMax), where()));
}

base::Result<void> check_block(const StoredBlock& block) {
  const BlockHeader& header = block.header;
  const auto where = [&] { return fmt::format("block {}, {}", header.seq, to_text(header.party)); };
  SLUICE_CHECK(check_number("the number", header.seq, where));
  SLUICE_CHECK(check_number("the party's number", header.party_seq, where));
  if (header.zone) {
    SLUICE_CHECK(check_number("a count of records", header.zone->records, where));
    SLUICE_CHECK(check_number("a size", header.zone->bytes_min, where));
    SLUICE_CHECK(check_number("a size", header.zone->bytes_max, where));
  }
  std::int64_t before = -1;
  for (const NotableRecord& record : block.notable) {
    SLUICE_CHECK(check_number("a size", record.bytes, where));
    if (record.index <= before) {
      return base::fail(refused(fmt::format("record {} follows record {}", record.index, before), where()));
    }
    before = record.index;
  }
  return {};
}

}  // namespace

base::Result<void> check_commit(const Commit& commit, std::uint64_t head) {
  for (const StoredBlock& block : commit.blocks) {
    if (block.header.seq != head + 1) {
      return base::fail(
          refused(fmt::format("block {} cannot follow block {}", block.header.seq, head), to_text(block.header.party)));
    }
    ++head;
    SLUICE_CHECK(check_block(block));
  }
  return check_heads(commit.heads);
}

base::Result<void> check_heads(std::span<const PartyHead> heads) {
  for (const PartyHead& head : heads) {
    const auto where = [&] { return "the head of " + to_text(head.key); };
    SLUICE_CHECK(check_number("the party's next number", head.next_party_seq, where));
    SLUICE_CHECK(check_number("its last block", head.last_seq, where));
    for (const SeqRange& range : head.missing) {
      SLUICE_CHECK(check_number("a missing number", range.first, where));
      SLUICE_CHECK(check_number("a missing number", range.last, where));
    }
  }
  return {};
}

base::Error corrupt_block(std::uint64_t seq, std::string_view wrong, std::string_view store) {
  return {.code = base::Code::Corrupt,
          .what = fmt::format("block {} is damaged: {}", seq, wrong),
          .where = std::string(store),
          .likely = {"the disk or its file system lost or changed bytes", "somebody edited the store"},
          .try_next = {"the log has it still: sluice results repair", "dmesg | tail; check the device"}};
}

}  // namespace sluice::journal
