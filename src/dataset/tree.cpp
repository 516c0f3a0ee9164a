#include "dataset/tree.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "dataset/decimal.hpp"
#include "model/names_recipe.hpp"

namespace sluice::dataset {

namespace {

constexpr std::uint32_t kMaskDigitsMax = 18;

base::Error bad_shape(std::string what, std::string where) {
  return {.code = base::Code::InvalidArgument, .what = std::move(what), .where = std::move(where)};
}

/// A dir_mask taken apart at its two numbers.
struct Mask {
  std::string begin, middle, end;
  std::uint32_t level_digits = 1, number_digits = 1;
};

base::Error bad_mask(std::string_view mask, std::size_t at, std::string_view why) {
  return bad_shape(fmt::format("dir_mask is not usable: {}", why),
                   fmt::format("dir_mask \"{}\", column {}", mask, at + 1))
      .add_likely("a mask is text with two numbers in it: the level, then the number within the parent")
      .add_try("write it like \"d%d_w%d.dir\" or \"level%02d-%04d\"");
}

/// Reads %d or %0Nd at `at`, which is left behind it.
base::Result<std::uint32_t> parse_number(std::string_view mask, std::size_t& at) {
  const std::size_t begin = at++;
  std::uint32_t digits = 1;
  if (at < mask.size() && mask[at] == '0') {
    digits = 0;
    for (++at; at < mask.size() && mask[at] >= '0' && mask[at] <= '9' && digits <= kMaskDigitsMax; ++at) {
      digits = digits * 10 + static_cast<std::uint32_t>(mask[at] - '0');
    }
  }
  if (at >= mask.size() || mask[at] != 'd') return fail(bad_mask(mask, begin, "only %d and %0Nd may stand after '%'"));
  if (digits == 0 || digits > kMaskDigitsMax) {
    return fail(bad_mask(mask, begin, fmt::format("the number of digits must be 1 to {}", kMaskDigitsMax)));
  }
  ++at;
  return digits;
}

base::Result<Mask> parse_mask(std::string_view text) {
  Mask mask;
  std::string* part = &mask.begin;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '/' || text[at] == '\0')
      return fail(bad_mask(text, at, "'/' cannot be part of a directory's name"));
    if (text[at] != '%') {
      part->push_back(text[at++]);
      continue;
    }
    const std::size_t begin = at;
    SLUICE_TRY(const std::uint32_t digits, parse_number(text, at));
    if (part == &mask.end) return fail(bad_mask(text, begin, "there is a third number"));
    (part == &mask.begin ? mask.level_digits : mask.number_digits) = digits;
    part = part == &mask.begin ? &mask.middle : &mask.end;
  }
  if (part != &mask.end) return fail(bad_mask(text, text.size(), "it has fewer than two numbers"));
  return mask;
}

base::Error too_large(const model::TreeShape& shape, std::string_view unit, double total) {
  return bad_shape(
             fmt::format(
                 "a tree of width {} and depth {} with {} files a directory has about {:.3g} {}; at most {:.3g} "
                 "can be counted",
                 shape.width, shape.depth, shape.files_per_dir, total, unit, static_cast<double>(Tree::kCountMax)),
             "directory_structure")
      .add_likely(
          "width is the number of directories in each directory, not in the tree: level l holds width^l of them")
      .add_try("make width or depth smaller");
}

}  // namespace

base::Result<Tree> Tree::create(const model::TreeShape& shape, std::string_view prefix) {
  SLUICE_ASSERT(prefix.empty() || prefix.ends_with('/'));
  Tree tree;
  tree.prefix_ = prefix;
  tree.shape_ = shape;
  SLUICE_CHECK(tree.set_levels(shape));
  SLUICE_CHECK(tree.set_pieces(shape.dir_mask));
  return tree;
}

