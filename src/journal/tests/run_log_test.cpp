#include "journal/run_log.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "journal/block_codec.hpp"
#include "journal/segment_reader.hpp"
#include "journal/tests/loops.hpp"
#include "journal/tests/sample_blocks.hpp"
#include "journal/tests/scratch.hpp"

namespace sluice::journal {
namespace {

using base::operator""s;

void write_samples(const std::string& folder, std::string_view party) {
  Loops loops;
  auto log = RunLog::create(loops, folder, party);
  ASSERT_TRUE(log) << log.error().what;
  for (const model::Block& block : sample_blocks()) ASSERT_TRUE((*log)->append(block));
  ASSERT_TRUE(loops.wait((*log)->sync(in(10s))));
  ASSERT_TRUE(loops.wait((*log)->close(in(10s))));
}

TEST(RunLog, every_kind_of_block_is_read_back_in_order) {
  const Scratch scratch;
  write_samples(scratch.folder(), "local");
  EXPECT_TRUE(std::filesystem::exists(scratch.path("log/local.seg")));
  const auto content = read_run_log(scratch.folder());
  ASSERT_TRUE(content) << content.error().what;
  const auto samples = sample_blocks();
  ASSERT_EQ(content->blocks.size(), samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(encode_block(content->blocks[i]), encode_block(samples[i]));
  }
  EXPECT_EQ(content->report.blocks, samples.size());
  EXPECT_TRUE(content->report.flaws.empty());
}

TEST(RunLog, parties_are_read_one_after_the_other_by_name) {
  const Scratch scratch;
  write_samples(scratch.folder(), "node2");
  write_samples(scratch.folder(), "node1");
  std::vector<std::string> parties;
  const auto report = read_run_log(scratch.folder(), [&](std::string_view party, model::Block&&) {
    if (parties.empty() || parties.back() != party) parties.emplace_back(party);
  });
  ASSERT_TRUE(report);
  EXPECT_EQ(parties, (std::vector<std::string>{"node1", "node2"}));
}

TEST(RunLog, a_second_run_into_the_same_directory_is_refused) {
  Loops loops;
  const Scratch scratch;
  write_samples(scratch.folder(), "local");
  EXPECT_EQ(RunLog::create(loops, scratch.folder()).error().code, base::Code::InvalidArgument);
}

TEST(RunLog, open_goes_on_after_a_torn_tail) {
  Loops loops;
  const Scratch scratch;
  write_samples(scratch.folder(), "local");
  const std::string path = run_log_path(scratch.folder(), "local");
  const std::string whole = read_file(path);
  write_file(path, whole.substr(0, whole.size() - 3));
  {
    const auto content = read_run_log(scratch.folder());
    ASSERT_TRUE(content);
    ASSERT_EQ(content->report.flaws.size(), 1u);
    EXPECT_TRUE(content->report.flaws[0].torn_tail);
    EXPECT_EQ(content->report.flaws[0].file, path);
  }
  auto log = RunLog::open(loops, scratch.folder());
  ASSERT_TRUE(log);
  EXPECT_GT((*log)->recovery().torn_bytes, 0u);
  ASSERT_TRUE((*log)->append(model::Note{1, "resumed"}));
  ASSERT_TRUE(loops.wait((*log)->close(in(10s))));
  const auto content = read_run_log(scratch.folder());
  ASSERT_TRUE(content);
  EXPECT_EQ(content->blocks.size(), sample_blocks().size());  // one lost, one more
  EXPECT_EQ(std::get<model::Note>(content->blocks.back()).text, "resumed");
  EXPECT_TRUE(content->report.flaws.empty());
}

TEST(RunLog, a_block_that_cannot_be_understood_is_named_and_the_rest_is_read) {
  Loops loops;
  const Scratch scratch;
  std::filesystem::create_directory(scratch.path("log"));
  auto segment = SegmentWriter::create(loops, run_log_path(scratch.folder(), "local"));
  ASSERT_TRUE(segment);
  ASSERT_TRUE((*segment)->append(encode_block(model::Note{1, "before"})));
  ASSERT_TRUE((*segment)->append(as_bytes("\x01\x7Fnonsense")));
  ASSERT_TRUE((*segment)->append(as_bytes("of another time"), static_cast<FrameType>(200)));
  ASSERT_TRUE((*segment)->append(encode_block(model::Note{2, "after"})));
  ASSERT_TRUE(loops.wait((*segment)->close(in(10s))));
  const auto content = read_run_log(scratch.folder());
  ASSERT_TRUE(content);
  EXPECT_EQ(content->blocks.size(), 2u);
  ASSERT_EQ(content->report.flaws.size(), 1u) << "a type of frame that is not known is passed over";
  EXPECT_EQ(content->report.flaws[0].offset,
            kFileHeaderBytes + kFrameHeaderBytes + encode_block(model::Note{1, "before"}).size());
}

TEST(RunLog, a_directory_without_a_log_says_so) {
  Loops loops;
  const Scratch scratch;
  for (const std::string& folder : {scratch.folder(), scratch.path("absent")}) {
    const auto content = read_run_log(folder);
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().code, base::Code::NotFound);
    EXPECT_FALSE(content.error().likely.empty());
    EXPECT_FALSE(content.error().try_next.empty());
  }
  EXPECT_EQ(RunLog::create(loops, scratch.path("absent")).error().code, base::Code::NotFound);
}

}  // namespace
}  // namespace sluice::journal
