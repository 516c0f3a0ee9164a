#include "app/output.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "journal/tests/scratch.hpp"

namespace sluice::app {
namespace {

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class OutputFile : public testing::Test {
 protected:
  void SetUp() override { std::ofstream(path_) << "before"; }

  const journal::Scratch scratch_;
  const std::string path_ = scratch_.path("table.tsv"), part_ = path_ + ".part";
};

TEST_F(OutputFile, has_its_name_when_it_is_whole) {
  auto output = Output::to_file(path_);
  ASSERT_TRUE(output);
  output->put("new");
  output->flush();
  EXPECT_EQ(text_of(path_), "before");
  EXPECT_EQ(text_of(part_), "new");
  ASSERT_TRUE(output->finish());
  EXPECT_EQ(text_of(path_), "new");
  EXPECT_FALSE(std::filesystem::exists(part_));
}

TEST_F(OutputFile, that_is_not_finished_leaves_the_old_one) {
  {
    auto output = Output::to_file(path_);
    ASSERT_TRUE(output);
    Output moved = std::move(*output);
    moved.put(std::string(200'000, 'x'));
  }
  EXPECT_EQ(text_of(path_), "before");
  EXPECT_FALSE(std::filesystem::exists(part_));
}

TEST_F(OutputFile, what_is_no_plain_file_is_written_as_it_is) {
  auto output = Output::to_file("/dev/null");
  ASSERT_TRUE(output);
  output->put("nothing");
  EXPECT_TRUE(output->finish());
  EXPECT_FALSE(std::filesystem::exists("/dev/null.part"));
  EXPECT_TRUE(Output::to_file(scratch_.folder()).error().where.starts_with(scratch_.folder() + ": "));
  EXPECT_FALSE(Output::to_file(scratch_.path("none/table.tsv")));
}

}  // namespace
}  // namespace sluice::app
