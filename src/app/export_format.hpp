#pragma once

#include <cstdint>

namespace sluice::app {

/// How a table of results is written.
enum class ExportFormat : std::uint8_t { Tsv, Json, Csv };

}  // namespace sluice::app
