#include "app/results/journal_check.hpp"

#include <cstring>

#include <gtest/gtest.h>

#include "journal/tiers/memory_backend.hpp"

namespace sluice::app {
namespace {

using Words = std::vector<std::string>;

journal::StoredBlock block(std::uint64_t party_seq, const std::string& text) {
  journal::StoredBlock made;
  made.header.seq = party_seq + 1;
  made.header.party = {.run = "8f3a", .party = "local"};
  made.header.party_seq = party_seq;
  made.payload.resize(text.size());
  std::memcpy(made.payload.data(), text.data(), text.size());
  made.header.hash = journal::digest_of(made.payload);
  return made;
}

/// Blocks 0, 1, 2, ... in a chain.
std::vector<journal::StoredBlock> chain(std::size_t count) {
  std::vector<journal::StoredBlock> blocks;
  for (std::size_t i = 0; i < count; ++i) {
    blocks.push_back(block(i, "payload " + std::to_string(i)));
    if (i > 0) blocks.back().header.previous = blocks[i - 1].header.hash;
  }
  return blocks;
}

LogScan log_of(const std::vector<journal::StoredBlock>& blocks) {
  LogParty party{.key = {.run = "8f3a", .party = "local"}, .file = "local.seg"};
  for (const journal::StoredBlock& one : blocks) {
    append_number(party.readable, one.header.party_seq);
    party.hashes.push_back(one.header.hash);
    party.blocks = one.header.party_seq + 1;
  }
  return {.parties = {party}};
}

class Checking : public testing::Test {
 protected:
  /// Of a journal with these blocks, in which block `damaged` is not what it was (0: none).
  JournalCheck check(const std::vector<journal::StoredBlock>& blocks, std::uint64_t damaged = 0) {
    auto backend = std::make_unique<journal::MemoryBackend>();
    const journal::StoredBlock& last = blocks.back();
    const journal::PartyHead head{.key = last.header.party,
                                  .next_party_seq = last.header.party_seq + 1,
                                  .last_hash = last.header.hash,
                                  .last_seq = last.header.seq};
    const auto stored = backend->append({.blocks = blocks, .heads = {head}}, {});
    EXPECT_TRUE(stored) << stored.error().what;
    if (damaged > 0) backend->damage(damaged);
    const auto reader = host_->reader(std::move(backend));
    return *check_journal(*host_, *reader, "8f3a");
  }
  std::unique_ptr<JournalHost> host_ = std::move(*JournalHost::create());
};

TEST_F(Checking, a_whole_chain_has_nothing_wrong) {
  const auto blocks = chain(600);  // of several pages
  const JournalCheck found = check(blocks);
  EXPECT_EQ(found.wrong, Words());
  EXPECT_EQ(found.blocks, 600U);
  EXPECT_EQ(found.links, 599U);
  EXPECT_EQ(compare(log_of(blocks), found, false), Words());
}

TEST_F(Checking, a_link_to_another_block_is_named) {
  auto blocks = chain(5);
  blocks[3].header.previous = blocks[1].header.hash;
  const JournalCheck found = check(blocks);
  ASSERT_EQ(found.wrong.size(), 1U);
  EXPECT_TRUE(found.wrong[0].starts_with("party local, attempt 0, block 3 (seq 4): it names ")) << found.wrong[0];
  EXPECT_EQ(found.links, 3U);
}

TEST_F(Checking, a_first_block_with_a_block_before_it_is_named) {
  auto blocks = chain(2);
  blocks[0].header.previous = blocks[1].header.hash;
  EXPECT_EQ(check(blocks).wrong.size(), 1U);
}

TEST_F(Checking, damage_is_named_and_the_blocks_behind_it_are_checked) {
  const auto blocks = chain(600);
  const JournalCheck found = check(blocks, 300);
  ASSERT_EQ(found.wrong.size(), 1U);
  EXPECT_TRUE(found.wrong[0].starts_with("party local, attempt 0, block 299: ")) << found.wrong[0];
  EXPECT_EQ(found.blocks, 599U);
  EXPECT_EQ(found.unlinked, 1U) << "the one behind it";
  EXPECT_EQ(compare(log_of(blocks), found, false),
            (Words{"party local, attempt 0: in the log, not in the journal: block 299"}));
}

TEST_F(Checking, another_content_under_the_same_number_is_named) {
  const auto blocks = chain(3);
  auto others = chain(2);
  others.push_back(block(2, "something else"));
  const Words lines = compare(log_of(others), check(blocks), false);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].starts_with("party local, attempt 0, block 2: the log has ")) << lines[0];
}

TEST_F(Checking, what_a_growing_run_has_at_its_end_is_no_difference) {
  const auto more = chain(8);
  const auto less = chain(5);
  EXPECT_EQ(compare(log_of(more), check(less), false),
            (Words{"party local, attempt 0: in the log, not in the journal: blocks 5 to 7"}));
  EXPECT_EQ(compare(log_of(less), check(more), false),
            (Words{"party local, attempt 0: in the journal, not in the log: blocks 5 to 7"}));
  EXPECT_EQ(compare(log_of(more), check(less), true), Words());
  EXPECT_EQ(compare(log_of(less), check(more), true), Words());
}

TEST(LogScan, what_the_log_cannot_give_is_not_to_be_mended) {
  LogScan log;
  log.parties.push_back({.key = {.run = "8f3a", .party = "local"}, .blocks = 10, .readable = {{0, 3}, {6, 9}}});
  auto lags = log.mendable({{.party = log.parties[0].key, .missing = {{2, 7}}}});
  ASSERT_EQ(lags.size(), 1U);
  EXPECT_EQ(lags[0].missing, (std::vector<journal::SeqRange>{{2, 3}, {6, 7}}));
  EXPECT_TRUE(log.mendable({{.party = log.parties[0].key, .missing = {{4, 5}}}}).empty());
}

}  // namespace
}  // namespace sluice::app
