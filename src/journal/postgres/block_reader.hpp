#pragma once

#include <vector>

#include "journal/postgres/connection.hpp"

namespace sluice::journal::postgres {

// The reads of PostgresBackend, each over a transaction that sees one state.

base::Result<BackendState> read_state(Connection& connection, const Call& call);

/// Which block, by a unique column of `b`. NotFound; Corrupt.
base::Result<StoredBlock> read_block(Connection& connection, std::uint64_t seq, const Call& call);
base::Result<StoredBlock> read_block(Connection& connection, const PartyKey& party, std::uint64_t party_seq,
                                     const Call& call);
base::Result<StoredBlock> read_block(Connection& connection, const Digest& hash, const Call& call);

base::Result<ReadPage> read_page(Connection& connection, const ReadRequest& request, const Call& call);
base::Result<std::vector<FoundRecord>> read_notable(Connection& connection, const NotableRequest& request,
                                                    const Call& call);
base::Result<std::vector<SeqRange>> read_present(Connection& connection, const PartyKey& party, const Call& call);

/// All above `seq`, damaged ones too.
base::Result<std::vector<StoredBlock>> read_above(Connection& connection, std::uint64_t seq, const Call& call);

}  // namespace sluice::journal::postgres