base::Result<void> Tree::set_levels(const model::TreeShape& shape) {
  if (shape.width == 0) return fail(bad_shape("width must be at least 1", "directory_structure.width"));
  if (shape.depth == 0 || shape.depth > kDepthMax) {
    return fail(bad_shape(fmt::format("depth {} is out of range: it must be 1 to {}", shape.depth, kDepthMax),
                          "directory_structure.depth"));
  }
  width_ = shape.width;
  depth_ = shape.depth;
  files_per_directory_ = shape.files_per_dir;
  first_.assign(depth_ + 2, 0);
  unsigned __int128 in_level = 1;
  unsigned __int128 total = 0;
  for (std::uint32_t level = 1; level <= depth_; ++level) {
    in_level *= width_;
    total += in_level;
    if (total > kCountMax) {
      return fail(too_large(shape, "directories", std::pow(static_cast<double>(width_), static_cast<double>(depth_))));
    }
    first_[level + 1] = static_cast<std::uint64_t>(total);
  }
  first_with_files_ = shape.all_levels ? 0 : first_[depth_];
  const unsigned __int128 files = (total - first_with_files_) * files_per_directory_;
  if (files > kCountMax) return fail(too_large(shape, "files", static_cast<double>(files)));
  file_count_ = static_cast<std::uint64_t>(files);
  return {};
}

base::Result<void> Tree::set_pieces(std::string_view mask_text) {
  SLUICE_TRY(const Mask mask, parse_mask(mask_text));
  number_digits_ = mask.number_digits;
  behind_number_ = mask.end + '/';
  labels_.resize(depth_ + 1);
  before_.resize(depth_ + 1);
  std::size_t longest_component = 0;
  for (std::uint32_t level = 1; level <= depth_; ++level) {
    labels_[level] = fmt::format("{}{:0{}}{}", mask.begin, level, mask.level_digits, mask.middle);
    before_[level] = make_piece((level == 1 ? prefix_ : behind_number_) + labels_[level]);
    longest_component = std::max(
        longest_component, labels_[level].size() + std::max(count_digits(width_), number_digits_) + mask.end.size());
  }
  directory_end_ = make_piece(behind_number_);
  file_begin_ = make_piece(behind_number_ + std::string(kFileStem));
  if (longest_component > kComponentBytesMax) {
    return fail(bad_mask(mask_text, 0,
                         fmt::format("it makes directory names of {} bytes; file systems take {}", longest_component,
                                     kComponentBytesMax)));
  }
  if (longest_name() > kTreeNameBytesMax) {
    return fail(bad_shape(fmt::format("the names of a tree of depth {} would be {} bytes long; at most {} can be used",
                                      depth_, longest_name(), kTreeNameBytesMax),
                          "directory_structure")
                    .add_try("make depth smaller or dir_mask shorter"));
  }
  return {};
}

Tree::Piece Tree::make_piece(std::string text) {
  Piece piece;
  piece.size = static_cast<std::uint32_t>(text.size());
  std::memcpy(piece.text.data(), text.data(), std::min(text.size(), Piece::kInlineBytes));
  if (text.size() > Piece::kInlineBytes) piece.overflow = std::move(text);
  return piece;
}

inline char* Tree::append(char* at, const Piece& piece) {
  // Always 32 bytes: one move instead of a call. create() keeps names short enough for what it writes too much.
  if (piece.size <= Piece::kInlineBytes) [[likely]] {
    std::memcpy(at, piece.text.data(), Piece::kInlineBytes);
  } else {
    std::memcpy(at, piece.overflow.data(), piece.size);
  }
  return at + piece.size;
}

std::size_t Tree::longest_name() const {
  std::size_t size = file_begin_.size + std::max(kFileDigits, count_digits(file_count_)) + kFileEnding.size();
  for (std::uint32_t level = 1; level <= depth_; ++level) {
    size += before_[level].size + std::max(count_digits(width_), number_digits_);
  }
  return size;
}

