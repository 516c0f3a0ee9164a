#include "dataset/recipe.hpp"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dataset/flat.hpp"
#include "dataset/listed.hpp"
#include "dataset/partition.hpp"
#include "dataset/pattern.hpp"
#include "dataset/selection.hpp"
#include "dataset/tree.hpp"

namespace sluice::dataset {
namespace {

using Kind = model::NamesRecipe::Kind;

std::string name_of(const model::Names& names, std::uint64_t index) {
  std::array<char, model::kNameBytesMax> name;
  return {name.data(), names.write_name(index, name)};
}

Tree tree_of(bool all_levels) {
  return *Tree::create({.width = 3, .depth = 2, .files_per_dir = 4, .all_levels = all_levels, .dir_mask = "L%02d-%d"},
                       "base/");
}

TEST(Recipe, makes_the_same_names_again) {
  std::vector<std::unique_ptr<const model::Names>> sets;
  sets.push_back(std::make_unique<FlatNames>("flat/", 100));
  sets.push_back(std::make_unique<FlatNames>("", 100, SizeSampler::create({}, 1).value(), 300));
  sets.push_back(std::make_unique<ShardDirectories>("flat/", 300));
  sets.push_back(std::make_unique<PutNames>("put/", "r1", "0", 100, std::nullopt, 7, "copy"));
  sets.push_back(std::make_unique<SingleName>("one/file"));
  sets.push_back(std::make_unique<SingleName>(""));
  sets.push_back(std::make_unique<TreeFiles>(tree_of(false)));
  sets.push_back(std::make_unique<TreeFiles>(tree_of(true)));
  sets.push_back(std::make_unique<TreeDirectories>(tree_of(true)));
  for (const auto& names : sets) {
    const auto recipe = names->recipe();
    ASSERT_TRUE(recipe);
    const auto again = make_names(*recipe);
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ((*again)->recipe(), recipe);
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(names->count(), 40); ++i) {
      EXPECT_EQ(name_of(**again, i), name_of(*names, i));
    }
  }
}

TEST(Recipe, a_selection_leads_to_the_set_that_can_be_made_again) {
  const TreeFiles files(tree_of(true));
  const auto some = select(files, *Pattern::compile("base/L01-2/**"));
  ASSERT_TRUE(some);
  ASSERT_GT((*some)->count(), 3U);
  const Strided every_third(**some, 1, 3);
  std::vector<std::unique_ptr<model::Names>> parts;
  parts.push_back(std::make_unique<SingleName>("first"));
  parts.push_back(std::make_unique<Strided>(**some, 0, 1));
  const Concatenated together(std::move(parts));

  EXPECT_FALSE(every_third.recipe());
  for (const model::Names* names :
       {static_cast<const model::Names*>(&every_third), static_cast<const model::Names*>(&together)}) {
    for (std::uint64_t i = 0; i < names->count(); ++i) {
      const model::NameOrigin origin = names->origin(i);
      ASSERT_TRUE(origin.names->recipe());
      const auto again = make_names(*origin.names->recipe());
      ASSERT_TRUE(again);
      EXPECT_EQ(name_of(**again, origin.index), name_of(*names, i));
    }
  }
}

TEST(Recipe, names_from_a_listing_have_none) {
  ListedNames listed;
  ASSERT_TRUE(listed.append("found"));
  listed.freeze();
  EXPECT_FALSE(listed.recipe());
  EXPECT_EQ(listed.origin(0).names, &listed);
}

TEST(Recipe, what_cannot_have_been_is_refused) {
  const std::string longest(5000, 'x');
  const model::TreeShape endless{.width = UINT64_MAX, .depth = 50, .files_per_dir = 9};
  for (const model::NamesRecipe& recipe : std::vector<model::NamesRecipe>{
           {.kind = Kind::Single, .prefix = longest},
           {.kind = Kind::Flat, .prefix = "no directory"},
           {.kind = Kind::Flat, .prefix = longest + "/"},
           {.kind = Kind::Numbered, .prefix = "", .stem = longest},
           {.kind = Kind::Shards, .prefix = longest + "/", .shards = 3},
           {.kind = Kind::TreeFiles, .prefix = "", .tree = endless},
           {.kind = Kind::TreeDirectories, .prefix = "", .tree = {.dir_mask = "no numbers"}}}) {
    EXPECT_FALSE(make_names(recipe)) << static_cast<int>(recipe.kind);
  }
}

}  // namespace
}  // namespace sluice::dataset
