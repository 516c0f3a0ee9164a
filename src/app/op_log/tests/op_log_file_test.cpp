#include "app/op_log/op_log_file.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "app/op_log/op_log_output.hpp"
#include "async/runtime.hpp"
#include "dataset/flat.hpp"
#include "dataset/listed.hpp"
#include "dataset/tree.hpp"
#include "journal/op_log_writer.hpp"
#include "journal/records/packing.hpp"
#include "journal/run_log.hpp"

namespace sluice::app {
namespace {

namespace fs = std::filesystem;

const OpLogProgress kGoOn = [](std::uint64_t, std::uint64_t) { return true; };

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::vector<std::string>> rows_of(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string>& row = rows.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, '\t');) row.push_back(cell);
  }
  return rows;
}

/// A results directory with a log of two stages.
class OpLogFile : public testing::Test {
 protected:
  static constexpr std::size_t kFile = 7, kError = 8, kStart = 9, kStage = 17;
  static constexpr std::int64_t kMillisecond = 1'000'000;

  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "sluice-op-log-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    ASSERT_TRUE(found_.append("odd/name"));
    found_.freeze();
    write_log();
  }
  void TearDown() override { fs::remove_all(dir_); }

  void write_log(std::int64_t operations = 500) {
    auto runtime = async::Runtime::create({.worker_threads = 1, .name = "test"});
    ASSERT_TRUE(runtime);
    auto log = journal::RunLog::create(**runtime, dir_.string());
    ASSERT_TRUE(log) << log.error().what;
    ASSERT_TRUE(
        (*log)->append(model::RunStarted{.run_id = "8f3a", .target = "file:///t/", .at = {1'795'751'061'000'000'000}}));
    journal::OpLogWriter writer(**log, {.encoder = {.records_max = 100}});
    for (std::uint32_t stage = 0; stage < 2; ++stage) {
      ASSERT_TRUE((*log)->append(model::StageStarted{.stage = stage, .name = stage == 0 ? "fill" : "load"}));
      writer.begin(stage, {"file:///t/", "file:///u/"});
      write_operations(writer, stage, operations);
      writer.end();
    }
    const auto closed =
        (*runtime)->executor().block_on((*log)->close(async::Deadline::in(base::Nanos{10'000'000'000})));
    ASSERT_TRUE(closed);
  }

  /// The later a worker has started one the earlier it is written, so that chunks are out of order.
  void write_operations(journal::OpLogWriter& writer, std::uint32_t stage, std::int64_t operations) {
    const std::array<const model::Names*, 5> names = {&flat_, &tree_, &made_, &single_, &found_};
    for (std::int64_t i = operations - 1; i >= 0; --i) {
      const std::int64_t start = (std::int64_t{2} * stage * operations + i) * kMillisecond;
      const auto which = static_cast<std::size_t>(i) % names.size();
      const bool is_late = i == 0 && stage == 0;  // it ends with the run
      model::OpRecord record{.intended_ns = start,
                             .start_ns = start,
                             .end_ns = is_late ? 3 * operations * kMillisecond : start + 900,
                             .index = which < 3 ? static_cast<std::uint64_t>(i) % 8 : 0,
                             .endpoint = which == 4 ? 1U : 0U};
      if (i == 7) record.error = model::ErrorKind::Io, record.code = 5;
      writer.take(std::array{model::TakenRecord{.record = record, .names = names[which]}}, base::now());
    }
  }

  fs::path dir_;
  dataset::FlatNames flat_{"flat/", 100};
  dataset::TreeFiles tree_{*dataset::Tree::create({.width = 2, .depth = 1, .files_per_dir = 4}, "tree/")};
  dataset::PutNames made_{"new/", "8f3a", "0"};
  dataset::SingleName single_{"one"};
  dataset::ListedNames found_;
};

TEST_F(OpLogFile, has_every_operation_once_by_its_start_with_its_name) {
  const auto written = write_op_log(dir_.string(), "ops.tsv", kGoOn);
  ASSERT_TRUE(written) << written.error().what;
  EXPECT_EQ(written->records, 1000U);
  EXPECT_TRUE(written->damage.empty());
  const auto rows = rows_of(content_of(dir_ / "ops.tsv"));
  ASSERT_EQ(rows.size(), 1001U);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].size(), 18U);
    EXPECT_EQ(rows[i][0], std::to_string(i - 1));
    if (i > 1) EXPECT_LT(rows[i - 1][kStart], rows[i][kStart]);
    EXPECT_EQ(rows[i][kStage], i <= 500 ? "fill" : "load");
  }
  const std::vector<std::string> files = {rows[6][kFile], rows[2][kFile], rows[3][kFile], rows[4][kFile],
                                          rows[5][kFile]};
  const std::vector<std::string> expected = {"/t/flat/prepared-00000005.dat", "/t/tree/d1_w1.dir/file_00000001.dat",
                                             "/t/new/put-8f3a-0-2", "/t/one", "/u/odd/name"};
  EXPECT_EQ(files, expected);
  EXPECT_EQ(rows[8][kError], "io_error: EIO (5)");
}

