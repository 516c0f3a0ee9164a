#include "load/prepared_set.hpp"

#include "dataset/selection.hpp"

namespace sluice::load {

base::Result<std::unique_ptr<PreparedSet>> PreparedSet::create(const model::Dataset& spec, std::uint32_t shards,
                                                               std::uint64_t seed, Targets& targets) {
  SLUICE_TRY(dataset::SizeSampler sizes, dataset::SizeSampler::create(spec.size, seed));
  std::unique_ptr<PreparedSet> set(
      new PreparedSet(spec, std::move(sizes)));  // tidy-allow: new because of the private constructor
  set->seed_ = seed;
  set->hash_ = dataset::plan_hash(spec, shards, seed);
  SLUICE_TRY(set->base_, targets.locate(spec.base_uri));
  const std::string& prefix = set->base_.name;
  if (spec.tree) {
    SLUICE_TRY(dataset::Tree made, dataset::Tree::create(*spec.tree, prefix));
    const dataset::Tree& tree = set->tree_.emplace(std::move(made));
    auto files = std::make_unique<dataset::TreeFiles>(tree, set->sizes_);
    auto directories = std::make_unique<dataset::TreeDirectories>(tree);
    set->tree_files_ = files.get();
    set->tree_directories_ = directories.get();
    set->files_ = std::move(files);
    set->directories_ = std::move(directories);
    return set;
  }
  SLUICE_CHECK(dataset::check_prefix(prefix));
  auto files = std::make_unique<dataset::FlatNames>(prefix, spec.count, set->sizes_, shards);
  set->flat_ = files.get();
  set->files_ = std::move(files);
  if (shards > 0) set->directories_ = std::make_unique<dataset::ShardDirectories>(prefix, shards);
  return set;
}

dataset::IndexRange PreparedSet::level_range(std::uint32_t level) const {
  if (!tree_) return {0, directories_->count()};
  return {tree_->first_in_level(level), tree_->first_in_level(level) + tree_->directories_in_level(level)};
}

base::Result<bool> PreparedSet::is_base_empty(model::Progress& seen, const async::CancelToken& cancel) const {
  bool empty = true;
  const storage::ListSink first_only = [&empty](std::span<const std::string_view>) { return empty = false; };
  auto listed = base_.backend->list({.prefix = base_.name, .directories = true}, first_only, seen, cancel);
  if (!listed && listed.error().code != base::Code::NotFound) return base::fail(std::move(listed).error());
  return empty;
}

base::Result<std::unique_ptr<model::Names>> PreparedSet::select_files(const dataset::Pattern& pattern,
                                                                      const async::CancelToken& cancel) const {
  const auto ask_stop = [cancel] { return cancel.is_cancelled(); };
  return tree_files_ != nullptr ? dataset::select(*tree_files_, pattern, ask_stop)
                                : dataset::select(*flat_, pattern, ask_stop);
}

base::Result<std::unique_ptr<model::Names>> PreparedSet::select_directories(const dataset::Pattern& pattern,
                                                                            const async::CancelToken& cancel) const {
  if (tree_directories_ != nullptr) {
    return dataset::select(*tree_directories_, pattern, [cancel] { return cancel.is_cancelled(); });
  }
  return std::make_unique<dataset::ShardDirectories>(std::string(), 0);
}

}  // namespace sluice::load
