#include "journal/tiers/tests/journal_suite.hpp"

#include <variant>

namespace sluice::journal {

namespace {

std::vector<std::uint64_t> seqs_of(const std::vector<BlockPtr>& blocks) {
  std::vector<std::uint64_t> seqs;
  for (const BlockPtr& block : blocks) seqs.push_back(block->header.seq);
  return seqs;
}

std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t n = first; n <= last; ++n) all.push_back(n);
  return all;
}

/// Everything that a stream gives.
async::Task<std::vector<BlockPtr>> read_stream(JournalReader reader, Filter filter, std::uint64_t after,
                                               std::optional<std::uint64_t> to) {
  SLUICE_CO_TRY(BlockStream stream, co_await reader.stream(std::move(filter), after, to, "test", soon()));
  std::vector<BlockPtr> blocks;
  while (true) {
    SLUICE_CO_TRY(BlockPtr block, co_await stream.next(soon()));
    if (!block) co_return base::Result<std::vector<BlockPtr>>(std::move(blocks));
    blocks.push_back(std::move(block));
  }
}

constexpr StatusSet kFailed = ~kSucceeded;

/// Operation records of the second `number`: rows of three slow operations and of one that failed.
StoredBlock sample_chunk(std::uint64_t number) {
  StoredBlock block = sample_block(number);
  block.header.kind = BlockKind::Records;
  block.header.zone = ZoneMap{.records = 65'536, .latency_ns_max = 4'000'000, .statuses = kSucceeded | kFailed};
  for (std::uint32_t i = 0; i < 4; ++i) {
    NotableRecord& record =
        block.notable.emplace_back(sample_record(10 * i, static_cast<std::int64_t>(1'000'000 * i + number)));
    record.end_ns = block.header.from_ns + 100'000'000 * i;
  }
  block.notable.back().status = status_of(model::ErrorKind::TimedOut);
  return block;
}
std::vector<StoredBlock> sample_chunks(std::uint64_t count) {
  std::vector<StoredBlock> blocks;
  for (std::uint64_t i = 0; i < count; ++i) blocks.push_back(sample_chunk(i));
  return blocks;
}

}  // namespace

TEST_P(JournalSuite, empty) {
  JournalReader reader = journal().reader();
  EXPECT_EQ(reader.head(), 0U);
  EXPECT_EQ(*journal().wait(reader.latest(soon())), nullptr);
  EXPECT_EQ(failure_of(journal().wait(reader.get(1, soon()))), base::Code::NotFound);
  EXPECT_EQ(failure_of(journal().wait(reader.latest_of({.run = "r1", .party = "local"}, soon()))),
            base::Code::NotFound);
  EXPECT_TRUE(journal().wait(reader.query({}, 10, soon()))->empty());
  EXPECT_TRUE(journal().wait(read_stream(reader, {}, 0, std::nullopt))->empty());
  EXPECT_EQ(reader.watermark("r1"), std::nullopt);
}

TEST_P(JournalSuite, append_and_read) {
  const auto receipt = journal().append(sample_blocks(0, 3));
  ASSERT_TRUE(receipt.has_value()) << base::to_text(receipt.error());
  EXPECT_EQ(receipt->numbers, numbers(1, 3));
  JournalReader reader = journal().reader();
  const auto block = journal().wait(reader.get(2, soon()));
  ASSERT_TRUE(block.has_value());
  EXPECT_EQ((*block)->payload, sample_block(1).payload);
  EXPECT_TRUE(is_whole(**block));
  EXPECT_EQ((*journal().wait(reader.latest(soon())))->header.seq, 3U);
  EXPECT_EQ(seqs_of(*journal().wait(reader.range(1, 3, soon()))), numbers(1, 3));
  EXPECT_EQ(failure_of(journal().wait(reader.range(2, 4, soon()))), base::Code::NotFound);
  EXPECT_EQ(failure_of(journal().wait(reader.range(3, 2, soon()))), base::Code::InvalidArgument);
}

TEST_P(JournalSuite, by_hash_and_by_party) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 3, "a")).has_value());
  ASSERT_TRUE(journal().append(sample_blocks(0, 2, "b")).has_value());
  JournalReader reader = journal().reader();
  EXPECT_EQ((*journal().wait(reader.get({.run = "r1", .party = "b"}, 1, soon())))->header.seq, 5U);
  EXPECT_EQ((*journal().wait(reader.latest_of({.run = "r1", .party = "a"}, soon())))->header.seq, 3U);
  const Digest hash = digest_of(sample_block(1, "a").payload);
  EXPECT_EQ((*journal().wait(reader.get(hash, soon())))->header.hash, hash);
}

