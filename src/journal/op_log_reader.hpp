#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "journal/chunk_source.hpp"
#include "journal/run_log.hpp"
#include "journal/segment_reader.hpp"
#include "model/block.hpp"

namespace sluice::journal {

/// The operation records in the logs of a results directory. Reads each log once to find its chunks, and then again
/// the chunks that are asked for; keeps 64 bytes a chunk. The logs may be growing, damaged or cut off: what was there
/// at open() counts. One thread; calls block on the disk.
class OpLogReader final : public ChunkSource {
 public:
  /// What else the logs say, party by party in the order of their names; false ends open() with Cancelled.
  using Visitor = std::function<bool(std::uint32_t party, const model::Block& block)>;

  /// Errors: NotFound where there is no log, what open and read say, Cancelled. Damage is no error: see flaws().
  static base::Result<std::unique_ptr<OpLogReader>> open(std::string_view results_dir, const Visitor& visit);

  /// In the order in which they were written, party by party.
  const std::vector<ChunkPlace>& chunks() const { return chunks_; }
  const std::vector<std::string>& parties() const { return parties_; }
  std::uint64_t lost() const { return lost_; }  ///< operations that could not be kept, as the log says
  /// What could not be read, torn tails too; at most twice kFlawsMax a file.
  const std::vector<LogFlaw>& flaws() const { return flaws_; }

  base::Result<RecordChunk> read(const ChunkPlace& place) override;
  std::string where(const ChunkPlace& place) const override;

 private:
  OpLogReader() = default;
  base::Result<void> look_through(const std::string& path, const Visitor& visit);
  base::Result<void> take(const model::OperationRecords& block, const Frame& frame);

  std::vector<std::unique_ptr<SegmentReader>> logs_;
  std::vector<std::string> files_, parties_;
  std::vector<ChunkPlace> chunks_;
  std::vector<LogFlaw> flaws_;
  std::uint64_t lost_ = 0;
};

}  // namespace sluice::journal
