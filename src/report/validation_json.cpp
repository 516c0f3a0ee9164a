#include "report/validation_json.hpp"

#include <nlohmann/json.hpp>

namespace sluice::report {

std::string validation_json(const model::RunPlan& plan, const Validation& validation) {
  using Json = nlohmann::ordered_json;
  Json document{
      {"schema", "sluice.validation/1"}, {"valid", validation.valid},       {"plan", plan.name},
      {"target", plan.target},           {"stages", Json::array()},         {"preflight", validation.headline},
      {"problems", validation.problems}, {"warnings", validation.warnings}, {"unbuilt", Json::array()}};
  for (const model::Stage& stage : plan.stages) {
    document["stages"].push_back({{"name", stage.name}, {"type", name_of(stage.type)}});
  }
  for (const model::Unbuilt& unbuilt : plan.unbuilt) {
    document["unbuilt"].push_back({{"feature", unbuilt.feature}, {"line", unbuilt.line}});
  }
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::report
