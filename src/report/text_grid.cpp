#include "report/text_grid.hpp"

#include <algorithm>
#include <utility>

#include "report/plain_text.hpp"

namespace sluice::report {

TextGrid::TextGrid(std::vector<Align> columns, std::size_t indent, std::size_t gap)
    : columns_(std::move(columns)), is_hidden_(columns_.size(), false), indent_(indent), gap_(gap) {}

void TextGrid::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

void TextGrid::hide(std::size_t column) { is_hidden_[column] = true; }

std::vector<std::size_t> TextGrid::widths() const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  return widths;
}

std::size_t TextGrid::width() const {
  std::size_t widest = 0;
  for (const std::string& line : lines()) widest = std::max(widest, columns_of(line));
  return widest;
}

std::vector<std::string> TextGrid::lines() const {
  const std::vector<std::size_t> widths = this->widths();
  std::vector<std::string> lines;
  for (const auto& row : rows_) {
    std::string line(indent_, ' ');
    bool is_first = true;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (is_hidden_[i]) continue;
      const std::string blanks(widths[i] - columns_of(row[i]), ' ');
      if (!is_first) line.append(gap_, ' ');
      is_first = false;
      line += columns_[i] == Align::Left ? row[i] + blanks : blanks + row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace sluice::report
