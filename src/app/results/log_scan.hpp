#pragma once

#include <cstdint>
#include <functional>
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
  std::vector<journal::Digest> hashes;      ///< of those, in the same order; only where they were asked for
  std::vector<std::string> damage;          ///< what cannot be read, a line each
  std::vector<std::string> torn;            ///< the usual trace of a kill, a line each: no damage
  std::uint64_t bytes = 0;                  ///< of the file
};

/// The log of a results directory, read whole.
struct LogScan {
  std::vector<LogParty> parties;

  std::uint64_t bytes() const;
  std::uint64_t frames() const;
  std::vector<journal::PartyExtent> extents() const;
  /// What of a journal's lag can be mended from the log: blocks that the log itself cannot give are left out.
  std::vector<journal::PartyLag> mendable(std::vector<journal::PartyLag> lags) const;
};

/// Reads all frames and decodes all blocks; `run` is taken where a log does not say whose it is. Blocks on the disk.
/// `on_bytes` hears now and then how much was read. Errors: NotFound where there is no log, and what the system says.
base::Result<LogScan> scan_log(const std::string& dir, const std::string& run, bool with_hashes,
                               const std::function<void(std::uint64_t)>& on_bytes = {});

/// Puts a number into ascending ranges, behind all that are there.
void append_number(std::vector<journal::SeqRange>& ranges, std::uint64_t number);
/// How many numbers there are.
std::uint64_t count_of(const std::vector<journal::SeqRange>& ranges);
/// "blocks 3 to 7, 9 and 11": at most ten ranges.
std::string to_words(const std::vector<journal::SeqRange>& ranges);

}  // namespace sluice::app
