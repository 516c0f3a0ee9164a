#include "app/results/journal_chunks.hpp"

#include <utility>
#include <variant>

#include <fmt/format.h>

#include "journal/block_codec.hpp"
#include "journal/records/chunk_format.hpp"

namespace sluice::app {

namespace {

base::Result<model::OperationRecords> block_of(const journal::StoredBlock& stored) {
  SLUICE_TRY(model::Block block, journal::decode_block(stored.payload));
  if (auto* const records = std::get_if<model::OperationRecords>(&block)) return std::move(*records);
  return base::fail(base::Code::Corrupt, "the block has no records, although its header says so");
}

std::string block_words(std::uint64_t number, std::uint64_t seq) {
  return fmt::format("block {} (seq {})", number, seq);
}

}  // namespace

base::Result<journal::RecordChunk> records_of(const journal::StoredBlock& block) {
  SLUICE_TRY(const model::OperationRecords records, block_of(block));
  return journal::decode_records(records.chunk);
}

std::uint32_t JournalChunks::party_of(const journal::PartyKey& key) {
  const auto [at, is_new] = parties_.try_emplace(key, static_cast<std::uint32_t>(input_.parties.size()));
  if (is_new) input_.parties.push_back(key.party);
  return at->second;
}

base::Result<void> JournalChunks::learn() {
  using enum journal::BlockKind;
  return source_.visit({.kinds = {RunStarted, StageStarted, TargetNames}}, [&](const journal::StoredBlock& stored) {
    const std::uint32_t party = party_of(stored.header.party);
    if (const auto block = journal::decode_block(stored.payload)) input_.learn(party, *block);
    return true;
  });
}

base::Result<OpLogReport> JournalChunks::find(const OpLogProgress& go_on) {
  OpLogReport report;
  bool is_ended = false;
  const auto take = [&](const journal::StoredBlock& stored) {
    const journal::BlockHeader& block = stored.header;
    is_ended = !go_on(0, 0);
    const auto records = block_of(stored);
    const auto header = records ? journal::read_chunk_header(records->chunk)
                                : base::Result<journal::ChunkHeader>(base::fail(records.error()));
    if (!header) {
      report.damage.push_back(block_words(block.party_seq, block.seq) + ": " + header.error().what);
      return !is_ended;
    }
    report.lost += records->lost;
    if (header->zone.records > 0) {
      input_.chunks.push_back({.party = party_of(block.party),
                               .stage = records->stage,
                               .number = block.party_seq,
                               .at = block.seq,
                               .records = header->zone.records,
                               .start_ns_min = header->start_ns_min});
    }
    return !is_ended;
  };
  SLUICE_CHECK(source_.visit({.kinds = {journal::BlockKind::Records}}, RunSource::kPageLongBlocks, take));
  if (is_ended) return base::fail(base::Code::Cancelled, "reading the journal was ended");
  return report;
}

base::Result<journal::RecordChunk> JournalChunks::read(const journal::ChunkPlace& place) {
  SLUICE_TRY(const journal::BlockPtr block, source_.host().wait(source_.reader().get(place.at, JournalHost::soon())));
  return records_of(*block);
}

std::string JournalChunks::where(const journal::ChunkPlace& place) const { return block_words(place.number, place.at); }

}  // namespace sluice::app
