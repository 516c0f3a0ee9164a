#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "app/results/journal_host.hpp"
#include "app/results/log_scan.hpp"
#include "journal/tiers/journal_reader.hpp"

namespace sluice::app {

/// What a check of a run's blocks in a journal has found.
struct JournalCheck {
  std::uint64_t blocks = 0;        ///< that are whole
  std::uint64_t links = 0;         ///< of them: chained to the party's block before
  std::uint64_t unlinked = 0;      ///< came after a hole, so that their chain begins anew
  std::vector<std::string> wrong;  ///< a line each
  std::map<journal::PartyKey, std::map<std::uint64_t, journal::Digest>> hashes;  ///< of the whole ones, by party_seq
};

/// Reads every block of the run, those of discarded attempts too, and checks payload, row and chain. A damaged block is
/// found, and those behind it are still checked. Errors: where nothing could be asked at all.
base::Result<JournalCheck> check_journal(JournalHost& host, const journal::JournalReader& reader,
                                         const std::string& run);

/// Where the two differ, a line each. `is_growing`: what either has at its end and the other not yet is no difference.
std::vector<std::string> compare(const LogScan& log, const JournalCheck& journal, bool is_growing);

}  // namespace sluice::app