TEST_P(JournalSuite, the_blocks_of_a_party_are_a_chain) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 2)).has_value());
  ASSERT_TRUE(journal().append(sample_blocks(2, 1)).has_value());
  const auto blocks = journal().wait(journal().reader().range(1, 3, soon()));
  EXPECT_EQ((*blocks)[0]->header.previous, Digest{});
  EXPECT_EQ((*blocks)[1]->header.previous, (*blocks)[0]->header.hash);
  EXPECT_EQ((*blocks)[2]->header.previous, (*blocks)[1]->header.hash);
  std::vector<StoredBlock> stranger = sample_blocks(3, 1);
  stranger.front().header.previous = digest_of(sample_payload(99));
  EXPECT_EQ(failure_of(journal().append(std::move(stranger))), base::Code::InvalidArgument);
}

TEST_P(JournalSuite, duplicate_append_recognised) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 3)).has_value());
  const auto again = journal().append(sample_blocks(1, 4));
  ASSERT_TRUE(again.has_value()) << base::to_text(again.error());
  EXPECT_EQ(again->numbers, (std::vector<std::uint64_t>{0, 0, 4, 5}));
  EXPECT_EQ(journal()->stats().duplicates, 2U);
  EXPECT_EQ(journal().reader().head(), 5U);
  // The party's last number with another content is no duplicate.
  EXPECT_EQ(failure_of(journal().append({sample_block(4, "local", 7)})), base::Code::InvalidArgument);
}

TEST_P(JournalSuite, batch_append_is_atomic) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 1)).has_value());
  std::vector<StoredBlock> mixed = sample_blocks(0, 2, "other");
  mixed.push_back(sample_block(0, "local", 7));
  EXPECT_EQ(failure_of(journal().append(std::move(mixed))), base::Code::InvalidArgument);
  EXPECT_EQ(journal().reader().head(), 1U);
  EXPECT_EQ(journal().reader().parties().size(), 1U);
}

TEST_P(JournalSuite, holes_are_known_and_can_be_filled) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 1)).has_value());
  ASSERT_TRUE(journal().append(sample_blocks(3, 2)).has_value());
  auto head = journal().reader().parties().front();
  EXPECT_EQ(head.missing, (std::vector<SeqRange>{{.first = 1, .last = 2}}));
  EXPECT_EQ(journal().reader().watermark("r1"), 1'000'000'000);
  ASSERT_TRUE(journal().append({sample_block(2)}).has_value());
  open();
  head = store().keeps() ? journal().reader().parties().front() : head;
  if (!store().keeps()) return;
  EXPECT_EQ(head.missing, (std::vector<SeqRange>{{.first = 1, .last = 1}}));
  ASSERT_TRUE(journal().append({sample_block(1)}).has_value());
  EXPECT_TRUE(journal().reader().parties().front().missing.empty());
  EXPECT_EQ(journal().reader().watermark("r1"), 5'000'000'000);
}

TEST_P(JournalSuite, the_watermark_is_that_of_the_slowest_live_party) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 5, "a")).has_value());
  ASSERT_TRUE(journal().append(sample_blocks(0, 2, "b")).has_value());
  EXPECT_EQ(journal().reader().watermark("r1"), 2'000'000'000);
  StoredBlock end = sample_block(2, "b");
  end.header.kind = BlockKind::RunEnded;
  ASSERT_TRUE(journal().append({end}).has_value());
  EXPECT_EQ(journal().reader().watermark("r1"), 5'000'000'000);
  EXPECT_EQ(journal().reader().watermark("r2"), std::nullopt);
}

TEST_P(JournalSuite, truncation) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 4, "a")).has_value());
  ASSERT_TRUE(journal().append(sample_blocks(0, 2, "b")).has_value());
  ASSERT_TRUE(journal().wait(journal()->truncate_above(3, soon())).has_value());
  JournalReader reader = journal().reader();
  EXPECT_EQ(reader.head(), 3U);
  EXPECT_EQ(reader.parties().size(), 1U);
  EXPECT_EQ(failure_of(journal().wait(reader.get(4, soon()))), base::Code::NotFound);
  const auto again = journal().append(sample_blocks(3, 1, "a"));
  ASSERT_TRUE(again.has_value()) << base::to_text(again.error());
  EXPECT_EQ(again->numbers, numbers(4, 4));
}

