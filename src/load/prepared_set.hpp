#pragma once

#include <memory>
#include <optional>
#include <string>

#include "dataset/flat.hpp"
#include "dataset/marker.hpp"
#include "dataset/pattern.hpp"
#include "dataset/size_sampler.hpp"
#include "dataset/tree.hpp"
#include "load/targets.hpp"
#include "model/run_plan.hpp"

namespace sluice::load {

/// A dataset of the plan, known by arithmetic: its files, its directories, sizes and place. Immutable while stages run,
/// but for `status`.
class PreparedSet {
 public:
  /// What this run may delete of it.
  enum class Status : std::uint8_t {
    Unknown,  ///< not prepared by this run: its marker decides
    Partly,   ///< objects without a marker were there before: only `made`
    Ours,     ///< all of it
  };

  /// Errors: of the shape, the sizes, or the base URI.
  static base::Result<std::unique_ptr<PreparedSet>> create(const model::Dataset& spec, std::uint32_t shards,
                                                           std::uint64_t seed, Targets& targets);

  const model::Dataset& spec() const { return spec_; }
  /// Where its base lies: name is the prefix of all its names, "" or ending in '/'.
  const Place& base() const { return base_; }
  const model::Names& files() const { return *files_; }
  /// Null where it has none. Parents before children; level_range tells the levels.
  const model::Names* directories() const { return directories_.get(); }
  std::uint32_t levels() const { return tree_ ? tree_->depth() : directories_ != nullptr ? 1 : 0; }
  /// The directories of level 1..levels().
  dataset::IndexRange level_range(std::uint32_t level) const;
  const dataset::SizeSampler& sizes() const { return sizes_; }
  std::uint64_t seed() const { return seed_; }
  const std::string& hash() const { return hash_; }
  std::string marker_name() const { return base_.name + std::string(dataset::kMarkerName); }
  /// The URI of the base, for people.
  std::string uri() const { return base_.backend->uri() + base_.name; }

  /// Is there nothing at all below the base, or no base? Counts in `seen` what it looks at. Blocks. Errors: a directory
  /// that cannot be read; Cancelled.
  base::Result<bool> is_base_empty(model::Progress& seen, const async::CancelToken& cancel) const;

  /// The members that a pattern (relative to the backend's base) selects; count 0 where it selects none.
  base::Result<std::unique_ptr<model::Names>> select_files(const dataset::Pattern& pattern,
                                                           const async::CancelToken& cancel) const;
  base::Result<std::unique_ptr<model::Names>> select_directories(const dataset::Pattern& pattern,
                                                                 const async::CancelToken& cancel) const;

  Status status = Status::Unknown;
  dataset::RangeSet made;  ///< the objects this run has written; kept where status is Partly

 private:
  PreparedSet(model::Dataset spec, dataset::SizeSampler sizes) : spec_(std::move(spec)), sizes_(std::move(sizes)) {}

  model::Dataset spec_;
  dataset::SizeSampler sizes_;
  std::uint64_t seed_ = 0;
  std::string hash_;
  Place base_;
  std::optional<dataset::Tree> tree_;
  std::unique_ptr<model::Names> files_, directories_;
  const dataset::TreeFiles* tree_files_ = nullptr;  ///< files_, where it is a tree
  const dataset::FlatNames* flat_ = nullptr;        ///< files_, where it is flat
  const dataset::TreeDirectories* tree_directories_ = nullptr;
};

}  // namespace sluice::load
