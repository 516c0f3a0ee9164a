#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/operation.hpp"

namespace sluice::journal {

/// XXH3-128 of some bytes: names what they are, and finds damage. Not for secrets.
struct Digest {
  std::uint64_t high = 0, low = 0;
  auto operator<=>(const Digest&) const = default;
};
Digest digest_of(std::span<const std::byte> bytes);
/// 32 hexadecimal digits.
std::string to_text(const Digest& digest);

/// What a block says. The numbers are those of block_codec.hpp and stand in databases.
enum class BlockKind : std::uint8_t {
  RunStarted = 1,
  StageStarted = 2,
  Interval = 3,
  StageEnded = 4,
  Note = 5,
  RunEnded = 6,
  Records = 7,     ///< operation records, see journal/records
  TargetNames = 8  ///< what the numbers of their targets stand for
};
inline constexpr BlockKind kBlockKindLast = BlockKind::TargetNames;
/// "run_started", "interval", ...
std::string_view name_of(BlockKind kind);

/// Whose blocks are numbered together: one party of a run, in one of its attempts.
struct PartyKey {
  std::string run, party;
  std::uint32_t attempt = 0;
  auto operator<=>(const PartyKey&) const = default;
};
/// "run 8f3a, party local, attempt 0".
std::string to_text(const PartyKey& key);

/// A set of results of an operation: bit 0 success, bit 1 + k the model::ErrorKind k.
using StatusSet = std::uint32_t;
inline constexpr StatusSet kSucceeded = 1;
inline constexpr StatusSet status_of(model::ErrorKind kind) { return StatusSet{2} << static_cast<unsigned>(kind); }
/// Bit k: model::OpKind k.
using OperationSet = std::uint32_t;
inline constexpr OperationSet operation_bit(model::OpKind kind) {
  return OperationSet{1} << static_cast<unsigned>(kind);
}

/// The bounds of the operation records of one block: what does not touch them need not be read.
struct ZoneMap {
  std::uint64_t records = 0;
  std::int64_t latency_ns_min = 0, latency_ns_max = 0;
  std::uint64_t bytes_min = 0, bytes_max = 0;
  StatusSet statuses = 0;
  auto operator<=>(const ZoneMap&) const = default;
};

/// What the journal knows of a block without its payload.
struct BlockHeader {
  std::uint64_t seq = 0;  ///< journal-wide, from 1, without holes; given at commit
  PartyKey party;
  std::uint64_t party_seq = 0;  ///< from 0
  std::optional<std::uint32_t> stage;
  BlockKind kind = BlockKind::Note;
  std::int64_t from_ns = 0, to_ns = 0;  ///< its window: since 1970, by the controller's clock
  std::int64_t clock_error_ns = 0;      ///< how far those may be off
  OperationSet operations = 0;          ///< that it has figures or records of
  std::optional<ZoneMap> zone;          ///< of Records
  Digest hash;                          ///< of the payload
  Digest previous;                      ///< hash of the party's block before; zero for its first
  auto operator<=>(const BlockHeader&) const = default;
};

/// One of the slowest operations, or a failed one, as it can be asked for without reading records.
struct NotableRecord {
  std::uint32_t index = 0;  ///< in its block
  model::OpKind operation = model::OpKind::Get;
  StatusSet status = kSucceeded;
  std::int64_t end_ns = 0;  ///< since 1970, as the block's window
  std::int64_t latency_ns = 0;
  std::uint64_t bytes = 0;
  std::string target, detail;
  auto operator<=>(const NotableRecord&) const = default;
};

/// The unit of atomic append: one party's interval, or one event. Never changed once it is committed.
struct StoredBlock {
  BlockHeader header;
  std::vector<std::byte> payload;      ///< as encode_block() made it
  std::vector<NotableRecord> notable;  ///< by index, each once
  bool operator==(const StoredBlock&) const = default;

  std::size_t size_bytes() const;  ///< in memory, roughly
};
// shared because cache, readers and followers each keep what they have seen
using BlockPtr = std::shared_ptr<const StoredBlock>;

/// A block that nobody changes any more, for all who look at it; a page of them, in their order, behind those of `to`.
BlockPtr share(StoredBlock block);
template <class Blocks>
void share_all(std::vector<StoredBlock> blocks, Blocks& to) {
  for (StoredBlock& block : blocks) to.push_back(share(std::move(block)));
}

/// The hash of the payload is what the header says.
bool is_whole(const StoredBlock& block);

}  // namespace sluice::journal
