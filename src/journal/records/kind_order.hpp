#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::journal {

/// The records of a chunk by their kind, those of one kind in the order in which they came. What a stat says is unlike
/// what a get says, so both pack better apart. Keeps its memory.
class KindOrder {
 public:
  /// Every kind is below model::kOpKinds.
  void set(std::span<const std::uint64_t> kinds);

  /// Where another kind begins; at most one less than there are kinds.
  std::span<const std::size_t> sections() const { return sections_; }
  /// The values in this order; valid until the next call for the same `memory`. `values` itself where all are of one
  /// kind.
  std::span<const std::uint64_t> gather(std::span<const std::uint64_t> values,
                                        std::vector<std::uint64_t>& memory) const;
  /// Undoes gather(), in place; `memory` is overwritten.
  void scatter(std::span<std::uint64_t> values, std::vector<std::uint64_t>& memory) const;

 private:
  std::vector<std::uint32_t> record_at_;  ///< by place in this order
  std::vector<std::size_t> sections_;
};

}  // namespace sluice::journal
