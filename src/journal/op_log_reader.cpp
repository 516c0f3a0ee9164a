#include "journal/op_log_reader.hpp"

#include <filesystem>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/units.hpp"
#include "journal/block_codec.hpp"

namespace sluice::journal {

namespace {

std::string place_words(std::uint64_t number, std::uint64_t offset) {
  return fmt::format("frame {} at byte {}", number, base::format_count(offset));
}

}  // namespace

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
  undecodable_ = 0;
  while (true) {
    SLUICE_TRY(const auto frame, log->next());
    if (!frame) break;
    if (frame->type != FrameType::Block) continue;
    const auto block = decode_block(frame->payload);
    if (!block) {
      add_flaw(*frame, block.error());
      continue;
    }
    if (const auto* records = std::get_if<model::OperationRecords>(&*block)) take(*records, *frame);
    if (!visit(party, *block)) {
      return base::fail(base::Code::Cancelled, "reading the log was ended", path);
    }
  }
  for (const SegmentFlaw& flaw : log->flaws()) {
    flaws_.push_back({path, flaw.offset, flaw.text, flaw.kind == SegmentFlaw::Kind::TornTail});
  }
  logs_.push_back(std::move(log));
  return {};
}

void OpLogReader::take(const model::OperationRecords& block, const Frame& frame) {
  lost_ += block.lost;
  const auto header = read_chunk_header(block.chunk);
  if (!header) return add_flaw(frame, header.error());
  if (header->zone.records == 0) return;
  records_ += header->zone.records;
  chunks_.push_back({.party = static_cast<std::uint32_t>(logs_.size()),
                     .stage = block.stage,
                     .number = frame.number,
                     .at = frame.offset,
                     .records = header->zone.records,
                     .start_ns_min = header->start_ns_min});
}

void OpLogReader::add_flaw(const Frame& frame, const base::Error& error) {
  if (undecodable_++ >= kFlawsMax) return;
  flaws_.push_back(
      {files_.back(), frame.offset, fmt::format("{}: {}", place_words(frame.number, frame.offset), error.what)});
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
  return fmt::format("{}: {}", files_[place.party], place_words(place.number, place.at));
}

}  // namespace sluice::journal
