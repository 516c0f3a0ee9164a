#include "dataset/recipe.hpp"

#include <utility>

#include "dataset/flat.hpp"
#include "dataset/tree.hpp"

namespace sluice::dataset {

namespace {

using Kind = model::NamesRecipe::Kind;

base::Error impossible(std::string_view why) {
  return {.code = base::Code::Corrupt,
          .what = "the names of targets cannot be made again: " + std::string(why),
          .likely = {"the bytes were changed on their way although their check matches", "a mistake in the program"},
          .try_next = {"please report it, with the log"}};
}

/// The prefix of a set that puts something behind it.
base::Result<void> check_base(const model::NamesRecipe& recipe) {
  if (!recipe.prefix.empty() && !recipe.prefix.ends_with('/')) {
    return base::fail(impossible("their prefix is no directory"));
  }
  // Of a Numbered one it stands before a number of 20 digits and a shard of 9, as check_prefix() allows for.
  constexpr std::size_t kStemMax = 160;
  if (recipe.stem.size() > kStemMax) return base::fail(impossible("what stands before their numbers is too long"));
  return check_prefix(recipe.prefix);
}

template <class Made, class... Arguments>
std::unique_ptr<const model::Names> make(Arguments&&... arguments) {
  return std::make_unique<Made>(std::forward<Arguments>(arguments)...);
}

}  // namespace

base::Result<std::unique_ptr<const model::Names>> make_names(const model::NamesRecipe& recipe) {
  if (recipe.kind == Kind::Single) {
    if (recipe.prefix.size() > model::kNameBytesMax) return base::fail(impossible("a name is too long"));
    return make<SingleName>(recipe.prefix);
  }
  SLUICE_CHECK(check_base(recipe));
  switch (recipe.kind) {
    case Kind::Single: break;
    case Kind::Flat: return make<FlatNames>(recipe.prefix, recipe.count, std::nullopt, recipe.shards);
    case Kind::Shards: return make<ShardDirectories>(recipe.prefix, recipe.shards);
    case Kind::Numbered: return make<PutNames>(recipe.prefix, recipe.stem, recipe.shards);
    case Kind::TreeFiles:
    case Kind::TreeDirectories: {
      auto tree = Tree::create(recipe.tree, recipe.prefix);
      if (!tree) return base::fail(impossible(tree.error().what));
      if (recipe.kind == Kind::TreeFiles) return make<TreeFiles>(std::move(*tree));
      return make<TreeDirectories>(std::move(*tree));
    }
  }
  return base::fail(impossible("their kind is unknown"));
}

}  // namespace sluice::dataset
