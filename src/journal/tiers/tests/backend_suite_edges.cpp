// The second half of the suite: notable records, fences, damage, hostile input, bounds.
#include <algorithm>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "journal/tiers/tests/backend_suite.hpp"

namespace sluice::journal {

namespace {

using Places = std::vector<std::string>;

/// Three blocks with records: gets and a failed put.
void add_records(CommitMaker& maker) {
  maker.add([](StoredBlock& b) {
    b.notable = {sample_record(0, 100, "dir/a"), sample_record(1, 900, "dir/b"), sample_record(7, 500, "other")};
  });
  maker.add([](StoredBlock& b) {
    b.header.party = {"r2", "agent", 0};
    b.header.stage = 2;
    b.header.operations |= operation_bit(model::OpKind::Put);
    b.notable = {sample_record(0, 900, "dir/a"), sample_record(3, 50, "x")};
    b.notable[0].end_ns = 2'500'000'000, b.notable[1].end_ns = 2'900'000'000;
    b.notable[1].operation = model::OpKind::Put, b.notable[1].status = status_of(model::ErrorKind::NoSpace);
    b.notable[1].bytes = 1 << 20, b.notable[1].detail = "ENOSPC (28)";
  });
  maker.add();
  maker.add([](StoredBlock& b) {
    b.notable = {sample_record(2, 901, "dir/c")};
    b.notable[0].end_ns = 4'000'000'000;
  });
}

const std::vector<std::string>& hostile_texts() {
  static const std::vector<std::string> kTexts = {
      "'; DROP TABLE blocks; --",
      "\"; DELETE FROM notable; \"",
      "100%",
      "_____",
      "a\\%b\\",
      std::string("nul\0in the middle", 17),
      std::string("\0", 1),
      "\xff\xfe invalid \xc3\x28 \xed\xa0\x80",
      std::string("\xf0\x9f\x92\xbe \xe2\x80") + '\xae',  // from right to left
      "[\"json\", 1]",
      "?1 $x :y @z",
      " leading and trailing ",
      "",
      std::string(1 << 20, '\'')};
  return kTexts;
}

}  // namespace

TEST_P(BackendSuite, notable) {
  add_records(maker());
  commit();
  EXPECT_EQ(records({}), (Places{"1/0", "1/1", "1/7", "2/0", "2/3", "4/2"}));
  EXPECT_EQ(records({.runs = {"r2"}}), (Places{"2/0", "2/3"}));
  EXPECT_EQ(records({.parties = {"local"}}), (Places{"1/0", "1/1", "1/7", "4/2"}));
  EXPECT_EQ(records({.stages = {2}}), (Places{"2/0", "2/3"}));
  EXPECT_EQ(records({.kinds = {BlockKind::Note}}), Places{});
  EXPECT_EQ(records({.operations = operation_bit(model::OpKind::Put)}), Places{"2/3"});
  EXPECT_EQ(records({.time_ns = {2'500'000'000, 3'999'999'999}}), (Places{"2/0", "2/3"}));
  EXPECT_EQ(records({.statuses = status_of(model::ErrorKind::NoSpace) | status_of(model::ErrorKind::Io)}),
            Places{"2/3"});
  EXPECT_EQ(records({.targets = {{"dir/a", false}}}), (Places{"1/0", "2/0"}));
  EXPECT_EQ(records({.targets = {{"dir/", true}}}), (Places{"1/0", "1/1", "2/0", "4/2"}));
  EXPECT_EQ(records({.targets = {{"dir", false}}}), Places{});
  EXPECT_EQ(records({.targets = {{"dir/c", false}, {"o", true}}}), (Places{"1/7", "4/2"}));
  EXPECT_EQ(records({.latency_ns = {500, 900}}), (Places{"1/1", "1/7", "2/0"}));
  EXPECT_EQ(records({.bytes = {.min = 4097}}), Places{"2/3"});
  EXPECT_EQ(records({.runs = {"r1"}, .targets = {{"dir/", true}}, .latency_ns = {.min = 900}}), (Places{"1/1", "4/2"}));
  const auto page = backend().notable({.filter = {.stages = {2}}}, {});
  ASSERT_TRUE(page) << to_text(page.error());
  EXPECT_EQ((*page)[0].record, maker().all()[1].notable[0]);
  EXPECT_EQ((*page)[1].record, maker().all()[1].notable[1]);
}

TEST_P(BackendSuite, notable_in_pages) {
  add_records(maker());
  commit();
  for (std::size_t records_max = 1; records_max <= 7; ++records_max) {
    EXPECT_EQ(records({}, records_max), (Places{"1/0", "1/1", "1/7", "2/0", "2/3", "4/2"}));
    EXPECT_EQ(records({.targets = {{"dir/", true}}}, records_max), (Places{"1/0", "1/1", "2/0", "4/2"}));
  }
  const auto bounded = backend().notable({.after_seq = 1, .after_index = 1, .to = 2}, {});
  ASSERT_TRUE(bounded) << to_text(bounded.error());
  EXPECT_EQ(places_of(*bounded), (Places{"1/7", "2/0", "2/3"}));
}

TEST_P(BackendSuite, notable_slowest_first) {
  add_records(maker());
  commit();
  EXPECT_EQ(slowest({}, 100), (Places{"4/2", "1/1", "2/0", "1/7", "1/0", "2/3"}));
  EXPECT_EQ(slowest({}, 2), (Places{"4/2", "1/1"}));
  EXPECT_EQ(slowest({.runs = {"r2"}}, 1), Places{"2/0"});
  EXPECT_EQ(slowest({.targets = {{"dir/a", false}}}, 100), (Places{"2/0", "1/0"}));
  EXPECT_EQ(slowest({.latency_ns = {.max = 899}}, 2), (Places{"1/7", "1/0"}));
}

TEST_P(BackendSuite, a_fenced_attempt_is_left_out_and_the_rest_is_not) {
  for (std::uint32_t i = 0; i < 8; ++i) {
    maker().add([&](StoredBlock& b) {
      b.header.party = {i < 6 ? "r1" : "r2", "a", i % 2};
      b.header.stage = 1 + i % 3;
      b.notable = {sample_record(0, 10)};
    });
  }
  maker().add([](StoredBlock& b) { b.header.party = {"r1", "a", 1}, b.header.stage.reset(); });
  commit();
  // Of r1, attempt 1: blocks 2 (stage 2), 4 (stage 1), 6 (stage 3), 9 (none).
  ASSERT_TRUE(backend().fence({"r1", 1, 1, 8}, {}));
  EXPECT_EQ(seqs({}), (std::vector<std::uint64_t>{1, 2, 3, 5, 6, 7, 8, 9}));
  EXPECT_EQ(seqs({.with_superseded = true}).size(), 9u);
  EXPECT_EQ(records({}).size(), 7u);
  EXPECT_EQ(slowest({}, 100).size(), 7u);
  EXPECT_EQ(records({.with_superseded = true}).size(), 8u);
  EXPECT_TRUE(backend().get(4, {}));
  EXPECT_TRUE(backend().find(PartyKey{"r1", "a", 1}, 1, {}));
  ASSERT_TRUE(backend().fence({"none", 0, 0, 8}, {}));  // of an attempt that nobody has heard of
  EXPECT_EQ(seqs({}).size(), 8u);
}

TEST_P(BackendSuite, fences_persist_and_load_gives_everything_back_after_reopening) {
  add_records(maker());
  commit();
  const std::vector<Fence> fences{{"r1", 1, 0, 3}, {"r1", 2, 7, 4}, {"r3", 0, UINT32_MAX, 4}};
  for (const Fence& fence : fences) ASSERT_TRUE(backend().fence(fence, {}));
  ASSERT_TRUE(backend().fence({"r1", 1, 0, 4}, {}));  // changes nothing
  EXPECT_EQ(backend().load({})->fences, fences);
  if (!reopen()) GTEST_SKIP() << "this store keeps nothing";
  expect_state_as_made();
  EXPECT_EQ(backend().load({})->fences, fences);
  EXPECT_EQ(seqs({}), std::vector<std::uint64_t>{2});
  EXPECT_EQ(seqs({.with_superseded = true}).size(), 4u);
  EXPECT_EQ(backend().get(2, {}).value(), maker().all()[1]);
  commit_blocks(1);
  expect_state_as_made();
}

TEST_P(BackendSuite, present_sees_holes_made_behind_the_heads_back) {
  for (int i = 0; i < 9; ++i) {
    maker().add();
    maker().add([](StoredBlock& b) { b.header.party.party = "other"; });
  }
  commit();
  const PartyKey party{"r1", "local", 0};
  EXPECT_EQ(backend().present(party, {}).value(), (std::vector<SeqRange>{{0, 8}}));
  for (const std::uint64_t seq : {5u, 11u, 13u}) store().lose(seq);
  EXPECT_EQ(backend().present(party, {}).value(), (std::vector<SeqRange>{{0, 1}, {3, 4}, {7, 8}}));
  const std::vector<PartyKey> parties = {{"r1", "other", 0}, {"r1", "unheard of", 0}, party};
  EXPECT_EQ(backend().present_of(parties, {}).value(),
            (std::vector<std::vector<SeqRange>>{{{0, 8}}, {}, {{0, 1}, {3, 4}, {7, 8}}}));
  EXPECT_TRUE(backend().present_of({}, {}).value().empty());
  EXPECT_EQ(code_of(backend().get(5, {})), base::Code::NotFound);
  EXPECT_EQ(backend().load({})->parties[0].next_party_seq, 9u);
}

TEST_P(BackendSuite, a_flipped_bit_is_corrupt_and_the_block_is_named) {
  commit_blocks(5);
  store().damage(3);
  const auto named = [](const auto& result) { return result.error().what.find("block 3") != std::string::npos; };
  const auto got = backend().get(3, {});
  ASSERT_EQ(code_of(got), base::Code::Corrupt);
  EXPECT_TRUE(named(got)) << got.error().what;
  const auto by_party = backend().find(PartyKey{"r1", "local", 0}, 2, {});
  ASSERT_EQ(code_of(by_party), base::Code::Corrupt);
  const auto page = backend().read({}, {});
  ASSERT_EQ(code_of(page), base::Code::Corrupt);
  EXPECT_TRUE(named(page)) << page.error().what;
  // What is whole can be read, before it and beyond it.
  EXPECT_EQ(backend().read({.to = 2}, {})->blocks.size(), 2u);
  EXPECT_EQ(backend().read({.after = 3}, {})->blocks.size(), 2u);
  EXPECT_TRUE(backend().get(4, {}));
  // And it can be taken away.
  const auto removed = backend().remove_above(2, maker().cut_above(2), {});
  ASSERT_TRUE(removed) << to_text(removed.error());
  ASSERT_EQ(removed->size(), 3u);
  EXPECT_FALSE(is_whole((*removed)[0]));
  EXPECT_TRUE(is_whole((*removed)[1]));
}

TEST_P(BackendSuite, u64_beyond_i64_is_refused_at_the_edge) {
  constexpr std::uint64_t kBeyond = std::uint64_t{1} << 63;
  const std::vector<std::function<void(Commit&)>> changes = {
      [](Commit& c) { c.blocks[0].header.party_seq = kBeyond; },
      [](Commit& c) { c.blocks[0].header.zone = ZoneMap{.records = kBeyond}; },
      [](Commit& c) { c.blocks[0].header.zone = ZoneMap{.bytes_min = kBeyond}; },
      [](Commit& c) { c.blocks[0].header.zone = ZoneMap{.bytes_max = kBeyond}; },
      [](Commit& c) { c.blocks[0].notable[0].bytes = kBeyond; },
      [](Commit& c) { c.heads[0].next_party_seq = kBeyond; },
      [](Commit& c) { c.heads[0].last_seq = kBeyond; },
      [](Commit& c) { c.heads[0].missing = {{kBeyond, kBeyond}}; },
  };
  maker().add([](StoredBlock& b) { b.notable = {sample_record(0, 1)}; });
  const Commit good = maker().take();
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Commit bad = good;
    changes[i](bad);
    EXPECT_EQ(code_of(backend().append(bad, {})), base::Code::InvalidArgument) << i;
  }
  EXPECT_EQ(backend().load({})->head, 0u);
  ASSERT_TRUE(backend().append(good, {}));
  PartyHead head = good.heads[0];
  head.next_party_seq = kBeyond;
  EXPECT_EQ(code_of(backend().remove_above(0, std::vector{head}, {})), base::Code::InvalidArgument);
  EXPECT_EQ(backend().load({})->head, 1u);
  EXPECT_EQ(code_of(backend().get(UINT64_MAX, {})), base::Code::NotFound);
  EXPECT_TRUE(backend().remove_above(UINT64_MAX, {}, {})->empty());
}

