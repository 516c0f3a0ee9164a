#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "model/block.hpp"

namespace sluice::journal {

/// Blocks as bytes.
///
///   u8 codec version (1), u8 kind (1 RunStarted, 2 StageStarted, 3 Interval, 4 StageEnded, 5 Note, 6 RunEnded,
///   7 OperationRecords, 8 TargetNames), then fields: varint (number * 4 + type), and the value: type 0 a varint
///   (signed values in zig-zag), 1 eight bytes (a double), 2 a varint length and that many bytes (texts, structs of
///   fields, packed lists, chunks).
///
/// The field numbers stand in block_codec.cpp. A field may be added with a new number: readers pass over numbers they
/// do not know, and a field that is not there keeps its default. Numbers and meanings never change. Enumerators are
/// written as their numbers in model/, so those may be appended to but not reordered.
/// A histogram is its exact minimum, maximum and sum, and the buckets that have a count as (distance from the bucket
/// before, count), so an interval of a quiet second costs some hundred bytes.

/// Texts and lists longer than this are cut when written and refused when read.
inline constexpr std::size_t kTextBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kListItemsMax = 10'000;
/// A chunk of operation records longer than this is refused when read; none is made that is.
inline constexpr std::size_t kChunkBytesMax = std::size_t{24} << 20;

/// Appends the block to `out`.
void encode_block(const model::Block& block, std::vector<std::byte>& out);
std::vector<std::byte> encode_block(const model::Block& block);

/// Takes any bytes whatever; uses memory in proportion to the block they can be (below 128 MiB).
/// Errors: Corrupt (what is wrong, and at which byte), Unsupported for a codec version or kind of block that is newer.
base::Result<model::Block> decode_block(std::span<const std::byte> bytes);

}  // namespace sluice::journal
