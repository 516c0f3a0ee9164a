#pragma once

#include <cstdint>

#include "journal/tiers/stored_block.hpp"

namespace sluice::journal {

/// XXH3-64 of all that is stored of a block but its payload, which has a hash of its own: the header and the notable
/// records. It stands in databases, so what it is made of never changes.
std::int64_t row_checksum(const StoredBlock& block);

}  // namespace sluice::journal
