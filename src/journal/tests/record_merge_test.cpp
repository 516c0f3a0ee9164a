#include "journal/record_merge.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "journal/tests/sample_records.hpp"

namespace sluice::journal {
namespace {

/// Chunks in memory, of which some are damaged.
class KeptChunks final : public ChunkSource {
 public:
  void add(const NamedRecords& records, std::uint32_t party = 0) {
    chunks_.push_back(chunk_of(records));
    const auto header = read_chunk_header(chunks_.back());
    ASSERT_TRUE(header);
    places.push_back({.party = party,
                      .number = chunks_.size(),
                      .at = chunks_.size() - 1,
                      .records = header->zone.records,
                      .start_ns_min = header->start_ns_min});
    for (const NamedRecord& one : records) all.push_back(one);
  }
  base::Result<RecordChunk> read(const ChunkPlace& place) override {
    ++reads;
    if (failure && place.at == failed_at) return base::fail(*failure);
    return decode_records(chunks_[static_cast<std::size_t>(place.at)]);
  }
  std::string where(const ChunkPlace& place) const override { return "chunk " + std::to_string(place.at); }

  std::vector<ChunkPlace> places;
  NamedRecords all;
  std::uint64_t reads = 0, failed_at = 0;
  std::optional<base::Error> failure;

 private:
  std::vector<std::vector<std::byte>> chunks_;
};

NamedRecords drain(RecordMerge& merge) {
  NamedRecords found;
  MergedRecord merged;
  while (true) {
    const auto is_there = merge.next(merged);
    EXPECT_TRUE(is_there);
    if (!is_there || !*is_there) return found;
    found.push_back({.record = *merged.record, .name = std::string(merged.name)});
    if (found.back().record.dataset == model::OpRecord::kForeign) found.back().record.index = 0;
  }
}

/// What the order is said to be, by the plainest means.
NamedRecords sorted(const NamedRecords& records) {
  std::vector<std::size_t> order(records.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, {}, [&records](std::size_t i) {
    const model::OpRecord& record = records[i].record;
    return std::tuple(record.start_ns, record.end_ns, record.worker, i);
  });
  NamedRecords in_order;
  for (const std::size_t i : order) in_order.push_back(records[i]);
  return in_order;
}

void expect_same(const NamedRecords& found, const NamedRecords& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].record, expected[i].record) << i;
    ASSERT_EQ(found[i].name, expected[i].name) << i;
  }
}

model::OpRecord record(std::int64_t start_ns, std::int64_t end_ns, std::uint32_t worker = 0) {
  return {.intended_ns = start_ns, .start_ns = start_ns, .end_ns = end_ns, .worker = worker};
}

/// A chunk of `count` operations of a microsecond each, from `from_ns` on.
NamedRecords quick_ones(std::int64_t from_ns, std::size_t count) {
  NamedRecords records(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t start = from_ns + static_cast<std::int64_t>(i) * 1000;
    records[i].record = record(start, start + 900);
  }
  return records;
}

TEST(RecordMerge, chunks_of_several_logs_come_out_in_one_order) {
  KeptChunks chunks;
  for (std::uint64_t seed = 0; seed < 6; ++seed) chunks.add(usual_records(seed, 3000), seed % 2 == 0 ? 0 : 1);
  RecordMerge merge(chunks, chunks.places);
  expect_same(drain(merge), sorted(chunks.all));
  EXPECT_EQ(chunks.reads, 6U);
}

TEST(RecordMerge, chunks_may_be_written_in_any_order) {
  KeptChunks chunks;
  for (const std::int64_t from : {5, 1, 3, 2, 4}) chunks.add(quick_ones(from * 1'000'000, 1000));
  RecordMerge merge(chunks, chunks.places);
  expect_same(drain(merge), sorted(chunks.all));
}