TEST_F(OpLogFile, the_same_log_makes_the_same_bytes_packed_ones_too) {
  for (const char* name : {"a.tsv.zst", "b.tsv.zst", "c.tsv"}) ASSERT_TRUE(write_op_log(dir_.string(), name, kGoOn));
  const std::string packed = content_of(dir_ / "a.tsv.zst"), plain = content_of(dir_ / "c.tsv");
  EXPECT_EQ(packed, content_of(dir_ / "b.tsv.zst"));
  EXPECT_LT(packed.size(), plain.size() / 3);
  std::string unpacked(plain.size(), ' ');
  ASSERT_TRUE(journal::unpack(std::as_bytes(std::span(packed)), std::as_writable_bytes(std::span(unpacked))));
  EXPECT_EQ(unpacked, plain);
}

TEST_F(OpLogFile, a_folder_in_its_path_is_made_and_an_old_file_replaced) {
  fs::create_directories(dir_ / "sub");
  std::ofstream(dir_ / "sub/ops.tsv") << "old";
  ASSERT_TRUE(write_op_log(dir_.string(), "sub/ops.tsv", kGoOn));
  EXPECT_EQ(rows_of(content_of(dir_ / "sub/ops.tsv")).size(), 1001U);
  ASSERT_TRUE(write_op_log(dir_.string(), "other/ops.tsv", kGoOn));
  EXPECT_TRUE(fs::exists(dir_ / "other/ops.tsv"));
}

TEST_F(OpLogFile, ended_early_it_leaves_nothing_behind) {
  fs::remove_all(dir_ / "log");
  write_log(5000);
  for (const bool while_reading : {true, false}) {
    const auto written = write_op_log(dir_.string(), "ops.tsv",
                                      [&](std::uint64_t, std::uint64_t total) { return total == 0 && !while_reading; });
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, base::Code::Cancelled);
    EXPECT_EQ(std::distance(fs::directory_iterator(dir_), {}), 1) << "the log alone";
  }
  EXPECT_EQ(write_op_log(dir_.string(), "ops.tsv", kGoOn)->records, 10'000U);
}

TEST_F(OpLogFile, a_damaged_chunk_is_named_and_the_rest_is_written) {
  const fs::path log = dir_ / "log/local.seg";
  std::string content = content_of(log);
  content[content.size() / 2] ^= 1;
  std::ofstream(log, std::ios::binary) << content;
  const auto written = write_op_log(dir_.string(), "ops.tsv", kGoOn);
  ASSERT_TRUE(written) << written.error().what;
  EXPECT_EQ(written->records, 900U);
  ASSERT_EQ(written->damage.size(), 1U);
  EXPECT_NE(written->damage[0].find("local.seg: frame "), std::string::npos) << written->damage[0];
  EXPECT_NE(written->damage[0].find(" at byte "), std::string::npos) << written->damage[0];
  EXPECT_EQ(rows_of(content_of(dir_ / "ops.tsv")).size(), 901U);
}

TEST_F(OpLogFile, a_log_that_was_cut_gives_what_it_has) {
  const fs::path log = dir_ / "log/local.seg";
  fs::resize_file(log, fs::file_size(log) - 10);
  const auto written = write_op_log(dir_.string(), "ops.tsv", kGoOn);
  ASSERT_TRUE(written) << written.error().what;
  EXPECT_EQ(written->records, 900U);
  EXPECT_TRUE(written->damage.empty());
  EXPECT_EQ(written->torn.size(), 1U);
}

TEST_F(OpLogFile, where_it_cannot_be_written_that_is_said) {
  fs::create_directories(dir_ / "ops.tsv/in-the-way");
  const auto written = write_op_log(dir_.string(), "ops.tsv", kGoOn);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().what, "the op-log could not be written");
  EXPECT_FALSE(fs::exists(dir_ / "ops.tsv.part"));
}

TEST(OpLogOutput, a_cut_file_has_the_frames_before) {
  std::string pattern = (fs::temp_directory_path() / "sluice-op-log-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path dir = pattern;
  {
    auto out = OpLogOutput::to((dir / "x.zst").string());
    ASSERT_TRUE(out);
    std::string lines;
    for (int i = 0; i < 200'000; ++i) lines += fmt::format("line {} of many that are to be packed\n", i);
    ASSERT_TRUE(out->put(lines));
    ASSERT_TRUE(out->put(lines));
    ASSERT_TRUE(out->put("the last line\n"));
    ASSERT_TRUE(out->finish());
  }
  // Frames begin with these four bytes.
  const std::string content = content_of(dir / "x.zst"), magic = "\x28\xb5\x2f\xfd";
  std::size_t frames = 0;
  for (std::size_t at = content.find(magic); at != std::string::npos; at = content.find(magic, at + 1)) ++frames;
  EXPECT_EQ(frames, 3U);
  fs::remove_all(dir);
}

}  // namespace
}  // namespace sluice::app
