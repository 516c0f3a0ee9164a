#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "journal/tiers/backend.hpp"

namespace sluice::journal {

// The errors of the journal, in one place so that they read alike everywhere.

/// Code ResourceExhausted: more than `max` things match; nothing is returned rather than a part.
base::Error too_many(std::size_t max, std::string_view of_what);
/// Code Unavailable: what was being read was discarded meanwhile; reading again gives what is left.
base::Error retracted(std::string_view what);
/// Code Terminated: late blocks of an attempt that was discarded.
base::Error fenced(const Fence& fence);
/// Code NotFound: the journal has no such block.
base::Error no_block(std::string where);
/// Code InvalidArgument: two contents under one number, or a chain that does not fit.
base::Error contradiction(std::string what, const PartyKey& party, std::uint64_t party_seq);

/// Trying again may succeed: the database is away, slow or full, and may come back.
bool may_pass(const base::Error& error);

}  // namespace sluice::journal
