#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "dataset/flat.hpp"
#include "dataset/number_split.hpp"
#include "dataset/pattern.hpp"
#include "dataset/tree.hpp"
#include "model/names.hpp"

namespace sluice::dataset {

/// How many runs of indices a selection may consist of (32 MiB at most), and how many steps it may take to find them
/// (about a second): a pattern that picks single files all over a very large dataset (every file whose number ends in
/// 7, of 64 million) is refused with ResourceExhausted.
inline constexpr std::size_t kSelectionRunsMax = std::size_t{1} << 20;
inline constexpr std::size_t kSelectionStepsMax = std::size_t{1} << 24;

/// begin, begin + step, ..., `count` indices in all.
struct IndexRun {
  std::uint64_t begin = 0;
  std::uint64_t step = 1;
  std::uint64_t count = 0;

  bool operator==(const IndexRun&) const = default;
};

/// Some of the names of another set, as runs of its indices, in their order. Owns the set. A name costs a binary search
/// over the runs more; a single run costs nothing.
class RangedNames final : public model::Names {
 public:
  /// `runs`: disjoint, none empty, within `base`.
  RangedNames(std::unique_ptr<const model::Names> base, const std::vector<IndexRun>& runs);

  /// The index in the base set.
  std::uint64_t base_index(std::uint64_t index) const;
  std::size_t run_count() const { return parts_.size(); }

  std::uint64_t count() const override { return count_; }
  std::size_t write_name(std::uint64_t index, std::span<char> out) const override {
    return base_->write_name(base_index(index), out);
  }
  std::uint64_t size_of(std::uint64_t index) const override { return base_->size_of(base_index(index)); }
  model::NameOrigin origin(std::uint64_t index) const override { return base_->origin(base_index(index)); }

 private:
  struct Part {
    std::uint64_t before = 0;  ///< how many names lie in the parts before this one
    std::uint64_t begin = 0;   ///< in the base set
    std::uint64_t step = 1;
  };
  std::unique_ptr<const model::Names> base_;
  std::vector<Part> parts_;
  std::uint64_t count_ = 0;
};

/// The members of a dataset that `pattern` selects, found by arithmetic: nothing is listed, no name is written one by
/// one. Pattern and names are relative to the same target (a dataset's prefix is part of its names). An empty selection
/// is a Names of count 0, not an error. The result copies what it needs: neither argument must outlive it.
///
/// The walk goes down the levels of the tree in blocks of directories in which the pattern stands alike, so `d*/`,
/// `**`, `d*/*/d3_w1.dir/*`, one subtree or one file take microseconds; the files of a subtree are one run in a
/// `bottom` tree and one a level in an `all` tree. Numbers inside file names (`file_000012*`) are split digit by digit.
/// Errors: ResourceExhausted beyond kSelectionRunsMax or kSelectionStepsMax; Cancelled where `ask_stop` says so.
base::Result<std::unique_ptr<model::Names>> select(const TreeFiles& files, const Pattern& pattern,
                                                   AskStop ask_stop = {});
/// The directories that the pattern selects themselves (Pattern::matches_directory), parents before children.
base::Result<std::unique_ptr<model::Names>> select(const TreeDirectories& directories, const Pattern& pattern,
                                                   AskStop ask_stop = {});
base::Result<std::unique_ptr<model::Names>> select(const FlatNames& names, const Pattern& pattern,
                                                   AskStop ask_stop = {});

}  // namespace sluice::dataset
