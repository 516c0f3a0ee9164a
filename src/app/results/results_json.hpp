#pragma once

#include <optional>

#include <nlohmann/json_fwd.hpp>

#include "app/results/results_options.hpp"
#include "base/error.hpp"

namespace sluice::app {

using Json = nlohmann::ordered_json;

/// The document in lines, or in one; bytes that are no UTF-8 become U+FFFD. With a line feed at its end.
std::string document_text(const Json& document);
std::string line_text(const Json& document);

/// What `--json` prints of a command that failed: a document of the same shape, with nothing in it but the error.
std::string failure_text(const base::Error& error, ResultsCommand command);
/// Says the error on stderr, and with --json on stdout. Returns the exit code: 2 for bad usage, else 1.
int report_failure(const base::Error& error, const ResultsOptions& options);

}  // namespace sluice::app
