#pragma once

#include <optional>
#include <string>

#include "model/summary.hpp"
#include "report/fold.hpp"

namespace sluice::report {

/// The content of summary.json, which `--json` prints as well: one JSON document of the shape in
/// docs/schema/summary.schema.json, indented, with a line feed at its end. Valid for a summary in any state, an empty
/// one included. Keys and messages that are not UTF-8 get U+FFFD for what cannot be told. `afterwards`: what went wrong
/// after the end of a run that has no error itself.
std::string summary_json(const model::Summary& summary, LogState log,
                         const std::optional<base::Error>& afterwards = std::nullopt);

}  // namespace sluice::report
