#include "model/names.hpp"

#include "model/names_recipe.hpp"

namespace sluice::model {

std::optional<NamesRecipe> Names::recipe() const { return std::nullopt; }

}  // namespace sluice::model
