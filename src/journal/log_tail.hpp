#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "journal/segment_reader.hpp"
#include "journal/stored_form.hpp"
#include "journal/tiers/journal_reader.hpp"
#include "journal/tiers/stored_block.hpp"

namespace sluice::journal {

/// Reads the logs of a results directory as stored blocks, from their beginnings on and as they grow. Parties whose
/// files come later are found. Calls block on the disk; one thread at a time.
class LogTail {
 public:
  /// `run` is taken where a log does not say whose it is.
  LogTail(std::string results_dir, std::string run) : results_dir_(std::move(results_dir)), run_(std::move(run)) {}

  /// The next blocks of one party: at most `blocks_max`, and not many more than `bytes_max` bytes. Empty where all
  /// there is has been given. Damaged frames are passed over: see flaws(). Errors: as SegmentReader; NotFound where
  /// there is no log at all.
  base::Result<std::vector<StoredBlock>> next(std::size_t blocks_max, std::size_t bytes_max);

  /// How far each party has been read.
  std::vector<PartyExtent> extents() const;
  /// What was passed over, a line each, with its file.
  std::vector<std::string> flaws() const;

 private:
  struct Party {
    std::string path;
    std::unique_ptr<SegmentReader> reader;
    StoredForm form;
    PartyKey key;
    std::uint64_t blocks = 0;
    std::vector<std::string> undecodable;
  };
  base::Result<void> find_parties();
  base::Result<std::vector<StoredBlock>> read(Party& party, std::size_t blocks_max, std::size_t bytes_max);

  const std::string results_dir_, run_;
  std::map<std::string, Party> parties_;  ///< by file name
};

}  // namespace sluice::journal
