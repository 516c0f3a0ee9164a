#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "journal/sqlite/connection.hpp"
#include "journal/tiers/backend.hpp"

namespace sluice::journal {

/// The columns that header_at() reads, of `blocks b`.
inline constexpr std::string_view kHeaderColumns =
    "b.seq, b.party, b.party_seq, b.stage, b.kind, b.from_ns, b.to_ns, b.clock_error_ns, b.operations, b.records, "
    "b.latency_ns_min, b.latency_ns_max, b.bytes_min, b.bytes_max, b.statuses, b.hash, b.previous";
/// Behind them, of `blocks b LEFT JOIN payloads y`: what block_at() reads too.
inline constexpr std::string_view kBlockColumns = ", b.checksum, y.bytes";
inline constexpr int kHeaderColumnCount = 17;

/// Single blocks: the seq of (party, party_seq), all party_seqs of parties by seq, the seq of a hash. No index
/// holds them, which each append would have to keep: `blocks` is small, and is read from its newest row.
inline constexpr std::string_view kSeqOfNumber =
    "SELECT seq FROM blocks NOT INDEXED WHERE party = ? AND party_seq = ? ORDER BY seq DESC LIMIT 1";
inline constexpr std::string_view kNumbersOfParties =
    "SELECT party, party_seq FROM blocks NOT INDEXED WHERE party IN (SELECT value FROM json_each(?)) ORDER BY seq";
inline constexpr std::string_view kSeqOfHash =
    "SELECT seq FROM blocks NOT INDEXED WHERE hash = ? ORDER BY seq DESC LIMIT 1";

using DigestBytes = std::array<std::byte, 16>;
/// The high half first, the high byte first: hex() of it reads as to_text().
DigestBytes digest_bytes(const Digest& digest);
/// The number in a column, of the type that it was stored from.
template <class Number>
Number number_at(const Statement& row, int column) {
  return static_cast<Number>(row.integer(column));
}
/// The hash in a column. Errors: Corrupt (`seq` and `path` say where).
base::Result<Digest> digest_at(const Statement& row, int column, std::uint64_t seq, std::string_view path);

/// What is checked of a block that is read.
enum class Check : std::uint8_t {
  Whole,       ///< payload and row are what was stored; else Corrupt
  AsItStands,  ///< for blocks that go: whatever can be made of it
};

/// The header in the row where the statement stands. Errors: Corrupt (the seq is named).
base::Result<BlockHeader> header_at(Connection& connection, const Statement& row, Check check = Check::Whole);
/// The block in the row, with its notable records, which are read by another statement.
base::Result<StoredBlock> block_at(Connection& connection, const Statement& row, Check check = Check::Whole);
/// A notable record, from its columns `first`, ...: record, operation, status, end_ns, latency_ns, bytes, target,
/// detail.
base::Result<NotableRecord> record_at(const Statement& row, int first, std::uint64_t seq, std::string_view path);

class PartyHeads;

/// Puts blocks into their tables, inside of a transaction. Numbers have been checked. Errors: the connection's;
/// InvalidArgument where a party has used a number before.
base::Result<void> put_blocks(Connection& connection, std::span<const StoredBlock> blocks, PartyHeads& heads);

}  // namespace sluice::journal
