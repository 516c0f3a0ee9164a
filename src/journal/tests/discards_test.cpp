#include "journal/discards.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "journal/tests/scratch.hpp"

namespace sluice::journal {
namespace {

using Attempts = std::vector<DiscardedAttempt>;

class Discards : public testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(discards_path(scratch_.folder())) << text; }
  Scratch scratch_;
};

TEST_F(Discards, a_directory_without_the_file_has_none) {
  EXPECT_EQ(*read_discards(scratch_.folder()), Attempts());
  EXPECT_EQ(*read_discards(scratch_.folder() + "/missing"), Attempts());
}

TEST_F(Discards, what_was_added_is_there_once_and_in_order) {
  ASSERT_TRUE(add_discard(scratch_.folder(), {.stage = 2, .attempt = 1}));
  ASSERT_TRUE(add_discard(scratch_.folder(), {.stage = 0, .attempt = 0}));
  ASSERT_TRUE(add_discard(scratch_.folder(), {.stage = 2, .attempt = 1}));
  EXPECT_EQ(*read_discards(scratch_.folder()), (Attempts{{.stage = 2, .attempt = 1}, {.stage = 0, .attempt = 0}}));
}

TEST_F(Discards, a_line_that_cannot_be_understood_is_named) {
  write("stage\tattempt\n1\t0\n1\tx\n");
  const auto read = read_discards(scratch_.folder());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, base::Code::Corrupt);
  EXPECT_TRUE(read.error().where.ends_with("line 3")) << read.error().where;
  EXPECT_FALSE(add_discard(scratch_.folder(), {})) << "and it is not written over";
}

TEST_F(Discards, another_file_of_that_name_is_refused) {
  for (const std::string text : {"", "run\n", "stage\tattempt\n1\n", "stage\tattempt\n-1\t0\n",
                                 "stage\tattempt\n1\t0\t\n", "stage\tattempt\n99999999999\t0\n"}) {
    write(text);
    EXPECT_FALSE(read_discards(scratch_.folder())) << text;
  }
}

}  // namespace
}  // namespace sluice::journal
