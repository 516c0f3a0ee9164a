#include "journal/op_log_reader.hpp"

#include <filesystem>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "journal/block_codec.hpp"

namespace sluice::journal {

base::Result<std::unique_ptr<OpLogReader>> OpLogReader::open(std::string_view results_dir, const Visitor& visit) {
  SLUICE_TRY(const auto files, log_files(results_dir));
  std::unique_ptr<OpLogReader> reader(new OpLogReader());
  for (const std::string& path : files) SLUICE_CHECK(reader->look_through(path, visit));
  return reader;
}

base::Result<void> OpLogReader::look_through(const std::string& path, const Visitor& visit) {
  SLUICE_TRY(auto log, SegmentReader::open(path));
  const auto party = static_cast<std::uint32_t>(logs_.size());
  files_.push_back(path);
  parties_.push_back(std::filesystem::path(path).stem().string());
  const auto see = [&](const Frame& frame, model::Block&& block) -> base::Result<bool> {
    if (const auto* records = std::get_if<model::OperationRecords>(&block)) SLUICE_CHECK(take(*records, frame));
    return visit(party, block);
  };
  SLUICE_TRY(const bool is_whole, read_blocks(*log, path, see, flaws_));
  if (!is_whole) return base::fail(base::Code::Cancelled, "reading the log was ended", path);
  logs_.push_back(std::move(log));
  return {};
}

base::Result<void> OpLogReader::take(const model::OperationRecords& block, const Frame& frame) {
  lost_ += block.lost;
  SLUICE_TRY(const ChunkHeader header, read_chunk_header(block.chunk));
  if (header.zone.records == 0) return {};
  chunks_.push_back({.party = static_cast<std::uint32_t>(logs_.size()),
                     .stage = block.stage,
                     .number = frame.number,
                     .at = frame.offset,
                     .records = header.zone.records,
                     .start_ns_min = header.start_ns_min});
  return {};
}

base::Result<RecordChunk> OpLogReader::read(const ChunkPlace& place) {
  SLUICE_ASSERT(place.party < logs_.size());
  SLUICE_TRY(const auto frame, logs_[place.party]->at(place.at));
  if (!frame || frame->number != place.number) {
    return base::fail(base::Code::Corrupt, "the frame has changed since it was looked at", where(place));
  }
  SLUICE_TRY(const model::Block block, decode_block(frame->payload));
  const auto* const records = std::get_if<model::OperationRecords>(&block);
  if (records == nullptr) return base::fail(base::Code::Corrupt, "the frame has no records any more", where(place));
  return decode_records(records->chunk);
}

std::string OpLogReader::where(const ChunkPlace& place) const {
  return fmt::format("{}: {}", files_[place.party], frame_words(place.number, place.at));
}

}  // namespace sluice::journal
