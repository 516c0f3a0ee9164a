#include "journal/tiers/tests/backend_suite.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <thread>

#include <fmt/format.h>

#include "journal/tiers/ledger.hpp"

namespace sluice::journal {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BackendSuite);

std::string name_of_case(const testing::TestParamInfo<StoreCase>& info) { return info.param.name; }

std::vector<std::string> places_of(std::span<const FoundRecord> found) {
  std::vector<std::string> places;
  for (const FoundRecord& one : found) places.push_back(fmt::format("{}/{}", one.block.seq, one.record.index));
  return places;
}

void BackendSuite::SetUp() {
  store_ = GetParam().make();
  backend_ = store_->open();
  ASSERT_NE(backend_, nullptr);
}

void BackendSuite::commit() {
  const auto done = backend_->append(maker_.take(), {});
  ASSERT_TRUE(done) << to_text(done.error());
}

void BackendSuite::commit_blocks(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) maker_.add();
  commit();
}

bool BackendSuite::reopen() {
  if (!store_->keeps()) return false;
  backend_.reset();
  backend_ = store_->open();
  EXPECT_NE(backend_, nullptr);
  return backend_ != nullptr;
}

std::vector<std::uint64_t> BackendSuite::seqs(const Filter& filter, std::size_t blocks_max, bool newest_first) {
  std::vector<std::uint64_t> found;
  ReadRequest request{.filter = filter, .blocks_max = blocks_max, .newest_first = newest_first};
  for (std::size_t pages = 0; pages <= maker_.head(); ++pages) {
    const auto page = backend_->read(request, {});
    if (!page) {
      ADD_FAILURE() << to_text(page.error());
      return found;
    }
    EXPECT_LE(page->blocks.size(), blocks_max);
    for (const StoredBlock& block : page->blocks) {
      found.push_back(block.header.seq);
      EXPECT_EQ(block, maker_.all()[block.header.seq - 1]);
    }
    if (page->is_last) return found;
    if (page->blocks.empty()) break;
    (newest_first ? request.to : request.after) = newest_first ? found.back() - 1 : found.back();
  }
  ADD_FAILURE() << "pages without an end";
  return found;
}

std::vector<std::string> BackendSuite::records(const Filter& filter, std::size_t records_max) {
  std::vector<std::string> places;
  NotableRequest request{.filter = filter, .records_max = records_max};
  while (true) {
    const auto page = backend_->notable(request, {});
    if (!page) {
      ADD_FAILURE() << to_text(page.error());
      return places;
    }
    EXPECT_LE(page->size(), records_max);
    for (const std::string& place : places_of(*page)) places.push_back(place);
    for (const FoundRecord& one : *page) EXPECT_EQ(one.block, maker_.all()[one.block.seq - 1].header);
    if (page->size() < records_max || places.size() > 1000) return places;
    request.after_seq = page->back().block.seq;
    request.after_index = page->back().record.index;
  }
}

std::vector<std::string> BackendSuite::slowest(const Filter& filter, std::size_t records_max) {
  const auto page =
      backend_->notable({.filter = filter, .records_max = records_max, .slowest_first = true}, CallBounds{});
  if (!page) {
    ADD_FAILURE() << to_text(page.error());
    return {};
  }
  return places_of(*page);
}

void BackendSuite::expect_state_as_made() {
  const auto state = backend_->load({});
  ASSERT_TRUE(state) << to_text(state.error());
  EXPECT_EQ(state->head, maker_.head());
  std::vector<PartyHead> wanted;
  for (const auto& [key, head] : maker_.heads()) wanted.push_back(head);
  EXPECT_EQ(state->parties, wanted);
}

