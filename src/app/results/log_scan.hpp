#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "journal/tiers/journal_reader.hpp"

namespace sluice::app {

/// What the log of one party has.
struct LogParty {
  journal::PartyKey key;
  std::string file;
  std::uint64_t frames = 0;                 ///< that are whole
  std::uint64_t blocks = 0;                 ///< one past the highest number
  std::vector<journal::SeqRange> readable;  ///< the numbers of blocks that can be read, ascending
  std::vector<journal::Digest> hashes;      ///< of those, in the same order; only of a thorough scan
  std::vector<std::string> damage;          ///< what cannot be read, a line each
  std::vector<std::string> torn;            ///< the usual trace of a kill, a line each: no damage
  std::uint64_t bytes = 0;                  ///< of the file
};

/// How many operations of a stage a log has: as its intervals count them, and one by one.
struct StageOperations {
  std::string name;
  std::uint64_t counted = 0;  ///< successes and failures
  std::uint64_t records = 0, lost = 0;
  std::uint64_t chunks = 0;
};

/// The log of a results directory, read whole.
struct LogScan {
  std::vector<LogParty> parties;
  std::map<std::uint32_t, StageOperations> stages;  ///< only of a thorough scan
  bool keeps_operations = false;                    ///< the run has an op-log
  bool is_completed = false;                        ///< the run has come to its end, as far as the log says

  std::uint64_t bytes() const;
  std::uint64_t frames() const;
  std::vector<journal::PartyExtent> extents() const;
  /// What of a journal's lag can be mended from the log: blocks that the log itself cannot give are left out.
  std::vector<journal::PartyLag> mendable(std::vector<journal::PartyLag> lags) const;
};

/// Reads all frames and decodes all blocks; `run` is taken where a log does not say whose it is. A thorough scan hashes
/// them, decodes chunks of operation records, and counts operations. Blocks on the disk. `on_bytes` hears now and then
/// how much was read. Errors: NotFound where there is no log, and what the system says.
base::Result<LogScan> scan_log(const std::string& dir, const std::string& run, bool thoroughly,
                               const std::function<void(std::uint64_t)>& on_bytes = {});

/// Where the operation records are not as many as the intervals say, a line for each stage. Nothing of a run without an
/// op-log, and of one that has not completed or whose log is damaged, where they may differ.
std::vector<std::string> differing_records(const LogScan& scan);

/// Puts a number into ascending ranges, behind all that are there.
void append_number(std::vector<journal::SeqRange>& ranges, std::uint64_t number);
/// How many numbers there are.
std::uint64_t count_of(const std::vector<journal::SeqRange>& ranges);
/// "blocks 3 to 7, 9 and 11": at most ten ranges.
std::string to_words(const std::vector<journal::SeqRange>& ranges);

}  // namespace sluice::app
