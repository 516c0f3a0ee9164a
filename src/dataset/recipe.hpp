#pragma once

#include <memory>
#include <string>

#include "base/error.hpp"
#include "model/names.hpp"
#include "model/names_recipe.hpp"

namespace sluice::dataset {

/// The names that model::Names::recipe() told of, made again; without sizes. Takes any values whatever: recipes come
/// out of logs. Errors: Corrupt, where no such names can have been.
base::Result<std::unique_ptr<const model::Names>> make_names(const model::NamesRecipe& recipe);

}  // namespace sluice::dataset
