#pragma once

#include <cstdint>
#include <string>

#include "model/run_plan.hpp"

namespace sluice::model {

/// How a set of names is made from indices: with it a target is a number in the results, and its name can be written
/// again wherever they are read. dataset/recipe.hpp makes the names.
struct NamesRecipe {
  /// Stands in logs: append only.
  enum class Kind : std::uint8_t { Flat, Shards, Numbered, Single, TreeFiles, TreeDirectories };

  Kind kind = Kind::Single;
  std::string prefix;        ///< before every name; of Single the name itself
  std::string stem;          ///< Numbered: what stands before the number
  std::uint32_t shards = 0;  ///< Flat, Shards, Numbered
  std::uint64_t count = 0;   ///< Flat
  TreeShape tree;            ///< TreeFiles, TreeDirectories

  bool operator==(const NamesRecipe&) const = default;
};

}  // namespace sluice::model
