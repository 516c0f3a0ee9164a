#include "dataset/selection.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "dataset/number_split.hpp"

namespace sluice::dataset {

namespace {

base::Error too_scattered(const Pattern& pattern) {
  return {.code = base::Code::ResourceExhausted,
          .what = "the pattern picks single names from all over the dataset: too many pieces to select by arithmetic",
          .where = fmt::format("pattern \"{}\"", pattern.text()),
          .likely = {"it picks single files by their numbers in a very large dataset"},
          .try_next = {"select whole directories (\"d1_*/\") or a leading part of the number (\"prepared-0001*\")"}};
}

base::Error no_selection(const Pattern& pattern, const NumberSplit& numbers) {
  if (!numbers.is_stopped()) return too_scattered(pattern);
  return {.code = base::Code::Cancelled,
          .what = "selecting names was cancelled",
          .where = fmt::format("pattern \"{}\"", pattern.text())};
}

/// Collects runs of indices; neighbours become one.
class Runs {
 public:
  /// False when there are too many.
  bool add(IndexRange range) {
    if (range.empty()) return true;
    if (!runs_.empty() && runs_.back().step == 1 && runs_.back().begin + runs_.back().count == range.begin) {
      runs_.back().count += range.size();
      return true;
    }
    runs_.push_back({range.begin, 1, range.size()});
    return runs_.size() <= kSelectionRunsMax;
  }

  bool add_strided(IndexRun run) {
    if (run.count == 0) return true;
    runs_.push_back(run);
    return runs_.size() <= kSelectionRunsMax;
  }

  /// In rising order, neighbours joined.
  std::vector<IndexRun> take() {
    std::ranges::sort(runs_, {}, &IndexRun::begin);
    std::vector<IndexRun> sorted;
    std::swap(sorted, runs_);
    for (const IndexRun& run : sorted) {
      if (run.step == 1) {
        add(IndexRange{run.begin, run.begin + run.count});
      } else {
        runs_.push_back(run);
      }
    }
    return std::move(runs_);
  }

 private:
  std::vector<IndexRun> runs_;
};

/// Goes down a tree's levels in blocks: neighbouring directories of one level behind whose names the pattern stands
/// alike.
class TreeSelector {
 public:
  enum class What : std::uint8_t { Files, Directories };

  TreeSelector(const Tree& tree, const Pattern& pattern, What what, AskStop ask_stop)
      : tree_(tree),
        pattern_(pattern),
        what_(what),
        numbers_(pattern, kSelectionStepsMax, std::move(ask_stop)),
        children_(tree.depth() + 1) {}

  base::Result<std::vector<IndexRun>> run() {
    const Pattern::Walk base = pattern_.advance(pattern_.start(), tree_.prefix());
    if (!visit_children(0, {0, 1}, base) || numbers_.is_stopped()) return fail(no_selection(pattern_, numbers_));
    return runs_.take();
  }

 private:
  struct Child {
    IndexRange ordinals;  ///< within the parent, from 0
    Pattern::Walk walk;   ///< behind the directory's name and '/'
  };

  /// `block`: directories of `level`, counted from the level's first. False: too many runs or steps.
  bool visit(std::uint32_t level, IndexRange block, const Pattern::Walk& walk) {
    if (!numbers_.step()) return false;
    const std::uint64_t first = tree_.first_in_level(level);
    const IndexRange directories{first + block.begin, first + block.end};
    if (what_ == What::Directories) {
      if (pattern_.accepts_directory(walk) && !runs_.add(directories)) return false;
    } else if (pattern_.accepts_everything_below(walk)) {
      return add_all_below(level, block);
    } else if (!add_files(tree_.files_in(directories), walk)) {
      return false;
    }
    return !pattern_.is_alive(walk) || visit_children(level, block, walk);
  }

  bool visit_children(std::uint32_t level, IndexRange block, const Pattern::Walk& walk) {
    if (level == tree_.depth()) return true;
    const std::vector<Child>& children = children_of(level, walk);
    if (children.size() > kSelectionRunsMax || numbers_.is_at_end()) return false;
    const std::uint64_t width = tree_.width();
    if (children.size() == 1 && children[0].ordinals.size() == width) {
      return visit(level + 1, {block.begin * width, block.end * width}, children[0].walk);
    }
    for (std::uint64_t parent = block.begin; parent < block.end; ++parent) {
      if (children.empty()) break;
      for (const Child& child : children) {
        const std::uint64_t begin = parent * width;
        if (!visit(level + 1, {begin + child.ordinals.begin, begin + child.ordinals.end}, child.walk)) return false;
      }
    }
    return true;
  }

  /// What the names of the directories in a directory of `level` do to the pattern; the same for all where it stands
  /// alike.
  const std::vector<Child>& children_of(std::uint32_t level, const Pattern::Walk& walk) {
    const auto [found, is_new] = children_[level].try_emplace(walk);
    std::vector<Child>& children = found->second;
    if (!is_new) return children;
    const Pattern::Walk label = pattern_.advance(walk, tree_.text_before_number(level + 1));
    numbers_.split({1, tree_.width() + 1}, tree_.number_digits(), label,
                   [&](IndexRange numbers, const Pattern::Walk& at) {
                     Pattern::Walk behind = pattern_.advance(at, tree_.text_behind_number());
                     if (!pattern_.is_alive(behind) && !pattern_.accepts_directory(behind)) return true;
                     if (!children.empty() && children.back().walk == behind &&
                         children.back().ordinals.end + 1 == numbers.begin) {
                       children.back().ordinals.end = numbers.end - 1;
                     } else {
                       children.push_back({{numbers.begin - 1, numbers.end - 1}, std::move(behind)});
                     }
                     return children.size() <= kSelectionRunsMax;
                   });
    return children;
  }