TEST_P(BackendSuite, hostile_text_is_stored_and_found_byte_by_byte) {
  for (const std::string& text : hostile_texts()) {
    maker().add([&](StoredBlock& b) {
      b.header.party = {text, text, 0};
      b.notable = {sample_record(0, 1, text)};
      b.notable[0].detail = text;
    });
  }
  commit();
  ASSERT_TRUE(backend().fence({hostile_texts()[0], 9, 9, 1}, {}));
  expect_state_as_made();
  for (std::size_t i = 0; i < hostile_texts().size(); ++i) {
    const std::string& text = hostile_texts()[i];
    const std::vector<std::uint64_t> wanted{i + 1};
    const Places place{fmt::format("{}/0", i + 1)};
    EXPECT_EQ(seqs({.runs = {text}}), wanted) << i;
    EXPECT_EQ(seqs({.parties = {text}}), wanted) << i;
    EXPECT_EQ(records({.targets = {{text, false}}}), place) << i;
    EXPECT_EQ(backend().find(PartyKey{text, text, 0}, 0, {}).value(), maker().all()[i]) << i;
    EXPECT_EQ(backend().present({text, text, 0}, {})->size(), 1u) << i;
    if (text.size() > 1) {
      EXPECT_EQ(records({.targets = {{text.substr(0, text.size() - 1), true}}}), place) << i;
    }
  }
  EXPECT_EQ(records({.targets = {{"", true}}}).size(), hostile_texts().size());
  EXPECT_TRUE(records({.targets = {{"%", true}}}).empty());
  EXPECT_EQ(backend().load({})->fences, (std::vector<Fence>{{hostile_texts()[0], 9, 9, 1}}));
  if (!reopen()) return;
  expect_state_as_made();
  EXPECT_EQ(seqs({}).size(), hostile_texts().size());
}

