#include "journal/tiers/stored_block.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/hash.hpp"

namespace sluice::journal {

Digest digest_of(std::span<const std::byte> bytes) {
  const base::Hash128 hash = base::hash128(bytes);
  return {.high = hash.high, .low = hash.low};
}

std::string to_text(const Digest& digest) { return fmt::format("{:016x}{:016x}", digest.high, digest.low); }

std::string_view name_of(BlockKind kind) {
  switch (kind) {
    case BlockKind::RunStarted: return "run_started";
    case BlockKind::StageStarted: return "stage_started";
    case BlockKind::Interval: return "interval";
    case BlockKind::StageEnded: return "stage_ended";
    case BlockKind::Note: return "note";
    case BlockKind::RunEnded: return "run_ended";
    case BlockKind::Records: return "records";
    case BlockKind::TargetNames: return "target_names";
  }
  return "unknown";
}

std::string to_text(const PartyKey& key) {
  return fmt::format("run {}, party {}, attempt {}", key.run, key.party, key.attempt);
}

std::size_t StoredBlock::size_bytes() const {
  std::size_t bytes = sizeof *this + payload.size() + header.party.run.size() + header.party.party.size();
  for (const NotableRecord& record : notable) bytes += sizeof record + record.target.size() + record.detail.size();
  return bytes;
}

BlockPtr share(StoredBlock block) { return std::make_shared<const StoredBlock>(std::move(block)); }

bool is_whole(const StoredBlock& block) { return digest_of(block.payload) == block.header.hash; }

}  // namespace sluice::journal
