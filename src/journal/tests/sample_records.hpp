#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "journal/records/record_chunk.hpp"
#include "model/op_record.hpp"

namespace sluice::journal {

/// A record with the name of its target where that is foreign.
struct NamedRecord {
  model::OpRecord record;
  std::string name;
};
using NamedRecords = std::vector<NamedRecord>;

/// What storage leaves: several workers, times in order, now and then a failure or a foreign name.
NamedRecords usual_records(std::uint64_t seed, std::size_t count);
/// Any value in any field, each drawn for itself and often at a bound of its type.
NamedRecords wild_records(std::uint64_t seed, std::size_t count);
/// Few records that have something in every field; those of the golden chunk.
NamedRecords golden_records();

/// All of them, as one chunk of a new encoder.
std::vector<std::byte> chunk_of(const NamedRecords& records);
/// The same by an encoder that exists; not more than it takes.
std::vector<std::byte> chunk_of(const NamedRecords& records, RecordEncoder& encoder);
/// What a chunk says; foreign targets have their name, and index 0.
NamedRecords named(const RecordChunk& chunk);

}  // namespace sluice::journal