TEST_P(JournalSuite, drain_above_returns_what_it_removes) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 4)).has_value());
  const auto drained = journal().wait(journal()->drain_above(1, soon()));
  ASSERT_TRUE(drained.has_value());
  EXPECT_EQ(seqs_of(*drained), numbers(2, 4));
  EXPECT_EQ((*drained)[1]->payload, sample_block(2).payload);
  EXPECT_EQ(journal().reader().head(), 1U);
}

TEST_P(JournalSuite, drain_above_empty_when_at_tip) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 2)).has_value());
  EXPECT_TRUE(journal().wait(journal()->drain_above(2, soon()))->empty());
  EXPECT_EQ(journal().reader().head(), 2U);
}

TEST_P(JournalSuite, a_query_gives_all_or_says_that_there_are_too_many) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 10)).has_value());
  JournalReader reader = journal().reader();
  EXPECT_EQ(journal().wait(reader.query({}, 10, soon()))->size(), 10U);
  const auto too_many = journal().wait(reader.query({}, 9, soon()));
  EXPECT_EQ(failure_of(too_many), base::Code::ResourceExhausted);
  EXPECT_NE(too_many.error().what.find("more than 9"), std::string::npos);
  Filter filter;
  filter.time_ns = {.min = 3'000'000'000, .max = 4'500'000'000};
  EXPECT_EQ(seqs_of(*journal().wait(reader.query(filter, 10, soon()))), numbers(3, 5));
  filter.time_ns = {.min = 5, .max = 4};
  EXPECT_EQ(failure_of(journal().wait(reader.query(filter, 10, soon()))), base::Code::InvalidArgument);
}

TEST_P(JournalSuite, pages_go_on_where_the_last_ended) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 7)).has_value());
  std::vector<std::uint64_t> seen;
  std::optional<std::uint64_t> after = 0;
  while (after) {
    const auto page = journal().wait(journal().reader().page({}, *after, 3, soon()));
    ASSERT_TRUE(page.has_value());
    EXPECT_LE(page->blocks.size(), 3U);
    for (const std::uint64_t seq : seqs_of(page->blocks)) seen.push_back(seq);
    after = page->next;
  }
  EXPECT_EQ(seen, numbers(1, 7));
}

TEST_P(JournalSuite, stream_equals_query) {
  open({.stream_items_max = 4});
  ASSERT_TRUE(journal().append(sample_blocks(0, 8, "a")).has_value());
  ASSERT_TRUE(journal().append(sample_blocks(0, 3, "b")).has_value());
  JournalReader reader = journal().reader();
  const auto all = [&](Filter filter, std::uint64_t after, std::optional<std::uint64_t> to) {
    auto blocks = journal().wait(read_stream(reader, std::move(filter), after, to));
    return blocks ? seqs_of(*blocks) : std::vector<std::uint64_t>{999};
  };
  EXPECT_EQ(all({}, 0, std::nullopt), numbers(1, 11));
  EXPECT_EQ(all({}, 0, 8), numbers(1, 8));
  EXPECT_EQ(all({}, 3, 7), numbers(4, 7));
  EXPECT_EQ(all({}, 9, 100), numbers(10, 11));
  EXPECT_EQ(all({.parties = {"b"}}, 0, std::nullopt), numbers(9, 11));
  EXPECT_EQ(all({}, 11, std::nullopt), std::vector<std::uint64_t>{});
  EXPECT_EQ(failure_of(journal().wait(reader.stream({}, 5, 4, "test", soon()))), base::Code::InvalidArgument);
}

TEST_P(JournalSuite, a_stream_ends_where_it_began_to_end) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 3)).has_value());
  auto stream = journal().wait(journal().reader().stream({}, 0, std::nullopt, "test", soon()));
  ASSERT_TRUE(stream.has_value());
  ASSERT_TRUE(journal().append(sample_blocks(3, 2)).has_value());
  for (std::uint64_t seq = 1; seq <= 3; ++seq) EXPECT_EQ((*journal().wait(stream->next(soon())))->header.seq, seq);
  EXPECT_EQ(*journal().wait(stream->next(soon())), nullptr);
}

