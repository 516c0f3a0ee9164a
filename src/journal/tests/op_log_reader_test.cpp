#include "journal/op_log_reader.hpp"

#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "journal/run_log.hpp"
#include "journal/tests/loops.hpp"
#include "journal/tests/sample_records.hpp"
#include "journal/tests/scratch.hpp"

namespace sluice::journal {
namespace {

using base::operator""s;

constexpr std::size_t kRecords = 500;

/// A log of a run's beginning and three chunks.
void write_log(const std::string& folder, std::string_view party = "local") {
  Loops loops;
  auto log = RunLog::create(loops, folder, party);
  ASSERT_TRUE(log) << log.error().what;
  ASSERT_TRUE((*log)->append(model::RunStarted{.run_id = "8f3a"}));
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const NamedRecords records = usual_records(seed, kRecords);
    ASSERT_TRUE((*log)->append(
        model::OperationRecords{.stage = 1, .records = kRecords, .lost = seed, .chunk = chunk_of(records)}));
  }
  ASSERT_TRUE(loops.wait((*log)->close(in(10s))));
}

const OpLogReader::Visitor kAll = [](std::uint32_t, const model::Block&) { return true; };

TEST(OpLogReader, chunks_are_found_with_the_other_blocks_and_read_in_any_order) {
  const Scratch scratch;
  write_log(scratch.folder());
  std::vector<std::string> runs;
  const auto reader = OpLogReader::open(scratch.folder(), [&](std::uint32_t party, const model::Block& block) {
    EXPECT_EQ(party, 0U);
    if (const auto* started = std::get_if<model::RunStarted>(&block)) runs.push_back(started->run_id);
    return true;
  });
  ASSERT_TRUE(reader) << reader.error().what;
  EXPECT_EQ(runs, std::vector<std::string>{"8f3a"});
  std::uint64_t records = 0;
  for (const ChunkPlace& place : (*reader)->chunks()) records += place.records;
  EXPECT_EQ(records, 3 * kRecords);
  EXPECT_EQ((*reader)->lost(), 3U);
  EXPECT_TRUE((*reader)->flaws().empty());
  ASSERT_EQ((*reader)->chunks().size(), 3U);
  for (const std::size_t i : {2U, 0U, 1U, 0U}) {
    const ChunkPlace& place = (*reader)->chunks()[i];
    EXPECT_EQ(place.stage, 1U);
    EXPECT_EQ(place.number, i + 1);
    const auto chunk = (*reader)->read(place);
    ASSERT_TRUE(chunk) << chunk.error().what;
    EXPECT_EQ(chunk->records.size(), kRecords);
    EXPECT_EQ(chunk->header.start_ns_min, place.start_ns_min);
  }
}

TEST(OpLogReader, parties_have_numbers_in_the_order_of_their_names) {
  const Scratch scratch;
  write_log(scratch.folder(), "node2");
  write_log(scratch.folder(), "node1");
  const auto reader = OpLogReader::open(scratch.folder(), kAll);
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->parties(), (std::vector<std::string>{"node1", "node2"}));
  ASSERT_EQ((*reader)->chunks().size(), 6U);
  EXPECT_EQ((*reader)->chunks().back().party, 1U);
  EXPECT_TRUE((*reader)->read((*reader)->chunks().back()));
}

TEST(OpLogReader, a_damaged_frame_is_named_and_the_others_are_found) {
  const Scratch scratch;
  write_log(scratch.folder());
  const std::string path = run_log_path(scratch.folder(), "local");
  std::uint64_t at = 0;
  {
    const auto reader = OpLogReader::open(scratch.folder(), kAll);
    ASSERT_TRUE(reader);
    at = (*reader)->chunks()[1].at;
  }
  std::string content = read_file(path);
  content[static_cast<std::size_t>(at) + 200] ^= 1;
  write_file(path, content);
  const auto reader = OpLogReader::open(scratch.folder(), kAll);
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->chunks().size(), 2U);
  ASSERT_EQ((*reader)->flaws().size(), 1U);
  EXPECT_EQ((*reader)->flaws()[0].offset, at);
  EXPECT_FALSE((*reader)->flaws()[0].torn_tail);
}

TEST(OpLogReader, a_chunk_under_right_checks_that_is_none_is_named_by_frame_and_byte) {
  const Scratch scratch;
  {
    Loops loops;
    auto log = RunLog::create(loops, scratch.folder());
    ASSERT_TRUE(log);
    ASSERT_TRUE((*log)->append(model::OperationRecords{.records = 1, .chunk = std::vector<std::byte>(200)}));
    std::vector<std::byte> cut = chunk_of(usual_records(1, 10));
    cut.pop_back();
    ASSERT_TRUE((*log)->append(model::OperationRecords{.records = 10, .chunk = cut}));
    ASSERT_TRUE(loops.wait((*log)->close(in(10s))));
  }
  const auto reader = OpLogReader::open(scratch.folder(), kAll);
  ASSERT_TRUE(reader);
  ASSERT_EQ((*reader)->flaws().size(), 1U) << "that of a broken header; the cut one is found out when it is read";
  EXPECT_TRUE((*reader)->flaws()[0].text.starts_with("frame 0 at byte 16: ")) << (*reader)->flaws()[0].text;
  ASSERT_EQ((*reader)->chunks().size(), 1U);
  const ChunkPlace& place = (*reader)->chunks()[0];
  EXPECT_EQ((*reader)->read(place).error().code, base::Code::Corrupt);
  EXPECT_NE((*reader)->where(place).find("local.seg: frame 1 at byte "), std::string::npos);
}

TEST(OpLogReader, a_frame_that_changes_after_the_look_is_corrupt) {
  const Scratch scratch;
  write_log(scratch.folder());
  const auto reader = OpLogReader::open(scratch.folder(), kAll);
  ASSERT_TRUE(reader);
  const ChunkPlace& place = (*reader)->chunks()[2];
  ChunkPlace elsewhere = place;
  elsewhere.at += 1;
  EXPECT_EQ((*reader)->read(elsewhere).error().code, base::Code::Corrupt);
  elsewhere.at = 1'000'000'000;
  EXPECT_EQ((*reader)->read(elsewhere).error().code, base::Code::Corrupt);
  EXPECT_TRUE((*reader)->read(place));
}

TEST(OpLogReader, a_log_without_records_has_no_chunks_and_no_log_is_not_found) {
  const Scratch scratch;
  EXPECT_EQ(OpLogReader::open(scratch.folder(), kAll).error().code, base::Code::NotFound);
  {
    Loops loops;
    auto log = RunLog::create(loops, scratch.folder());
    ASSERT_TRUE(log);
    ASSERT_TRUE((*log)->append(model::RunStarted{}));
    ASSERT_TRUE(loops.wait((*log)->close(in(10s))));
  }
  const auto reader = OpLogReader::open(scratch.folder(), kAll);
  ASSERT_TRUE(reader);
  EXPECT_TRUE((*reader)->chunks().empty());
}

TEST(OpLogReader, the_look_ends_where_it_is_told_to) {
  const Scratch scratch;
  write_log(scratch.folder());
  const auto reader = OpLogReader::open(scratch.folder(), [](std::uint32_t, const model::Block&) { return false; });
  EXPECT_EQ(reader.error().code, base::Code::Cancelled);
}

}  // namespace
}  // namespace sluice::journal