TEST_P(BackendSuite, empty) {
  const auto state = backend().load({});
  ASSERT_TRUE(state) << to_text(state.error());
  EXPECT_EQ(state->head, 0u);
  EXPECT_TRUE(state->parties.empty());
  EXPECT_TRUE(state->fences.empty());
  EXPECT_EQ(code_of(backend().get(1, {})), base::Code::NotFound);
  EXPECT_EQ(code_of(backend().find(PartyKey{"r1", "local", 0}, 0, {})), base::Code::NotFound);
  EXPECT_EQ(code_of(backend().find(Digest{1, 2}, {})), base::Code::NotFound);
  EXPECT_TRUE(seqs({}).empty());
  EXPECT_TRUE(seqs({}, 1, true).empty());
  EXPECT_TRUE(records({}).empty());
  EXPECT_TRUE(slowest({}, 10).empty());
  const auto present = backend().present({"r1", "local", 0}, {});
  ASSERT_TRUE(present);
  EXPECT_TRUE(present->empty());
  EXPECT_FALSE(backend().traits().name.empty());
}

TEST_P(BackendSuite, append_and_read) {
  commit_blocks(3);
  commit_blocks(2);
  expect_state_as_made();
  for (const StoredBlock& block : maker().all()) {
    const auto got = backend().get(block.header.seq, {});
    ASSERT_TRUE(got) << to_text(got.error());
    EXPECT_EQ(*got, block);
  }
  EXPECT_EQ(code_of(backend().get(6, {})), base::Code::NotFound);
  EXPECT_EQ(code_of(backend().get(0, {})), base::Code::NotFound);
  EXPECT_EQ(seqs({}), (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
}

TEST_P(BackendSuite, every_field_of_a_block_comes_back) {
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min(), kMax = std::numeric_limits<std::int64_t>::max();
  maker().add([](StoredBlock& block) {
    block.header.party = {"run", "agent-7", UINT32_MAX};
    block.header.stage = UINT32_MAX;
    block.header.kind = BlockKind::Records;
    block.header.from_ns = kMin, block.header.to_ns = kMax, block.header.clock_error_ns = kMax;
    block.header.operations = UINT32_MAX;
    block.header.zone = ZoneMap{.records = kMax,
                                .latency_ns_min = kMin,
                                .latency_ns_max = kMax,
                                .bytes_min = 1,
                                .bytes_max = kMax,
                                .statuses = UINT32_MAX};
    block.payload = sample_payload(1, 300'000);
    block.notable = {sample_record(0, kMin), sample_record(UINT32_MAX, kMax)};
    block.notable[1].status = status_of(model::ErrorKind::Other), block.notable[1].operation = model::OpKind::Write;
    block.notable[1].end_ns = kMin, block.notable[1].bytes = kMax, block.notable[1].detail = "ESTALE (116)";
  });
  maker().add([](StoredBlock& block) {
    block.header.stage.reset();
    block.header.kind = BlockKind::RunEnded;
    block.header.operations = 0;
    block.payload.clear();
  });
  maker().add([](StoredBlock& block) { block.header.zone = ZoneMap{}, block.header.kind = BlockKind::Records; });
  commit();
  EXPECT_EQ(seqs({}).size(), 3u);
  EXPECT_EQ(records({}), (std::vector<std::string>{"1/0", "1/4294967295"}));
  expect_state_as_made();
}

TEST_P(BackendSuite, a_head_comes_back_with_its_holes) {
  std::vector<PartyHead> heads(1);
  const auto append = [&](std::initializer_list<std::uint64_t> numbers, BlockKind kind) {
    for (std::size_t i = 0; i < numbers.size(); ++i) maker().add();
    Commit commit = maker().take();
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      BlockHeader& header = commit.blocks[i].header;
      header.party_seq = std::data(numbers)[i];
      header.kind = kind;
      note_block(heads[0], header);
    }
    commit.heads = heads;
    const auto done = backend().append(commit, {});
    EXPECT_TRUE(done) << to_text(done.error());
    EXPECT_EQ(backend().load({})->parties, heads);
  };
  append({0, 4}, BlockKind::Interval);
  append({18, 2}, BlockKind::RunEnded);
  EXPECT_EQ(heads[0].missing, (std::vector<SeqRange>{{1, 1}, {3, 3}, {5, 17}}));
  append({7}, BlockKind::Interval);
  append({1, 3}, BlockKind::Interval);
  EXPECT_EQ(heads[0].missing, (std::vector<SeqRange>{{5, 6}, {8, 17}}));
  EXPECT_EQ(backend().present(heads[0].key, {}).value(), (std::vector<SeqRange>{{0, 4}, {7, 7}, {18, 18}}));
}

TEST_P(BackendSuite, by_hash) {
  commit_blocks(4);
  const auto found = backend().find(maker().all()[2].header.hash, {});
  ASSERT_TRUE(found) << to_text(found.error());
  EXPECT_EQ(*found, maker().all()[2]);
  EXPECT_EQ(code_of(backend().find(Digest{UINT64_MAX, UINT64_MAX}, {})), base::Code::NotFound);
}

TEST_P(BackendSuite, by_party) {
  for (const char* party : {"a", "b", "a", "b", "b"}) {
    maker().add([&](StoredBlock& block) { block.header.party.party = party; });
  }
  maker().add([](StoredBlock& block) { block.header.party = {"r1", "b", 1}; });
  commit();
  const auto found = backend().find(PartyKey{"r1", "b", 0}, 2, {});
  ASSERT_TRUE(found) << to_text(found.error());
  EXPECT_EQ(found->header.seq, 5u);
  EXPECT_EQ(backend().find(PartyKey{"r1", "b", 1}, 0, {})->header.seq, 6u);
  EXPECT_EQ(code_of(backend().find(PartyKey{"r1", "a", 0}, 2, {})), base::Code::NotFound);
  EXPECT_EQ(code_of(backend().find(PartyKey{"r1", "b", 2}, 0, {})), base::Code::NotFound);
  EXPECT_EQ(code_of(backend().find(PartyKey{"r1", "b", 0}, UINT64_MAX, {})), base::Code::NotFound);
}

TEST_P(BackendSuite, batch_append_is_atomic) {
  commit_blocks(1);
  maker().add([](StoredBlock& block) { block.header.party.party = "new"; });
  for (int i = 0; i < 20; ++i) maker().add();
  Commit bad = maker().take();
  const Commit good = bad;
  bad.blocks.back().header.party_seq = UINT64_MAX;
  EXPECT_EQ(code_of(backend().append(bad, {})), base::Code::InvalidArgument);
  bad = good;
  bad.blocks.back().header.party_seq = 1;  // is there already, in the same commit
  EXPECT_EQ(code_of(backend().append(bad, {})), base::Code::InvalidArgument);
  const auto state = backend().load({});
  ASSERT_TRUE(state);
  EXPECT_EQ(state->head, 1u);
  EXPECT_EQ(state->parties.size(), 1u);
  EXPECT_EQ(code_of(backend().get(2, {})), base::Code::NotFound);
  ASSERT_TRUE(backend().append(good, {}));
  expect_state_as_made();
  EXPECT_EQ(seqs({}).size(), 22u);
}

TEST_P(BackendSuite, a_number_that_a_party_has_used_is_refused_whichever_commit_used_it) {
  for (const char* party : {"a", "b", "a"}) {
    maker().add([&](StoredBlock& block) { block.header.party.party = party; });
  }
  commit();
  for (const std::uint64_t used : {std::uint64_t{0}, std::uint64_t{1}}) {
    maker().add([](StoredBlock& block) { block.header.party.party = "a"; });
    Commit again = maker().take();
    again.blocks[0].header.party_seq = used;
    EXPECT_EQ(code_of(backend().append(again, {})), base::Code::InvalidArgument) << used;
    maker().cut_above(3);
  }
  // What was taken out may come again.
  ASSERT_TRUE(backend().remove_above(2, maker().cut_above(2), {}));
  maker().add([](StoredBlock& block) { block.header.party.party = "a"; });
  commit();
  expect_state_as_made();
}

TEST_P(BackendSuite, out_of_order_append_refused) {
  commit_blocks(2);
  maker().add();
  const Commit next = maker().take();
  Commit wrong = next;
  for (const std::uint64_t seq : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{4}}) {
    wrong.blocks[0].header.seq = seq;
    EXPECT_EQ(code_of(backend().append(wrong, {})), base::Code::InvalidArgument) << seq;
  }
  wrong = next;
  wrong.blocks.push_back(next.blocks[0]);
  wrong.blocks[1].header.seq = 5;  // a hole inside of the commit
  wrong.blocks[1].header.party_seq = 3;
  EXPECT_EQ(code_of(backend().append(wrong, {})), base::Code::InvalidArgument);
  EXPECT_EQ(backend().load({})->head, 2u);
  EXPECT_TRUE(backend().append(next, {}));
}

TEST_P(BackendSuite, notable_records_out_of_order_are_refused) {
  maker().add([](StoredBlock& block) { block.notable = {sample_record(3, 1), sample_record(3, 2)}; });
  EXPECT_EQ(code_of(backend().append(maker().take(), {})), base::Code::InvalidArgument);
  EXPECT_EQ(backend().load({})->head, 0u);
}

TEST_P(BackendSuite, truncation) {
  for (const char* party : {"a", "b", "a", "b", "c"}) {
    maker().add([&](StoredBlock& block) {
      block.header.party.party = party;
      block.notable = {sample_record(1, 5)};
    });
  }
  commit();
  const std::vector<StoredBlock> before = maker().all();
  const auto none = backend().remove_above(5, {}, {});
  ASSERT_TRUE(none) << to_text(none.error());
  EXPECT_TRUE(none->empty());
  expect_state_as_made();

  const auto heads = maker().cut_above(2);
  const auto removed = backend().remove_above(2, heads, {});
  ASSERT_TRUE(removed) << to_text(removed.error());
  EXPECT_EQ(*removed, (std::vector<StoredBlock>(before.begin() + 2, before.end())));
  expect_state_as_made();
  EXPECT_EQ(seqs({}), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(records({}), (std::vector<std::string>{"1/1", "2/1"}));
  EXPECT_EQ(code_of(backend().get(3, {})), base::Code::NotFound);

  maker().add([](StoredBlock& block) { block.header.party.party = "a"; });
  commit();  // the numbers are given anew
  expect_state_as_made();
  if (reopen()) expect_state_as_made();
  EXPECT_EQ(backend().remove_above(0, maker().cut_above(0), {})->size(), 3u);
  expect_state_as_made();
}

TEST_P(BackendSuite, query_by_each_field_of_a_filter) {
  maker().add([](StoredBlock& b) { b.header.party.run = "r0", b.header.kind = BlockKind::RunStarted; });
  maker().add([](StoredBlock& b) { b.header.party.party = "a", b.header.stage = 2; });
  maker().add([](StoredBlock& b) { b.header.stage.reset(), b.header.kind = BlockKind::Note; });
  maker().add([](StoredBlock& b) { b.header.operations = operation_bit(model::OpKind::Put); });
  maker().add([](StoredBlock& b) {
    b.header.kind = BlockKind::Records;
    b.header.zone = ZoneMap{10, 100, 200, 4096, 8192, kSucceeded};
  });
  maker().add([](StoredBlock& b) {
    b.header.kind = BlockKind::Records;
    b.header.zone = ZoneMap{10, 300, 400, 16384, 16384, kSucceeded | status_of(model::ErrorKind::Io)};
  });
  commit();
  using Seqs = std::vector<std::uint64_t>;
  EXPECT_EQ(seqs({.runs = {"r0"}}), Seqs{1});
  EXPECT_EQ(seqs({.runs = {"r0", "r1", "r2"}}), (Seqs{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(seqs({.runs = {"r2"}}), Seqs{});
  EXPECT_EQ(seqs({.parties = {"a"}}), Seqs{2});
  EXPECT_EQ(seqs({.stages = {2}}), Seqs{2});
  EXPECT_EQ(seqs({.stages = {1, 3}}), (Seqs{1, 4, 5, 6}));
  EXPECT_EQ(seqs({.kinds = {BlockKind::RunStarted, BlockKind::Note}}), (Seqs{1, 3}));
  EXPECT_EQ(seqs({.kinds = {BlockKind::Note, BlockKind::Records}}), (Seqs{3, 5, 6}));
  EXPECT_EQ(seqs({.operations = operation_bit(model::OpKind::Put)}), Seqs{4});
  EXPECT_EQ(seqs({.operations = UINT32_MAX}), (Seqs{1, 2, 3, 4, 5, 6}));
  // Block n has the window from n to n + 1 seconds; what only touches it counts.
  EXPECT_EQ(seqs({.time_ns = {3'000'000'000, 3'000'000'000}}), (Seqs{2, 3}));
  EXPECT_EQ(seqs({.time_ns = {.min = 6'000'000'001}}), Seqs{6});
  EXPECT_EQ(seqs({.time_ns = {.max = 1'999'999'999}}), Seqs{1});
  // Only a block with a zone map is left out for what its records are.
  EXPECT_EQ(seqs({.statuses = status_of(model::ErrorKind::Io)}), (Seqs{1, 2, 3, 4, 6}));
  EXPECT_EQ(seqs({.latency_ns = {201, 299}}), (Seqs{1, 2, 3, 4}));
  EXPECT_EQ(seqs({.latency_ns = {200, 300}}), (Seqs{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(seqs({.bytes = {8193, 16383}}), (Seqs{1, 2, 3, 4}));
  EXPECT_EQ(seqs({.bytes = {.min = 8192}}), (Seqs{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(seqs({.bytes = {.max = 4095}}), (Seqs{1, 2, 3, 4}));
  EXPECT_EQ(seqs({.targets = {{"x", true}}}), (Seqs{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(seqs({.runs = {"r1"}, .stages = {1}, .kinds = {BlockKind::Records}, .time_ns = {.min = 6'500'000'000}}),
            Seqs{6});
}

TEST_P(BackendSuite, query_gives_what_the_filter_says_whatever_is_combined) {
  for (std::uint64_t i = 0; i < 60; ++i) {
    maker().add([&](StoredBlock& b) {
      b.header.party = {i % 2 == 0 ? "r1" : "r2", i % 3 == 0 ? "a" : "b", static_cast<std::uint32_t>(i % 2)};
      b.header.stage = static_cast<std::uint32_t>(i % 4);
      b.header.kind = i % 5 == 0 ? BlockKind::Records : BlockKind::Interval;
      b.header.operations = 1u << (i % 7);
      const auto at = static_cast<std::int64_t>(i);
      if (i % 5 == 0) b.header.zone = ZoneMap{1, at * 10, at * 20, i * 100, i * 200, 1u << (i % 3)};
    });
  }
  commit();
  for (std::uint32_t mask = 0; mask < 512; ++mask) {
    Filter filter;
    if ((mask & 1) != 0) filter.runs = {"r1"};
    if ((mask & 2) != 0) filter.parties = {"a", "z"};
    if ((mask & 4) != 0) filter.stages = {0, 1, 3};
    if ((mask & 8) != 0) filter.kinds = {BlockKind::Records};
    if ((mask & 16) != 0) filter.operations = 0b1010101;
    if ((mask & 32) != 0) filter.time_ns = {10'000'000'000, 50'000'000'000};
    if ((mask & 64) != 0) filter.statuses = 0b11;
    if ((mask & 128) != 0) filter.latency_ns = {100, 700};
    if ((mask & 256) != 0) filter.bytes = {1000, 7000};
    std::vector<std::uint64_t> wanted;
    for (const StoredBlock& block : maker().all()) {
      if (filter.may_match(block.header)) wanted.push_back(block.header.seq);
    }
    ASSERT_EQ(seqs(filter), wanted) << "mask " << mask;
  }
}

TEST_P(BackendSuite, query_in_pages_of_blocks_and_of_bytes_in_both_directions) {
  commit_blocks(7);
  const std::vector<std::uint64_t> up{1, 2, 3, 4, 5, 6, 7}, down{7, 6, 5, 4, 3, 2, 1};
  for (std::size_t blocks_max = 1; blocks_max <= 8; ++blocks_max) {
    EXPECT_EQ(seqs({}, blocks_max), up);
    EXPECT_EQ(seqs({}, blocks_max, true), down);
  }
  ReadRequest request{.after = 2, .to = 6, .blocks_max = 4};
  EXPECT_EQ(backend().read(request, {})->blocks.size(), 4u);
  EXPECT_TRUE(backend().read(request, {})->is_last);  // exactly as many as there are
  request.to = 7;
  EXPECT_EQ(backend().read(request, {})->blocks.size(), 4u);
  EXPECT_FALSE(backend().read(request, {})->is_last);  // one more
  request.newest_first = true;
  EXPECT_EQ(backend().read(request, {})->blocks.front().header.seq, 7u);
  EXPECT_EQ(backend().read(request, {})->blocks.back().header.seq, 4u);
  EXPECT_FALSE(backend().read(request, {})->is_last);

  request = {.bytes_max = 80};  // two of 40
  EXPECT_EQ(backend().read(request, {})->blocks.size(), 2u);
  EXPECT_FALSE(backend().read(request, {})->is_last);
  request.bytes_max = 1;
  EXPECT_EQ(backend().read(request, {})->blocks.size(), 1u);
  request = {.after = 6, .bytes_max = 1};
  EXPECT_TRUE(backend().read(request, {})->is_last);
  for (const ReadRequest& none : {ReadRequest{.after = 7}, ReadRequest{.after = 5, .to = 5},
                                  ReadRequest{.after = 6, .to = 2}, ReadRequest{.after = UINT64_MAX}}) {
    const auto page = backend().read(none, {});
    ASSERT_TRUE(page) << to_text(page.error());
    EXPECT_TRUE(page->blocks.empty() && page->is_last);
  }
}

TEST_P(BackendSuite, a_filter_that_is_none_is_refused) {
  const Filter backwards{.time_ns = {5, 4}};
  EXPECT_EQ(code_of(backend().read({.filter = backwards}, {})), base::Code::InvalidArgument);
  EXPECT_EQ(code_of(backend().notable({.filter = backwards}, {})), base::Code::InvalidArgument);
  const Filter too_many{.parties = std::vector<std::string>(kFilterValuesMax + 1, "x")};
  EXPECT_EQ(code_of(backend().read({.filter = too_many}, {})), base::Code::InvalidArgument);
  const Filter beyond{.bytes = {.min = UINT64_MAX}};
  EXPECT_EQ(code_of(backend().notable({.filter = beyond}, {})), base::Code::InvalidArgument);
}

TEST_P(BackendSuite, as_many_values_as_a_filter_may_have) {
  commit_blocks(2);
  Filter filter{.runs = std::vector<std::string>(kFilterValuesMax, "none"),
                .parties = std::vector<std::string>(kFilterValuesMax, "none"),
                .stages = std::vector<std::uint32_t>(kFilterValuesMax, 77),
                .targets = std::vector<TargetMatch>(kFilterValuesMax, TargetMatch{"none", true})};
  EXPECT_TRUE(seqs(filter).empty());
  EXPECT_TRUE(records(filter).empty());
  filter.runs.back() = "r1", filter.parties.front() = "local", filter.stages.back() = 1;
  EXPECT_EQ(seqs(filter).size(), 2u);
}

}  // namespace sluice::journal
