#pragma once

#include <string>
#include <vector>

namespace sluice::report {

/// Rows of cells that line up in columns, for tables on a terminal. One thread; a value.
class TextGrid {
 public:
  enum class Align : std::uint8_t { Left, Right };

  /// One alignment per column; `indent` blanks before the first, `gap` blanks between two.
  explicit TextGrid(std::vector<Align> columns, std::size_t indent = 2, std::size_t gap = 2);

  /// Cells beyond the last column are dropped, missing ones are empty.
  void add(std::vector<std::string> cells);

  /// Shows nothing of a column from now on; the others keep their numbers.
  void hide(std::size_t column);
  /// Columns of the terminal that the widest line takes.
  std::size_t width() const;

  std::size_t size() const { return rows_.size(); }

  /// One string per row, as wide as the widest cells ask, without trailing blanks and without line feeds.
  std::vector<std::string> lines() const;

 private:
  std::vector<std::size_t> widths() const;

  std::vector<Align> columns_;
  std::vector<bool> is_hidden_;
  std::size_t indent_, gap_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace sluice::report
