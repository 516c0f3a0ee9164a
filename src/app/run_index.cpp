#include "app/run_index.hpp"

#include <utility>

#include "app/journal_backends.hpp"
#include "base/units.hpp"

namespace sluice::app {

namespace {

/// A run does not end later because of its journal.
journal::JournalConfig config() {
  return {.read_timeout = base::Nanos{3'000'000'000}, .write_timeout = base::Nanos{3'000'000'000}};
}

}  // namespace

RunIndex::RunIndex(async::Runtime& runtime, std::string results_dir)
    : runtime_(runtime), results_dir_(std::move(results_dir)), threads_(runtime.executor(), config()) {}

base::Result<std::unique_ptr<RunIndex>> RunIndex::start(async::Runtime& runtime, const std::string& results_dir,
                                                        const std::string& run_id, const std::string& uri) {
  const async::Deadline deadline = async::Deadline::in(kOpenMax);
  const std::string place = uri.empty() ? journal_uri_of(results_dir) : uri;
  SLUICE_TRY(auto backend, open_journal_backend(place, JournalAccess::Change));
  std::unique_ptr<RunIndex> index(new RunIndex(runtime, results_dir));
  SLUICE_TRY(index->journal_, runtime.executor().block_on(
                                  journal::Journal::open(index->threads_, std::move(backend), config(), deadline)));
  SLUICE_TRY(index->indexer_, journal::Indexer::start(runtime, *index->journal_, results_dir, run_id));
  return index;
}

RunIndex::~RunIndex() {
  indexer_.reset();
  journal_.reset();
}

std::optional<base::Error> RunIndex::finish(base::Nanos wait) {
  const journal::IndexingReport report = indexer_->finish(async::Deadline::in(wait));
  static_cast<void>(runtime_.executor().block_on(journal_->shutdown()));
  if (report.is_complete) return std::nullopt;
  base::Error error{.code = base::Code::Unavailable,
                    .what = "the journal lacks a part of what the log has: " + base::format_count(report.stored) +
                            " blocks of it are there",
                    .where = results_dir_};
  if (report.trouble) error.chain.push_back(report.trouble->what + ": " + report.trouble->where);
  return std::move(error)
      .add_likely("the database was slow or away; the log is whole, and so are the tables")
      .add_try("sluice results repair " + results_dir_);
}

}  // namespace sluice::app
