#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "journal/tiers/backend.hpp"

namespace sluice::app {

/// What a journal is opened for.
enum class JournalAccess : std::uint8_t { Ask, Change };

/// Opens the database of a journal by the scheme of its URI: `sqlite:PATH`, which Change makes where it is missing. The
/// one place that knows the concrete backends. Blocks. Errors: InvalidArgument (no such scheme, no path), Unsupported
/// (postgres://), and those of the backend.
base::Result<std::unique_ptr<journal::Backend>> open_journal_backend(const std::string& uri, JournalAccess access);

/// The URI of the journal in a results directory: "sqlite:DIR/journal.db".
std::string journal_uri_of(const std::string& results_dir);

}  // namespace sluice::app
