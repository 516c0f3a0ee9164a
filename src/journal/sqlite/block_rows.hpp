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

/// Single blocks, by indexes alone: the seq of (party, party_seq), all party_seqs of a party, the seq of a hash. The
/// index of hashes is asked stretch by stretch, the newest first.
inline constexpr std::string_view kSeqOfNumber = "SELECT seq FROM blocks WHERE party = ? AND party_seq = ?";
inline constexpr std::string_view kNumbersOfParty =
    "SELECT party_seq FROM blocks INDEXED BY blocks_by_party WHERE party = ? ORDER BY party_seq";
inline constexpr std::string_view kSeqOfHash =
    "WITH RECURSIVE stretch (n) AS (SELECT max(seq) >> 12 FROM blocks UNION ALL SELECT n - 1 FROM stretch WHERE n > 0) "
    "SELECT b.seq FROM stretch CROSS JOIN blocks b INDEXED BY blocks_by_hash ON b.seq >> 12 = stretch.n AND b.hash = ? "
    "LIMIT 1";

using DigestBytes = std::array<std::byte, 16>;
/// The high half first, the high byte first: hex() of it reads as to_text().
DigestBytes digest_bytes(const Digest& digest);

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

/// Puts blocks and heads into their tables, inside of a transaction. Numbers have been checked. Errors: the
/// connection's; InvalidArgument where (party, party_seq) is there already.
base::Result<void> put_blocks(Connection& connection, std::span<const StoredBlock> blocks);
base::Result<void> put_heads(Connection& connection, std::span<const PartyHead> heads);
/// A party's head and gaps go.
base::Result<void> remove_head(Connection& connection, std::int64_t party);
/// All heads, by key.
base::Result<std::vector<PartyHead>> all_heads(Connection& connection);

}  // namespace sluice::journal
