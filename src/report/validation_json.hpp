#pragma once

#include <string>
#include <vector>

#include "model/run_plan.hpp"

namespace sluice::report {

/// What `sluice validate` found.
struct Validation {
  bool valid = true;
  std::string headline;  ///< of the preflight: space and inodes needed and free; "" where it could not look
  std::vector<std::string> problems;  ///< why it is not valid, each with its place in the plan
  std::vector<std::string> warnings;  ///< of the plan and of the preflight
};

/// One JSON document as docs/schema/validation.schema.json says, indented, with a line feed at its end. Of a plan that
/// could not be read, `plan` is empty.
std::string validation_json(const model::RunPlan& plan, const Validation& validation);

}  // namespace sluice::report
