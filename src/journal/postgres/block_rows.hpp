#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "journal/postgres/binding.hpp"
#include "journal/tiers/backend.hpp"

namespace sluice::journal::postgres {

/// The columns of a block's header, of `sluice.blocks b JOIN sluice.parties p`; kHeaderColumns of them.
extern const char* const kHeaderSelection;
inline constexpr int kHeaderColumns = 19;
/// Of `sluice.notable n`; kNotableColumns of them.
extern const char* const kNotableSelection;
inline constexpr int kNotableColumns = 9;

/// The columns that the rows of put_block() and put_notable() have, for COPY.
extern const char* const kCopyBlocks;
extern const char* const kCopyNotable;
void put_block(std::string& out, const StoredBlock& block, std::int64_t party_id);
void put_notable(std::string& out, std::uint64_t seq, const NotableRecord& record);

/// `column` is the first of the selection. Errors: Corrupt, with the seq.
base::Result<BlockHeader> header_of(const Rows& rows, int row, int column, std::string_view store);
base::Result<NotableRecord> notable_of(const Rows& rows, int row, int column, std::string_view store);

/// 16 bytes, the highest first.
std::string bytes_of(const Digest& digest);
/// All zero where they are not 16.
Digest digest_from(std::string_view bytes);

/// "3-5 9-9".
std::string text_of(std::span<const SeqRange> ranges);
std::vector<SeqRange> ranges_from(std::string_view text);

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace sluice::journal::postgres