std::uint32_t Tree::level_of(std::uint64_t directory) const {
  SLUICE_DEBUG_ASSERT(directory < directory_count());
  std::uint32_t level = depth_;
  while (first_[level] > directory) --level;
  return level;
}

std::uint64_t Tree::parent_of(std::uint64_t directory) const {
  const std::uint32_t level = level_of(directory);
  return level == 1 ? kNoDirectory : first_[level - 1] + (directory - first_[level]) / width_;
}

IndexRange Tree::children_of(std::uint64_t directory) const {
  return descendants_of(directory, directory == kNoDirectory ? 1 : level_of(directory) + 1);
}

IndexRange Tree::descendants_of(std::uint64_t directory, std::uint32_t level) const {
  std::uint32_t at = directory == kNoDirectory ? 0 : level_of(directory);
  if (level > depth_ || level < std::max(at, 1U)) return {};
  std::uint64_t begin = directory == kNoDirectory ? 0 : directory - first_[at];
  std::uint64_t end = begin + 1;
  for (; at < level; ++at) begin *= width_, end *= width_;
  return {first_[level] + begin, first_[level] + end};
}

IndexRange Tree::files_in(IndexRange directories) const {
  const std::uint64_t begin = std::max(directories.begin, first_with_files_);
  if (directories.end <= begin) return {};
  return {(begin - first_with_files_) * files_per_directory_,
          (directories.end - first_with_files_) * files_per_directory_};
}

inline char* Tree::append_path(char* at, std::uint64_t directory_in_level, std::uint32_t level) const {
  std::uint64_t numbers[kDepthMax + 1];
  std::uint64_t rest = directory_in_level;
  for (std::uint32_t l = level; l > 1; --l) {
    const std::uint64_t parent = rest / width_;
    numbers[l] = rest - parent * width_ + 1;
    rest = parent;
  }
  numbers[1] = rest + 1;
  for (std::uint32_t l = 1; l <= level; ++l) {
    at = append(at, before_[l]);
    at = append_decimal(at, numbers[l], number_digits_);
  }
  return at;
}

std::size_t Tree::write_directory_name(std::uint64_t directory, std::span<char> out) const {
  SLUICE_DEBUG_ASSERT(out.size() >= model::kNameBytesMax);
  const std::uint32_t level = level_of(directory);
  char* at = append_path(out.data(), directory - first_[level], level);
  at = append(at, directory_end_);
  return static_cast<std::size_t>(at - out.data());
}

std::size_t Tree::write_file_name(std::uint64_t file, std::span<char> out) const {
  SLUICE_DEBUG_ASSERT(out.size() >= model::kNameBytesMax && file < file_count_);
  const std::uint64_t directory = directory_of_file(file);
  const std::uint32_t level = level_of(directory);
  char* at = append_path(out.data(), directory - first_[level], level);
  at = append(at, file_begin_);
  at = append_eight_digits(at, file);
  std::memcpy(at, kFileEnding.data(), kFileEnding.size());
  return static_cast<std::size_t>(at - out.data()) + kFileEnding.size();
}

std::string Tree::directory_name(std::uint64_t directory) const {
  std::array<char, model::kNameBytesMax> buffer;
  return {buffer.data(), write_directory_name(directory, buffer)};
}

std::string Tree::file_name(std::uint64_t file) const {
  std::array<char, model::kNameBytesMax> buffer;
  return {buffer.data(), write_file_name(file, buffer)};
}

std::optional<model::NamesRecipe> TreeDirectories::recipe() const {
  return model::NamesRecipe{
      .kind = model::NamesRecipe::Kind::TreeDirectories, .prefix = std::string(tree_.prefix()), .tree = tree_.shape()};
}

std::optional<model::NamesRecipe> TreeFiles::recipe() const {
  return model::NamesRecipe{
      .kind = model::NamesRecipe::Kind::TreeFiles, .prefix = std::string(tree_.prefix()), .tree = tree_.shape()};
}

}  // namespace sluice::dataset
