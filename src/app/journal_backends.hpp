#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "async/deadline.hpp"
#include "base/error.hpp"
#include "journal/tiers/backend.hpp"

namespace sluice::app {

/// What a journal is opened for.
enum class JournalAccess : std::uint8_t { Ask, Change };

/// Errors: InvalidArgument (no such scheme, no path).
base::Result<void> check_journal_uri(const std::string& uri);

/// The URI as it may be told: of a server's without user, password and options.
std::string without_credentials(const std::string& uri);

/// Opens the database of a journal by the scheme of its URI: `sqlite:PATH`, which Change makes where it is missing, or
/// `postgres://...`. The one place that knows the concrete backends. Blocks, at most until the deadline, or 10 s.
/// Errors: as check_journal_uri(), and those of the backend.
base::Result<std::unique_ptr<journal::Backend>> open_journal_backend(const std::string& uri, JournalAccess access,
                                                                     async::Deadline deadline);
base::Result<std::unique_ptr<journal::Backend>> open_journal_backend(const std::string& uri, JournalAccess access);

/// The URI of the journal in a results directory: "sqlite:DIR/journal.db".
std::string journal_uri_of(const std::string& results_dir);

}  // namespace sluice::app
