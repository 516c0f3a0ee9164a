#pragma once

#include <cstdint>

#include "journal/postgres/transaction.hpp"

namespace sluice::journal::postgres {

/// What this program reads and writes: the schema `sluice` of a database, in this version. A change of the tables is
/// one more step at the end of kSteps in schema.cpp; a step that was released never changes.
std::int64_t schema_version();

/// Makes the schema where there is none, and brings an older one up to date: all in one transaction, and by one client
/// at a time. A role that may only read is content with a schema that is up to date.
/// Errors: Unsupported (a newer program has been here), PermissionDenied (with the GRANT to try).
base::Result<void> prepare_schema(ConnectionPool& pool, const CallBounds& bounds);

/// The first statements of every change: they lock the one row that all take first, so that changes of all controllers
/// come one after the other, and then look at the journal's head, which nobody moves any more.
extern const char* const kLockForChange;
/// The head, from those. Errors: Unsupported where a newer program has changed the schema meanwhile.
base::Result<std::uint64_t> locked_head(const Transaction& transaction);

}  // namespace sluice::journal::postgres
