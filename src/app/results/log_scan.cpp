#include "app/results/log_scan.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/units.hpp"
#include "journal/block_codec.hpp"
#include "journal/records/record_chunk.hpp"
#include "journal/run_log.hpp"
#include "journal/segment_reader.hpp"

namespace sluice::app {

namespace {

constexpr std::size_t kRangesMax = 10;

void add_damage(LogParty& party, const journal::Frame& frame, const base::Error& error) {
  if (party.damage.size() >= journal::kFlawsMax) return;
  party.damage.push_back(journal::frame_words(frame.number, frame.offset) + ": " + error.what);
}

/// Errors: of a chunk that cannot be read.
base::Result<void> count_records(const model::OperationRecords& block, StageOperations& stage) {
  stage.lost += block.lost;
  ++stage.chunks;
  SLUICE_TRY(const journal::RecordChunk chunk, journal::decode_records(block.chunk));
  stage.records += chunk.records.size();
  return {};
}

/// Counts what a block says of operations. Errors: of a chunk that cannot be read.
base::Result<void> count(const model::Block& block, LogScan& scan) {
  if (const auto* run = std::get_if<model::RunStarted>(&block)) {
    scan.keeps_operations = run->keeps_operations;
  } else if (const auto* stage = std::get_if<model::StageStarted>(&block)) {
    scan.stages[stage->stage].name = stage->name;
  } else if (const auto* interval = std::get_if<model::Interval>(&block)) {
    std::uint64_t& counted = scan.stages[interval->stage].counted;
    for (const model::OpStats& stats : interval->ops) counted += stats.count + stats.error_count();
  } else if (const auto* ended = std::get_if<model::RunEnded>(&block)) {
    scan.is_completed =
        ended->status == model::RunStatus::Completed || ended->status == model::RunStatus::ThresholdMissed;
  } else if (const auto* records = std::get_if<model::OperationRecords>(&block)) {
    return count_records(*records, scan.stages[records->stage]);
  }
  return {};
}

base::Result<void> read_frames(LogScan& scan, LogParty& party, bool thoroughly, std::uint64_t before,
                               const std::function<void(std::uint64_t)>& on_bytes) {
  SLUICE_TRY(const auto reader, journal::SegmentReader::open(party.file));
  party.bytes = reader->file_bytes();
  while (true) {
    SLUICE_TRY(const auto frame, reader->next());
    if (!frame) break;
    ++party.frames;
    party.blocks = std::max(party.blocks, frame->number + 1);
    if (on_bytes) on_bytes(before + frame->offset);
    if (frame->type != journal::FrameType::Block) continue;
    const auto block = journal::decode_block(frame->payload);
    if (!block) {
      add_damage(party, *frame, block.error());
      continue;
    }
    if (const auto* started = std::get_if<model::RunStarted>(&*block)) party.key.run = started->run_id;
    append_number(party.readable, frame->number);
    if (!thoroughly) continue;
    party.hashes.push_back(journal::digest_of(frame->payload));
    if (auto counted = count(*block, scan); !counted) add_damage(party, *frame, counted.error());
  }
  for (const journal::SegmentFlaw& flaw : reader->flaws()) {
    (flaw.kind == journal::SegmentFlaw::Kind::TornTail ? party.torn : party.damage).push_back(flaw.text);
  }
  return {};
}

/// The numbers of `ranges` that are in `wanted`; both ascending.
std::vector<journal::SeqRange> both(const std::vector<journal::SeqRange>& ranges,
                                    const std::vector<journal::SeqRange>& wanted) {
  std::vector<journal::SeqRange> found;
  auto other = wanted.begin();
  for (const journal::SeqRange& range : ranges) {
    while (other != wanted.end() && other->last < range.first) ++other;
    for (auto at = other; at != wanted.end() && at->first <= range.last; ++at) {
      found.push_back({.first = std::max(range.first, at->first), .last = std::min(range.last, at->last)});
    }
  }
  return found;
}

}  // namespace

std::uint64_t LogScan::bytes() const {
  std::uint64_t sum = 0;
  for (const LogParty& party : parties) sum += party.bytes;
  return sum;
}

std::uint64_t LogScan::frames() const {
  std::uint64_t sum = 0;
  for (const LogParty& party : parties) sum += party.frames;
  return sum;
}

std::vector<journal::PartyExtent> LogScan::extents() const {
  std::vector<journal::PartyExtent> extents;
  extents.reserve(parties.size());
  for (const LogParty& party : parties) extents.push_back({.party = party.key, .blocks = party.blocks});
  return extents;
}

std::vector<journal::PartyLag> LogScan::mendable(std::vector<journal::PartyLag> lags) const {
  for (journal::PartyLag& lag : lags) {
    const auto party = std::ranges::find(parties, lag.party, &LogParty::key);
    lag.missing = party == parties.end() ? std::vector<journal::SeqRange>() : both(lag.missing, party->readable);
  }
  std::erase_if(lags, [](const journal::PartyLag& lag) { return lag.missing.empty() && lag.extra.empty(); });
  return lags;
}

base::Result<LogScan> scan_log(const std::string& dir, const std::string& run, bool thoroughly,
                               const std::function<void(std::uint64_t)>& on_bytes) {
  SLUICE_TRY(const auto files, journal::log_files(dir));
  LogScan scan;
  for (const std::string& path : files) {
    LogParty party{.key = {.run = run, .party = std::filesystem::path(path).stem().string()}, .file = path};
    if (auto read = read_frames(scan, party, thoroughly, scan.bytes(), on_bytes); !read) {
      const base::Code code = read.error().code;
      if (code != base::Code::Corrupt && code != base::Code::Unsupported) return base::fail(std::move(read).error());
      party.damage.push_back(read.error().what);
    }
    scan.parties.push_back(std::move(party));
  }
  return scan;
}

std::vector<std::string> differing_records(const LogScan& scan) {
  const auto is_damaged = [](const LogParty& party) { return !party.damage.empty(); };
  if (!scan.keeps_operations || !scan.is_completed || std::ranges::any_of(scan.parties, is_damaged)) return {};
  std::vector<std::string> lines;
  for (const auto& [number, stage] : scan.stages) {
    if (stage.records + stage.lost == stage.counted) continue;
    lines.push_back(
        fmt::format("stage {} {}: {} operations were counted; {} are in the op-log, and {} are known as lost",
                    number + 1, stage.name, base::format_count(stage.counted), base::format_count(stage.records),
                    base::format_count(stage.lost)));
  }
  return lines;
}

void append_number(std::vector<journal::SeqRange>& ranges, std::uint64_t number) {
  if (!ranges.empty() && ranges.back().last + 1 == number) {
    ++ranges.back().last;
  } else {
    ranges.push_back({.first = number, .last = number});
  }
}

std::uint64_t count_of(const std::vector<journal::SeqRange>& ranges) {
  std::uint64_t count = 0;
  for (const journal::SeqRange& range : ranges) count += range.last - range.first + 1;
  return count;
}

std::string to_words(const std::vector<journal::SeqRange>& ranges) {
  std::string words = count_of(ranges) == 1 ? "block " : "blocks ";
  for (std::size_t i = 0; i < std::min(ranges.size(), kRangesMax); ++i) {
    const journal::SeqRange& range = ranges[i];
    words += i > 0 ? ", " : "";
    words +=
        range.first == range.last ? fmt::format("{}", range.first) : fmt::format("{} to {}", range.first, range.last);
  }
  if (ranges.size() > kRangesMax) words += fmt::format(" and {} more stretches", ranges.size() - kRangesMax);
  return words;
}

}  // namespace sluice::app
