#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.hpp"
#include "journal/tiers/backend.hpp"

namespace sluice::journal {

/// What every backend refuses before it stores anything: seqs that do not follow `head` one by one, notable records
/// that are not in the order of their index, numbers beyond an i64, which no database holds. Errors: InvalidArgument.
base::Result<void> check_commit(const Commit& commit, std::uint64_t head);
/// The numbers of heads alone, for remove_above(). Errors: InvalidArgument.
base::Result<void> check_heads(std::span<const PartyHead> heads);

/// A block whose content is not what its header says, as every backend tells it: Corrupt, with the seq named.
/// `wrong` says what is not as it should be: "its payload is not what its hash says".
base::Error corrupt_block(std::uint64_t seq, std::string_view wrong, std::string_view store);

}  // namespace sluice::journal