TEST(RecordMerge, equal_starts_go_by_end_then_worker_then_place) {
  KeptChunks chunks;
  chunks.add({{.record = record(10, 30, 2), .name = {}}, {.record = record(10, 20, 9), .name = {}}});
  chunks.add({{.record = record(10, 30, 1), .name = {}}, {.record = record(10, 30, 2), .name = {}}});
  chunks.all.clear();
  RecordMerge merge(chunks, chunks.places);
  MergedRecord merged;
  std::vector<std::tuple<std::int64_t, std::uint32_t, std::uint64_t>> found;
  while (*merge.next(merged)) found.emplace_back(merged.record->end_ns, merged.record->worker, merged.place->at);
  const std::vector<std::tuple<std::int64_t, std::uint32_t, std::uint64_t>> expected{
      {20, 9, 0}, {30, 1, 1}, {30, 2, 0}, {30, 2, 1}};
  EXPECT_EQ(found, expected);
}

TEST(RecordMerge, slow_operations_cost_a_second_reading_and_no_memory) {
  KeptChunks chunks;
  constexpr std::size_t kChunks = 40, kRecords = 1000;
  for (std::size_t i = 0; i < kChunks; ++i) {
    NamedRecords records = quick_ones(static_cast<std::int64_t>(i + 1) * 1'000'000, kRecords);
    // One that started with the run and ends only here.
    records.back().record.start_ns = static_cast<std::int64_t>(i);
    chunks.add(records);
  }
  constexpr std::size_t kBytesMax = 5 * kRecords * sizeof(model::OpRecord);
  RecordMerge merge(chunks, chunks.places, kBytesMax);
  expect_same(drain(merge), sorted(chunks.all));
  EXPECT_LE(merge.bytes_high_water(), kBytesMax + 2 * kRecords * sizeof(model::OpRecord));
  EXPECT_LE(chunks.reads, 2 * kChunks + 2);
  EXPECT_GT(chunks.reads, kChunks) << "this test is to see chunks put aside";
}

TEST(RecordMerge, room_for_one_chunk_is_enough) {
  KeptChunks chunks;
  for (std::uint64_t seed = 0; seed < 4; ++seed) chunks.add(usual_records(seed, 200));
  RecordMerge merge(chunks, chunks.places, 1);
  expect_same(drain(merge), sorted(chunks.all));
}

TEST(RecordMerge, any_times_whatever_are_sorted) {
  KeptChunks chunks;
  for (std::uint64_t seed = 0; seed < 5; ++seed) chunks.add(wild_records(seed, 500));
  RecordMerge merge(chunks, chunks.places, 100'000);
  expect_same(drain(merge), sorted(chunks.all));
}

TEST(RecordMerge, a_damaged_chunk_is_left_out_and_named_once) {
  KeptChunks chunks;
  for (const std::int64_t from : {1, 2, 3}) chunks.add(quick_ones(from * 1'000'000, 1000));
  chunks.failed_at = 1;
  chunks.failure = base::Error{.code = base::Code::Corrupt, .what = "bits"};
  RecordMerge merge(chunks, chunks.places);
  EXPECT_EQ(drain(merge).size(), 2000U);
  ASSERT_EQ(merge.flaws().size(), 1U);
  EXPECT_EQ(merge.flaws()[0].place.at, 1U);
  EXPECT_EQ(merge.flaws()[0].error.what, "bits");
}

TEST(RecordMerge, a_source_that_fails_ends_it) {
  KeptChunks chunks;
  chunks.add(quick_ones(0, 10));
  chunks.failure = base::Error{.code = base::Code::Unavailable, .what = "the server has gone"};
  RecordMerge merge(chunks, chunks.places);
  MergedRecord merged;
  EXPECT_EQ(merge.next(merged).error().code, base::Code::Unavailable);
}

TEST(RecordMerge, nothing_is_the_end_at_once) {
  KeptChunks chunks;
  RecordMerge merge(chunks, {});
  MergedRecord merged;
  EXPECT_FALSE(*merge.next(merged));
  EXPECT_FALSE(*merge.next(merged));
}

}  // namespace
}  // namespace sluice::journal