TEST_P(JournalSuite, a_discard_ends_a_stream_and_tells_why) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 3)).has_value());
  auto stream = journal().wait(journal().reader().stream({}, 0, std::nullopt, "test", soon()));
  ASSERT_TRUE(stream.has_value());
  ASSERT_TRUE(journal().wait(stream->next(soon())).has_value());
  ASSERT_TRUE(journal().wait(journal()->discard("r1", 1, 0, soon())).has_value());
  EXPECT_EQ(failure_of(journal().wait(stream->next(soon()))), base::Code::Unavailable);
}

TEST_P(JournalSuite, follow_from_cursor) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 4)).has_value());
  auto follower = journal().reader().follow({}, 2);
  ASSERT_TRUE(follower.has_value());
  for (std::uint64_t seq = 3; seq <= 4; ++seq) {
    auto item = journal().wait(follower->next(soon()));
    ASSERT_TRUE(item.has_value());
    EXPECT_EQ(std::get<BlockPtr>(*item)->header.seq, seq);
  }
  EXPECT_EQ(follower->cursor(), 4U);
  EXPECT_EQ(failure_of(journal().wait(follower->next(in_ms(20)))), base::Code::DeadlineExceeded);
  auto next = journal().spawn(follower->next(soon()));
  ASSERT_TRUE(journal().append(sample_blocks(4, 1)).has_value());
  auto item = next.join(soon());
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(std::get<BlockPtr>(*item)->header.seq, 5U);
}

TEST_P(JournalSuite, a_follower_gives_what_matches_its_filter) {
  auto follower = journal().reader().follow({.parties = {"b"}}, 0);
  ASSERT_TRUE(journal().append(sample_blocks(0, 3, "a")).has_value());
  ASSERT_TRUE(journal().append(sample_blocks(0, 1, "b")).has_value());
  auto item = journal().wait(follower->next(soon()));
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(std::get<BlockPtr>(*item)->header.seq, 4U);
}

TEST_P(JournalSuite, supersede) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 2)).has_value());
  auto follower = journal().reader().follow({}, 0);
  ASSERT_TRUE(journal().wait(follower->next(soon())).has_value());
  ASSERT_TRUE(journal().wait(journal()->discard("r1", 1, 0, soon())).has_value());
  // The rest of what was ready is of the discarded attempt.
  auto item = journal().wait(follower->next(soon()));
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(std::get<Superseded>(*item).fence.stage, 1U);
  JournalReader reader = journal().reader();
  EXPECT_TRUE(journal().wait(reader.query({}, 10, soon()))->empty());
  EXPECT_EQ(journal().wait(reader.query({.with_superseded = true}, 10, soon()))->size(), 2U);
  const auto late = journal().append(sample_blocks(2, 1));
  ASSERT_EQ(failure_of(late), base::Code::Terminated);
  EXPECT_NE(late.error().what.find("of stage 2 "), std::string::npos)
      << "a person counts from 1: " << late.error().what;
  StoredBlock next_attempt = sample_block(0);
  next_attempt.header.party.attempt = 1;
  EXPECT_TRUE(journal().append({next_attempt}).has_value());
  EXPECT_EQ(journal().wait(reader.query({}, 10, soon()))->size(), 1U);
}

TEST_P(JournalSuite, a_follower_is_told_what_was_taken_out) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 3)).has_value());
  auto follower = journal().reader().follow({}, 0);
  ASSERT_TRUE(journal().wait(follower->next(soon())).has_value());
  ASSERT_TRUE(journal().wait(journal()->truncate_above(1, soon())).has_value());
  auto item = journal().wait(follower->next(soon()));
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(std::get<Retracted>(*item).above, 1U);
  ASSERT_TRUE(journal().append({sample_block(1, "local", 3)}).has_value());
  item = journal().wait(follower->next(soon()));
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(std::get<BlockPtr>(*item)->header.seq, 2U);
}

TEST_P(JournalSuite, lag_sees_holes_and_stale_tails) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 6, "a")).has_value());
  ASSERT_TRUE(journal().append(sample_blocks(0, 2, "b")).has_value());
  store().lose(3);
  const PartyKey a{.run = "r1", .party = "a"}, b{.run = "r1", .party = "b"}, c{.run = "r1", .party = "c"};
  auto lag = journal().wait(journal().reader().lag({{.party = a, .blocks = 9}, {.party = c, .blocks = 1}}, soon()));
  ASSERT_TRUE(lag.has_value()) << base::to_text(lag.error());
  ASSERT_EQ(lag->size(), 3U);
  EXPECT_EQ((*lag)[0].party, a);
  EXPECT_EQ((*lag)[0].missing, (std::vector<SeqRange>{{.first = 2, .last = 2}, {.first = 6, .last = 8}}));
  EXPECT_EQ((*lag)[1].party, c);
  EXPECT_EQ((*lag)[1].missing, (std::vector<SeqRange>{{.first = 0, .last = 0}}));
  EXPECT_EQ((*lag)[2].party, b);
  EXPECT_EQ((*lag)[2].extra, (std::vector<SeqRange>{{.first = 0, .last = 1}}));
  EXPECT_TRUE(
      journal().wait(journal().reader().lag({{.party = b, .blocks = 2}, {.party = a, .blocks = 6}}, soon()))->size() ==
      1);
}

