#include "report/text_grid.hpp"

#include <gtest/gtest.h>

namespace sluice::report {
namespace {

TEST(TextGrid, columns_line_up_and_lines_end_without_blanks) {
  TextGrid grid({TextGrid::Align::Left, TextGrid::Align::Right, TextGrid::Align::Left});
  grid.add({"get", "1", "x"});
  grid.add({"d\xc3\xbcnn", "12,345"});
  EXPECT_EQ(grid.lines(), (std::vector<std::string>{"  get        1  x", "  d\xc3\xbcnn  12,345"}));
}

TEST(TextGrid, a_hidden_column_takes_no_room) {
  TextGrid grid({TextGrid::Align::Left, TextGrid::Align::Right, TextGrid::Align::Left});
  grid.add({"get", "1", "x"});
  grid.add({"stat", "12,345"});
  EXPECT_EQ(grid.width(), 17U);
  grid.hide(0);
  EXPECT_EQ(grid.lines(), (std::vector<std::string>{"       1  x", "  12,345"}));
  EXPECT_EQ(grid.width(), 11U);
  grid.hide(1);
  EXPECT_EQ(grid.lines(), (std::vector<std::string>{"  x", ""}));
}

}  // namespace
}  // namespace sluice::report
