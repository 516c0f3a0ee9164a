#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::model {

class Names;
struct NamesRecipe;

/// The set that a name comes from, and its index there.
struct NameOrigin {
  const Names* names = nullptr;
  std::uint64_t index = 0;
};

/// The longest name that write_name may make.
inline constexpr std::size_t kNameBytesMax = 1024;

/// A set of names that are made on demand from an index: a tree by arithmetic, a glob's result, what a run has put.
/// Implementations are immutable while a stage runs and may be read from every thread.
class Names {
 public:
  virtual ~Names() = default;

  /// How many names there are; indices are 0..count-1.
  virtual std::uint64_t count() const = 0;

  /// Writes name `index`, relative to the target, without a leading '/', into `out` (at least kNameBytesMax bytes).
  /// Returns its length. Allocates nothing; about 20-50 ns.
  virtual std::size_t write_name(std::uint64_t index, std::span<char> out) const = 0;

  /// The object's size in bytes where it follows from the name, else kSizeUnknown.
  static constexpr std::uint64_t kSizeUnknown = UINT64_MAX;
  virtual std::uint64_t size_of(std::uint64_t index) const { return static_cast<void>(index), kSizeUnknown; }

  /// Of a selection from other sets: where the name comes from. Lives as long as this.
  virtual NameOrigin origin(std::uint64_t index) const { return {this, index}; }

  /// How these names are made, where arithmetic can make them again from a few values; of a selection nothing.
  virtual std::optional<NamesRecipe> recipe() const;
};

}  // namespace sluice::model
