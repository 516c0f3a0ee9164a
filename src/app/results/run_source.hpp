#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "app/results/journal_host.hpp"
#include "app/results/run_choice.hpp"
#include "journal/tiers/journal.hpp"

namespace sluice::app {

/// A run that can be asked: its journal; or, where that is not there or lacks something, its log in a journal made for
/// this command alone, which is said on stderr. For `main`.
class RunSource {
 public:
  /// Errors: as choose_run(), open_journal_backend() and the backend.
  static base::Result<std::unique_ptr<RunSource>> open(const ResultsOptions& options);
  ~RunSource();
  RunSource(const RunSource&) = delete;
  RunSource& operator=(const RunSource&) = delete;

  const RunChoice& run() const { return choice_; }
  JournalHost& host() { return *host_; }
  const journal::JournalReader& reader() const { return *reader_; }

  using Visitor = std::function<bool(const journal::StoredBlock&)>;
  /// Every block of the run that the filter lets pass, by number; few are in memory at once. `visit` returns false to
  /// end it. The filter's runs are set here. Errors: of the reads.
  base::Result<void> visit(journal::Filter filter, const Visitor& visit) {
    return this->visit(std::move(filter), kPageBlocks, visit);
  }
  /// The same for blocks that are long: so many are in memory at once.
  base::Result<void> visit(journal::Filter filter, std::size_t page_blocks, const Visitor& visit);
  static constexpr std::size_t kPageBlocks = 256, kPageLongBlocks = 8;
  /// When the run began, since 1970. Errors: NotFound where its first block is lost.
  base::Result<std::int64_t> began_ns();

 private:
  RunSource(std::unique_ptr<JournalHost> host, RunChoice choice);
  base::Result<void> open_given(const std::string& uri, const std::string& run);
  base::Result<void> open_own();
  base::Result<void> index_the_log(std::uint64_t blocks, std::uint64_t bytes);

  const std::unique_ptr<JournalHost> host_;
  RunChoice choice_;
  std::string folder_;  ///< of a temporary database; "": none
  std::unique_ptr<journal::Journal> made_;
  std::unique_ptr<journal::JournalReader> reader_;  ///< of one of these
};

/// The run ids in a journal.
std::vector<std::string> runs_in(const journal::JournalReader& reader);

}  // namespace sluice::app