TEST_P(BackendSuite, compact_keeps_every_block) {
  commit_blocks(20);
  ASSERT_TRUE(backend().fence({"r1", 1, 0, 20}, {}));
  ASSERT_TRUE(backend().remove_above(12, maker().cut_above(12), {}));
  const auto done = backend().compact({});
  ASSERT_TRUE(done) << to_text(done.error());
  EXPECT_EQ(seqs({.with_superseded = true}).size(), 12u);
  expect_state_as_made();
}

TEST_P(BackendSuite, calls_whose_bounds_have_passed_end_at_once_and_change_nothing) {
  commit_blocks(2);
  async::CancelSource source;
  source.cancel();
  const CallBounds late{.deadline = async::Deadline::in(base::Nanos{-1})}, cancelled{.cancel = source.token()};
  maker().add();
  const Commit next = maker().take();
  for (const auto& [bounds, code] :
       {std::pair(late, base::Code::DeadlineExceeded), std::pair(cancelled, base::Code::Cancelled)}) {
    EXPECT_EQ(code_of(backend().load(bounds)), code);
    EXPECT_EQ(code_of(backend().append(next, bounds)), code);
    EXPECT_EQ(code_of(backend().remove_above(0, {}, bounds)), code);
    EXPECT_EQ(code_of(backend().fence({"r1", 1, 0, 2}, bounds)), code);
    EXPECT_EQ(code_of(backend().compact(bounds)), code);
    EXPECT_EQ(code_of(backend().get(1, bounds)), code);
    EXPECT_EQ(code_of(backend().find(PartyKey{"r1", "local", 0}, 0, bounds)), code);
    EXPECT_EQ(code_of(backend().find(next.blocks[0].header.hash, bounds)), code);
    EXPECT_EQ(code_of(backend().read({}, bounds)), code);
    EXPECT_EQ(code_of(backend().notable({}, bounds)), code);
    EXPECT_EQ(code_of(backend().present({"r1", "local", 0}, bounds)), code);
  }
  EXPECT_EQ(backend().load({})->head, 2u);
  EXPECT_TRUE(backend().load({})->fences.empty());
  EXPECT_TRUE(backend().append(next, {}));
}

TEST_P(BackendSuite, a_long_read_ends_soon_after_its_deadline) {
  for (int i = 0; i < 4000; ++i) {
    maker().add([](StoredBlock& b) { b.notable = {sample_record(0, 1)}; });
  }
  commit();
  // Far less than any of these takes, and enough to get past a look at the clock before it begins.
  const auto soon = [] { return CallBounds{.deadline = async::Deadline::in(base::Nanos{50'000})}; };
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(code_of(backend().read({.blocks_max = 4000}, soon())), base::Code::DeadlineExceeded);
    EXPECT_EQ(code_of(backend().notable({.records_max = 4000}, soon())), base::Code::DeadlineExceeded);
    EXPECT_EQ(code_of(backend().notable({.slowest_first = true}, soon())), base::Code::DeadlineExceeded);
  }
  EXPECT_TRUE(backend().read({.blocks_max = 4000}, {}));
}

}  // namespace sluice::journal
