#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "model/names.hpp"

namespace sluice::dataset {

/// Every `step`-th name of another set, from `first` on: the share of agent i of n is {base, i, n}, a slice is
/// {base, first, 1, count}. A view: `base` must outlive it. O(1).
class Strided final : public model::Names {
 public:
  /// All names from `first` in steps of `step` (at least 1).
  Strided(const model::Names& base, std::uint64_t first, std::uint64_t step) : Strided(base, first, step, UINT64_MAX) {}
  /// At most `count_max` of them.
  Strided(const model::Names& base, std::uint64_t first, std::uint64_t step, std::uint64_t count_max)
      : base_(&base), first_(first), step_(step) {
    SLUICE_ASSERT(step > 0);
    const std::uint64_t total = base.count();
    count_ = std::min(count_max, first >= total ? 0 : (total - first - 1) / step + 1);
  }

  /// The index in the base set.
  std::uint64_t base_index(std::uint64_t index) const { return first_ + index * step_; }

  std::uint64_t count() const override { return count_; }
  std::size_t write_name(std::uint64_t index, std::span<char> out) const override {
    return base_->write_name(base_index(index), out);
  }
  std::uint64_t size_of(std::uint64_t index) const override { return base_->size_of(base_index(index)); }
  model::NameOrigin origin(std::uint64_t index) const override { return base_->origin(base_index(index)); }

 private:
  const model::Names* base_;
  std::uint64_t first_;
  std::uint64_t step_;
  std::uint64_t count_ = 0;
};

/// Several sets one after another: a pattern that selects in two datasets. Owns its parts. Finding the part is a binary
/// search over their number.
class Concatenated final : public model::Names {
 public:
  explicit Concatenated(std::vector<std::unique_ptr<model::Names>> parts);

  std::uint64_t count() const override { return ends_.empty() ? 0 : ends_.back(); }
  std::size_t write_name(std::uint64_t index, std::span<char> out) const override;
  std::uint64_t size_of(std::uint64_t index) const override;
  model::NameOrigin origin(std::uint64_t index) const override;

 private:
  std::pair<const model::Names*, std::uint64_t> part_of(std::uint64_t index) const;

  std::vector<std::unique_ptr<model::Names>> parts_;
  std::vector<std::uint64_t> ends_;
};

}  // namespace sluice::dataset
