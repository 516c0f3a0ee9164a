#pragma once

#include <optional>

#include <nlohmann/json_fwd.hpp>

#include "base/error.hpp"

namespace sluice::report {

/// An error as every document has it: null, or code, what, where, likely, try_next, and chain and also where there are
/// some. The shape is `error` in docs/schema/summary.schema.json.
nlohmann::ordered_json error_json(const std::optional<base::Error>& error);

}  // namespace sluice::report
