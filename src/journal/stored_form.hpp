#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "journal/tiers/stored_block.hpp"
#include "model/block.hpp"

namespace sluice::journal {

/// The row of an operation of a run that began at `run_began_ns`, since 1970.
NotableRecord stored_row(const model::NotableOp& op, std::int64_t run_began_ns);

/// Makes stored blocks from the blocks of one party's log, which come in their order: it follows what the log says of
/// the run and its stages, so that every block gets its window on the wall clock, its operations, and the rows of its
/// slowest and failed ones.
class StoredForm {
 public:
  /// `run` is taken where the log does not say whose it is.
  StoredForm(std::string run, std::string party) : key_{.run = std::move(run), .party = std::move(party)} {}

  /// `payload` is what the block was decoded from, `number` its frame's, which is the block's party_seq.
  StoredBlock of(const model::Block& block, std::span<const std::byte> payload, std::uint64_t number);

 private:
  void place(const model::RunStarted& block, StoredBlock& out);
  void place(const model::StageStarted& block, StoredBlock& out);
  void place(const model::Interval& block, StoredBlock& out);
  void place(const model::StageEnded& block, StoredBlock& out);
  void place(const model::Note& block, StoredBlock& out);
  void place(const model::RunEnded& block, StoredBlock& out);
  void place(const model::OperationRecords& block, StoredBlock& out);
  void place(const model::TargetNames& block, StoredBlock& out);
  void place_event(BlockKind kind, std::int64_t at_ns, StoredBlock& out) const;

  PartyKey key_;
  bool keeps_operations_ = false;                      ///< what is notable stands beside its records
  std::int64_t run_began_ns_ = 0;                      ///< since 1970
  std::map<std::uint32_t, std::int64_t> stage_at_ns_;  ///< since the run began
};

}  // namespace sluice::journal