  bool add_all_below(std::uint32_t level, IndexRange block) {
    for (std::uint32_t l = level; l <= tree_.depth(); ++l) {
      const std::uint64_t first = tree_.first_in_level(l);
      if (!runs_.add(tree_.files_in(IndexRange{first + block.begin, first + block.end}))) return false;
      block = {block.begin * tree_.width(), block.end * tree_.width()};
    }
    return true;
  }

  bool add_files(IndexRange files, const Pattern::Walk& walk) {
    if (files.empty()) return true;
    if (pattern_.accepts_every_entry(walk)) return runs_.add(files);
    const Pattern::Walk stem = pattern_.advance(walk, Tree::kFileStem);
    return numbers_.split(files, Tree::kFileDigits, stem, [&](IndexRange part, const Pattern::Walk& at) {
      return !pattern_.accepts_file(pattern_.advance(at, Tree::kFileEnding)) || runs_.add(part);
    });
  }

  const Tree& tree_;
  const Pattern& pattern_;
  What what_;
  NumberSplit numbers_;
  std::vector<std::map<Pattern::Walk, std::vector<Child>>> children_;  ///< [level]
  Runs runs_;
};

/// The indices begin..end-1 that are `shard` modulo `shards`.
IndexRun members_of_shard(IndexRange range, std::uint64_t shard, std::uint64_t shards) {
  const std::uint64_t begin = range.begin + (shard + shards - range.begin % shards) % shards;
  return {begin, shards, begin >= range.end ? 0 : (range.end - begin - 1) / shards + 1};
}

bool add_prepared(const Pattern& pattern, NumberSplit& numbers, const FlatNames& names, const Pattern::Walk& walk,
                  auto add) {
  const IndexRange all{0, names.count()};
  if (pattern.accepts_everything_below(walk) || pattern.accepts_every_entry(walk)) return add(all);
  const Pattern::Walk stem = pattern.advance(walk, FlatNames::kStem);
  return numbers.split(all, FlatNames::kDigits, stem, [&](IndexRange part, const Pattern::Walk& at) {
    return !pattern.accepts_file(pattern.advance(at, FlatNames::kEnding)) || add(part);
  });
}

bool add_shards(const Pattern& pattern, NumberSplit& numbers, const FlatNames& names, const Pattern::Walk& base,
                Runs& runs) {
  const ShardDirectories directories("", names.shards());
  std::array<char, model::kNameBytesMax> name;
  for (std::uint32_t shard = 0; shard < names.shards(); ++shard) {
    const Pattern::Walk walk = pattern.advance(base, {name.data(), directories.write_name(shard, name)});
    if (!pattern.is_alive(walk)) continue;
    const auto add = [&](IndexRange range) { return runs.add_strided(members_of_shard(range, shard, names.shards())); };
    if (!add_prepared(pattern, numbers, names, walk, add)) return false;
  }
  return true;
}

}  // namespace

RangedNames::RangedNames(std::unique_ptr<const model::Names> base, const std::vector<IndexRun>& runs)
    : base_(std::move(base)) {
  parts_.reserve(runs.size());
  for (const IndexRun& run : runs) {
    SLUICE_ASSERT(run.count > 0 && run.begin + (run.count - 1) * run.step < base_->count());
    parts_.push_back({.before = count_, .begin = run.begin, .step = run.step});
    count_ += run.count;
  }
}

std::uint64_t RangedNames::base_index(std::uint64_t index) const {
  SLUICE_DEBUG_ASSERT(index < count_);
  const Part* part = parts_.data();
  if (parts_.size() > 1) part += std::ranges::upper_bound(parts_, index, {}, &Part::before) - parts_.begin() - 1;
  return part->begin + (index - part->before) * part->step;
}

base::Result<std::unique_ptr<model::Names>> select(const TreeFiles& files, const Pattern& pattern, AskStop ask_stop) {
  SLUICE_TRY(auto runs, TreeSelector(files.tree(), pattern, TreeSelector::What::Files, std::move(ask_stop)).run());
  return std::make_unique<RangedNames>(std::make_unique<TreeFiles>(files), std::move(runs));
}

base::Result<std::unique_ptr<model::Names>> select(const TreeDirectories& directories, const Pattern& pattern,
                                                   AskStop ask_stop) {
  SLUICE_TRY(auto runs,
             TreeSelector(directories.tree(), pattern, TreeSelector::What::Directories, std::move(ask_stop)).run());
  return std::make_unique<RangedNames>(std::make_unique<TreeDirectories>(directories), std::move(runs));
}

base::Result<std::unique_ptr<model::Names>> select(const FlatNames& names, const Pattern& pattern, AskStop ask_stop) {
  Runs runs;
  NumberSplit numbers(pattern, kSelectionStepsMax, std::move(ask_stop));
  const Pattern::Walk base = pattern.advance(pattern.start(), names.prefix());
  const auto add = [&](IndexRange range) { return runs.add(range); };
  const bool is_whole = names.shards() == 0 || pattern.accepts_everything_below(base);
  const bool fits =
      is_whole ? add_prepared(pattern, numbers, names, base, add) : add_shards(pattern, numbers, names, base, runs);
  if (!fits) return fail(no_selection(pattern, numbers));
  return std::make_unique<RangedNames>(std::make_unique<FlatNames>(names), runs.take());
}

}  // namespace sluice::dataset
