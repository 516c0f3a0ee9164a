#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "dataset/range_set.hpp"
#include "dataset/size_sampler.hpp"
#include "model/names.hpp"
#include "model/run_plan.hpp"

namespace sluice::dataset {

/// A directory tree that is never built: every question about it is answered by arithmetic. It owns a few hundred
/// bytes, is immutable, cheap to copy and may be read from every thread.
///
/// Directories are numbered from 0 over all levels in level order: level 1 first, so parents come before children.
/// Directory k (from 0) of level l lies in directory k / width of level l - 1. Level 0 is the base directory; it has no
/// number and holds no files. Files are numbered from 0; file i lies in directory i / files_per_directory, counted from
/// the first directory of the bottom level (`all_levels` false) or of level 1. A file's name carries its own number, so
/// it is unique in the whole tree: `d1_w2.dir/d2_w1.dir/file_00000042.dat`. Source: spec, "Prepare".
class Tree {
 public:
  static constexpr std::string_view kFileStem = "file_";
  static constexpr std::string_view kFileEnding = ".dat";
  static constexpr unsigned kFileDigits = 8;                 ///< at least
  static constexpr std::uint64_t kNoDirectory = UINT64_MAX;  ///< the base directory
  static constexpr std::uint32_t kDepthMax = 100;
  static constexpr std::uint64_t kCountMax = std::uint64_t{1} << 62;  ///< of directories and of files
  static constexpr std::size_t kComponentBytesMax = 255;  ///< of one directory's name; what file systems take
  static constexpr std::size_t kTreeNameBytesMax = model::kNameBytesMax - 32;  ///< of a whole name

  /// `prefix` stands before every name: "" or ending in '/' (the dataset's base relative to the target).
  /// Errors: InvalidArgument for width 0, depth 0 or above kDepthMax, a tree of more than kCountMax directories or
  /// files (naming width, depth and total), a dir_mask that is not text with exactly two %d or %0Nd, or names that
  /// would be longer than kTreeNameBytesMax, or directories' names longer than kComponentBytesMax.
  static base::Result<Tree> create(const model::TreeShape& shape, std::string_view prefix = {});

  std::uint64_t width() const { return width_; }
  std::uint32_t depth() const { return depth_; }
  std::uint64_t files_per_directory() const { return files_per_directory_; }
  std::string_view prefix() const { return prefix_; }
  /// What it was made from.
  const model::TreeShape& shape() const { return shape_; }

  /// All levels together, the base directory not counted.
  std::uint64_t directory_count() const { return first_[depth_ + 1]; }
  /// width^level; `level` is 1..depth.
  std::uint64_t directories_in_level(std::uint32_t level) const { return first_[level + 1] - first_[level]; }
  /// The number of the first directory of `level` (1..depth).
  std::uint64_t first_in_level(std::uint32_t level) const { return first_[level]; }
  /// 1..depth.
  std::uint32_t level_of(std::uint64_t directory) const;
  /// kNoDirectory for those of level 1.
  std::uint64_t parent_of(std::uint64_t directory) const;
  /// The directories directly in `directory` (or in the base, for kNoDirectory); empty at the bottom.
  IndexRange children_of(std::uint64_t directory) const;
  /// The directories of level `level` at or below `directory`: one range; empty where `level` is above it.
  IndexRange descendants_of(std::uint64_t directory, std::uint32_t level) const;

  std::uint64_t file_count() const { return file_count_; }
  std::uint64_t directory_of_file(std::uint64_t file) const { return first_with_files_ + file / files_per_directory_; }
  /// The files directly in a range of directories; one range because both are numbered in the same order.
  IndexRange files_in(IndexRange directories) const;
  IndexRange files_in(std::uint64_t directory) const { return files_in(IndexRange{directory, directory + 1}); }

  /// Writes `<prefix>d1_w1.dir/d2_w7.dir/` into `out` (at least model::kNameBytesMax bytes; those behind the name may
  /// be overwritten) and returns its length. About 20-40 ns at depth 4, allocates nothing.
  std::size_t write_directory_name(std::uint64_t directory, std::span<char> out) const;
  /// The same for `<prefix>d1_w1.dir/file_00000042.dat`.
  std::size_t write_file_name(std::uint64_t file, std::span<char> out) const;

  /// The parts of names that selections match against: what stands before and behind the number of a directory of
  /// `level` in its parent (1..width, padded with zeroes to number_digits()), '/' included.
  std::string_view text_before_number(std::uint32_t level) const { return labels_[level]; }
  std::string_view text_behind_number() const { return behind_number_; }
  std::uint32_t number_digits() const { return number_digits_; }

  /// The same as text, for messages and tests.
  std::string directory_name(std::uint64_t directory) const;
  std::string file_name(std::uint64_t file) const;

 private:
  /// The text between two numbers of a name, padded so that it can be copied with one fixed-size move.
  struct Piece {
    static constexpr std::size_t kInlineBytes = 32;
    std::array<char, kInlineBytes> text{};
    std::uint32_t size = 0;
    std::string overflow;  ///< the whole text where it does not fit
  };

  static Piece make_piece(std::string text);
  static char* append(char* at, const Piece& piece);
  char* append_path(char* at, std::uint64_t directory_in_level, std::uint32_t level) const;
  std::size_t longest_name() const;

  Tree() = default;
  base::Result<void> set_levels(const model::TreeShape& shape);
  base::Result<void> set_pieces(std::string_view mask);

  model::TreeShape shape_;
  std::uint64_t width_ = 1;
  std::uint32_t depth_ = 1;
  std::uint32_t number_digits_ = 1;  ///< at least; of the second %0Nd of the mask
  std::uint64_t files_per_directory_ = 0;
  std::uint64_t first_with_files_ = 0;
  std::uint64_t file_count_ = 0;
  std::vector<std::uint64_t> first_;  ///< [level]: its first directory; [0] unused; [depth + 1]: the total
  std::string prefix_;
  std::vector<std::string> labels_;  ///< [level]: the mask with the level in it, up to the number
  std::string behind_number_;        ///< the rest of the mask, and '/'
  std::vector<Piece> before_;        ///< [level]: labels_[level] and what ends its parent's name, or the prefix
  Piece directory_end_;              ///< behind_number_
  Piece file_begin_;                 ///< behind_number_ and "file_"
};

/// The directories of a tree, parents before children; names end in '/'.
class TreeDirectories final : public model::Names {
 public:
  explicit TreeDirectories(Tree tree) : tree_(std::move(tree)) {}

  const Tree& tree() const { return tree_; }
  std::uint64_t count() const override { return tree_.directory_count(); }
  std::size_t write_name(std::uint64_t index, std::span<char> out) const override {
    return tree_.write_directory_name(index, out);
  }
  std::optional<model::NamesRecipe> recipe() const override;

 private:
  Tree tree_;
};

/// The files of a tree; sizes follow from their numbers where a sampler is given.
class TreeFiles final : public model::Names {
 public:
  explicit TreeFiles(Tree tree, std::optional<SizeSampler> sizes = {})
      : tree_(std::move(tree)), sizes_(std::move(sizes)) {}

  const Tree& tree() const { return tree_; }
  std::uint64_t count() const override { return tree_.file_count(); }
  std::size_t write_name(std::uint64_t index, std::span<char> out) const override {
    return tree_.write_file_name(index, out);
  }
  std::uint64_t size_of(std::uint64_t index) const override { return sizes_ ? sizes_->size_at(index) : kSizeUnknown; }
  std::optional<model::NamesRecipe> recipe() const override;

 private:
  Tree tree_;
  std::optional<SizeSampler> sizes_;
};

}  // namespace sluice::dataset
