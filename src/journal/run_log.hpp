#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/time.hpp"
#include "journal/block_log.hpp"
#include "journal/segment_reader.hpp"
#include "journal/segment_writer.hpp"
#include "model/block.hpp"

namespace sluice::journal {

/// `<results_dir>/log/<party>.seg`.
std::string run_log_path(std::string_view results_dir, std::string_view party);

/// The segment files of all parties, by name. Errors: NotFound where there is none, and what the system says.
base::Result<std::vector<std::string>> log_files(std::string_view results_dir);

/// The log of one party of a run: its blocks, in the order of append(), in one segment file.
/// Any thread may append; the segment's task writes. Ends with close(), or with the destructor after at most
/// options.close_timeout, whatever the disk does.
class RunLog final : public BlockLog {
 public:
  /// Makes the folder `log` and the segment in it; fails where it is there already. Blocks on the disk.
  /// outlives: `runtime`.
  static base::Result<std::unique_ptr<RunLog>> create(async::Runtime& runtime, std::string_view results_dir,
                                                      std::string_view party = "local", SegmentOptions options = {});
  /// Goes on with a log that is there; a torn tail is cut: see recovery(). Blocks on the disk.
  static base::Result<std::unique_ptr<RunLog>> open(async::Runtime& runtime, std::string_view results_dir,
                                                    std::string_view party = "local", SegmentOptions options = {});

  base::Result<void> append(const model::Block& block) override;
  bool has_room_for_records() const override;
  async::Task<> sync(async::Deadline deadline) override;
  /// Writes and syncs what is left, then closes. Errors as sync(); at the deadline the file is left to the pool.
  async::Task<> close(async::Deadline deadline);

  /// How many of its blocks are on the disk.
  std::uint64_t durable_blocks() const;
  const SegmentRecovery& recovery() const;
  const std::string& path() const;

 private:
  RunLog(std::unique_ptr<SegmentWriter> segment, std::size_t records_bytes_max);
  std::unique_ptr<SegmentWriter> segment_;
  const std::size_t records_bytes_max_;  ///< buffered and not durable yet: beyond it records wait
};

/// Something in a log that could not be read. The rest was.
struct LogFlaw {
  std::string file;
  std::uint64_t offset = 0;
  std::string text;        ///< one line for a person: "damaged frame at byte 4,096 ...", "torn tail of 17 bytes ..."
  bool torn_tail = false;  ///< the usual trace of a kill: not a damage
};

/// What reading a log has found.
struct LogReport {
  std::uint64_t blocks = 0;
  std::vector<LogFlaw> flaws;  ///< at most kFlawsMax (segment_format.hpp) a file
};

/// Sees the blocks of one log. False ends the reading; an error is a flaw of the block's frame, and the rest is read.
using FrameVisitor = std::function<base::Result<bool>(const Frame& frame, model::Block&& block)>;

/// Reads one log to its end; what cannot be read of it is put into `flaws` under the name of `file`. False where the
/// visitor has ended it. Errors: of the reads.
base::Result<bool> read_blocks(SegmentReader& log, const std::string& file, const FrameVisitor& visit,
                               std::vector<LogFlaw>& flaws);

using BlockVisitor = std::function<void(std::string_view party, model::Block&& block)>;

/// Reads the logs of all parties of a results directory, party by party in the order of their names, each in the order
/// in which it was written, and calls visit for every block. One block is in memory at a time.
/// Errors: NotFound where there is no log, and what open and read say. Damage is no error: it is in the report.
base::Result<LogReport> read_run_log(std::string_view results_dir, const BlockVisitor& visit);

/// Errors: Unavailable where a process is writing one of these logs, so that what is derived from it is the process's
/// own.
base::Result<void> check_not_written(std::string_view results_dir);

/// A whole log in memory.
struct RunLogContent {
  std::vector<model::Block> blocks;
  LogReport report;
};
/// The same, all in memory: an hour's log may need gigabytes, so folds use the visitor.
base::Result<RunLogContent> read_run_log(std::string_view results_dir);

}  // namespace sluice::journal
