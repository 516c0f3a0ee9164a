#include "journal/log_tail.hpp"

#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "base/units.hpp"
#include "journal/block_codec.hpp"
#include "journal/run_log.hpp"

namespace sluice::journal {

base::Result<void> LogTail::find_parties() {
  SLUICE_TRY(const auto files, log_files(results_dir_));
  for (const std::string& path : files) {
    const std::string name = std::filesystem::path(path).stem().string();
    if (parties_.contains(name)) continue;
    SLUICE_TRY(auto reader, SegmentReader::open(path));
    parties_.emplace(name, Party{.path = path,
                                 .reader = std::move(reader),
                                 .form = StoredForm(run_, name),
                                 .key = {.run = run_, .party = name},
                                 .undecodable = {}});
  }
  return {};
}

base::Result<std::vector<StoredBlock>> LogTail::read(Party& party, std::size_t blocks_max, std::size_t bytes_max) {
  std::vector<StoredBlock> blocks;
  std::size_t bytes = 0;
  while (blocks.size() < blocks_max && bytes < bytes_max) {
    SLUICE_TRY(const auto frame, party.reader->next());
    if (!frame) break;
    if (frame->type != FrameType::Block) continue;
    auto block = decode_block(frame->payload);
    party.blocks = frame->number + 1;
    if (!block) {
      if (party.undecodable.size() < kFlawsMax) {
        party.undecodable.push_back(fmt::format("{}: frame {} at byte {}: {}", party.path, frame->number,
                                                base::format_count(frame->offset), block.error().what));
      }
      continue;
    }
    blocks.push_back(party.form.of(*block, frame->payload, frame->number));
    party.key = blocks.back().header.party;
    bytes += blocks.back().size_bytes();
  }
  return blocks;
}

base::Result<std::vector<StoredBlock>> LogTail::next(std::size_t blocks_max, std::size_t bytes_max) {
  for (auto& [name, party] : parties_) {
    SLUICE_TRY(auto blocks, read(party, blocks_max, bytes_max));
    if (!blocks.empty()) return blocks;
  }
  // Everything that was there has been given: what has come since?
  SLUICE_CHECK(find_parties());
  for (auto& [name, party] : parties_) {
    SLUICE_CHECK(party.reader->look_again());
    SLUICE_TRY(auto blocks, read(party, blocks_max, bytes_max));
    if (!blocks.empty()) return blocks;
  }
  return std::vector<StoredBlock>();
}

std::vector<PartyExtent> LogTail::extents() const {
  std::vector<PartyExtent> extents;
  extents.reserve(parties_.size());
  for (const auto& [name, party] : parties_) extents.push_back({.party = party.key, .blocks = party.blocks});
  return extents;
}

std::vector<std::string> LogTail::flaws() const {
  std::vector<std::string> lines;
  for (const auto& [name, party] : parties_) {
    for (const SegmentFlaw& flaw : party.reader->flaws()) lines.push_back(party.path + ": " + flaw.text);
    lines.insert(lines.end(), party.undecodable.begin(), party.undecodable.end());
  }
  return lines;
}

}  // namespace sluice::journal