TEST_P(JournalSuite, damage_is_told_and_names_the_block) {
  open({.cache_blocks_max = 1});
  ASSERT_TRUE(journal().append(sample_blocks(0, 3)).has_value());
  store().damage(2);
  const auto block = journal().wait(journal().reader().get(2, soon()));
  ASSERT_EQ(failure_of(block), base::Code::Corrupt);
  EXPECT_NE(base::to_text(block.error()).find('2'), std::string::npos);
  EXPECT_TRUE(journal().wait(journal().reader().get(3, soon())).has_value());
}

TEST_P(JournalSuite, the_slowest_and_all_failed_operations_are_found_without_reading_a_chunk) {
  const auto counts = open_counted();
  ASSERT_TRUE(journal().append(sample_chunks(40)).has_value());
  // Whoever looks at a chunk now finds it damaged, below the counter, too.
  for (std::uint64_t seq = 1; seq <= 40; ++seq) store().damage(seq);

  const auto slowest = journal().wait(journal().reader().notable({.statuses = kSucceeded}, 10, true, soon()));
  ASSERT_TRUE(slowest.has_value()) << base::to_text(slowest.error());
  ASSERT_EQ(slowest->size(), 10U);
  for (std::uint64_t i = 0; i < 10; ++i) {
    EXPECT_EQ((*slowest)[i].block.seq, 40 - i);
    EXPECT_EQ((*slowest)[i].record.latency_ns, static_cast<std::int64_t>(2'000'039 - i));
  }
  const auto failed = journal().wait(journal().reader().notable({.statuses = kFailed}, 40, false, soon()));
  ASSERT_TRUE(failed.has_value()) << base::to_text(failed.error());
  ASSERT_EQ(failed->size(), 40U);
  for (std::uint64_t i = 0; i < 40; ++i) {
    EXPECT_EQ((*failed)[i].block.seq, i + 1);
    EXPECT_EQ((*failed)[i].record, sample_chunk(i).notable.back());
  }
  EXPECT_EQ(counts->blocks, 0U);
  EXPECT_EQ(counts->payload_bytes, 0U);
  EXPECT_EQ(counts->records, 50U);
}

TEST_P(JournalSuite, a_window_of_a_run_reads_the_chunks_that_touch_it_and_no_other) {
  const auto counts = open_counted();
  ASSERT_TRUE(journal().append(sample_chunks(100)).has_value());
  for (const std::uint64_t seq : {1U, 49U, 50U, 53U, 54U, 100U}) store().damage(seq);
  // 1 % of the run, over parts of two chunks.
  const Filter window{.kinds = {BlockKind::Records}, .time_ns = {50'500'000'000, 51'500'000'000}};
  const auto chunks = journal().wait(journal().reader().query(window, 100, soon()));
  ASSERT_TRUE(chunks.has_value()) << base::to_text(chunks.error());
  EXPECT_EQ(seqs_of(*chunks), numbers(51, 52));
  EXPECT_EQ(counts->blocks, 2U);
}

TEST_P(JournalSuite, what_was_appended_is_there_after_it_is_opened_again) {
  ASSERT_TRUE(journal().append(sample_blocks(0, 5)).has_value());
  ASSERT_TRUE(journal().wait(journal()->discard("r1", 7, 2, soon())).has_value());
  open();
  if (!store().keeps()) return;
  EXPECT_EQ(journal().reader().head(), 5U);
  EXPECT_EQ(journal().append(sample_blocks(5, 1))->numbers, numbers(6, 6));
  StoredBlock late = sample_block(0);
  late.header.stage = 7;
  late.header.party.attempt = 2;
  EXPECT_EQ(failure_of(journal().append({late})), base::Code::Terminated);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(JournalSuite);

}  // namespace sluice::journal
