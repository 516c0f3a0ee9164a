#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "app/op_log/op_log_rows.hpp"
#include "app/results/run_source.hpp"
#include "journal/chunk_source.hpp"

namespace sluice::app {

/// The operation records of a run in a journal.
class JournalChunks final : public journal::ChunkSource {
 public:
  /// outlives: `source`.
  explicit JournalChunks(RunSource& source) : source_(source) {}

  /// Learns what the run's blocks say of stages and targets. Errors: of the reads.
  base::Result<void> learn();
  /// Finds the chunks. Errors: of the reads; Cancelled where `go_on` says false.
  base::Result<OpLogReport> find(const OpLogProgress& go_on);

  OpLogInput& input() { return input_; }
  /// The number of a block's party in the input.
  std::uint32_t party_of(const journal::PartyKey& key);

  base::Result<journal::RecordChunk> read(const journal::ChunkPlace& place) override;
  std::string where(const journal::ChunkPlace& place) const override;

 private:
  RunSource& source_;  // outlives: the caller says so
  OpLogInput input_;
  std::map<journal::PartyKey, std::uint32_t> parties_;
};

/// The records in the payload of a block of kind Records. Errors: Corrupt, Unsupported.
base::Result<journal::RecordChunk> records_of(const journal::StoredBlock& block);

}  // namespace sluice::app
