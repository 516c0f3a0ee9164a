#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/export_format.hpp"
#include "app/op_log/target_book.hpp"
#include "base/error.hpp"
#include "journal/chunk_source.hpp"
#include "journal/op_log_reader.hpp"

namespace sluice::app {

/// Hears how many operations are done of how many (0: not known yet), some times a second; false ends the work.
using OpLogProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

/// Where a run's operation records are, and what its other blocks say about them.
struct OpLogInput {
  std::vector<journal::ChunkPlace> chunks;
  std::vector<std::string> parties;  ///< their names, by the party of a place
  TargetBook book;
  std::map<std::uint32_t, std::string> stages;  ///< their names
  std::optional<std::int64_t> began_ns;         ///< since 1970

  /// Takes what a block says of stages, targets and the run.
  void learn(std::uint32_t party, const model::Block& block);
};

/// What was written of an op-log.
struct OpLogReport {
  std::uint64_t records = 0;        ///< rows
  std::uint64_t lost = 0;           ///< operations that the run could not keep, as its log says
  std::vector<std::string> damage;  ///< what could not be read, a line each; the rest is written
  std::vector<std::string> torn;    ///< the usual trace of a kill, a line each: no damage
};

/// What whoever reads the table has to be told of it, a line each: "note: ...", "warning: ...", "error: ...".
std::vector<std::string> told_of(const OpLogReport& report);

/// A log that was looked through.
struct LookedThrough {
  std::unique_ptr<journal::OpLogReader> reader;
  OpLogInput input;
  OpLogReport report;  ///< but for its rows
};

/// Looks through the logs of a results directory. Blocks on the disk. Errors: as OpLogReader::open().
base::Result<LookedThrough> look_through(const std::string& results_dir, const OpLogProgress& go_on);

/// Takes text of whole rows; false where it wants no more, which is no error.
using TextTaker = std::function<bool(std::string_view text)>;

/// Writes every operation, sorted by start, end and worker; memory does not grow with their number
/// (journal/record_merge.hpp). Chunks that cannot be read are told in `report`. Errors: of reads; Cancelled.
base::Result<void> write_rows(journal::ChunkSource& source, OpLogInput& input, ExportFormat format,
                              const TextTaker& put, const OpLogProgress& go_on, OpLogReport& report);

}  // namespace sluice::app
