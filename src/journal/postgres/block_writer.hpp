#pragma once

#include <span>
#include <vector>

#include "journal/postgres/transaction.hpp"

namespace sluice::journal::postgres {

// The changes of PostgresBackend, each inside of a transaction that its caller has begun with kLockForChange and
// commits: what they see of the journal's head stays true until then.

base::Result<void> write_commit(Transaction& transaction, const Commit& commit, const Call& call);
base::Result<std::vector<StoredBlock>> remove_blocks_above(Transaction& transaction, std::uint64_t seq,
                                                           std::span<const PartyHead> heads, const Call& call);
base::Result<void> write_fence(Transaction& transaction, const Fence& fence, const Call& call);

}  // namespace sluice::journal::postgres
