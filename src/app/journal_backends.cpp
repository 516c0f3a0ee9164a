#include "app/journal_backends.hpp"

#include <string_view>
#include <utility>

#include "journal/sqlite/sqlite_backend.hpp"
#include "report/plain_text.hpp"

namespace sluice::app {

namespace {

constexpr std::string_view kSqlite = "sqlite:";
/// A database that another process is just writing to is waited for.
constexpr base::Nanos kOpenTimeout{10'000'000'000};

}  // namespace

std::string journal_uri_of(const std::string& results_dir) {
  return std::string(kSqlite) + results_dir + "/journal.db";
}

base::Result<std::unique_ptr<journal::Backend>> open_journal_backend(const std::string& uri, JournalAccess access) {
  const std::string shown = report::clip(report::one_line(uri), 200);
  if (uri.starts_with("postgres://") || uri.starts_with("postgresql://")) {
    return base::fail(base::Error{.code = base::Code::Unsupported,
                                  .what = "this version does not have journals in PostgreSQL yet",
                                  .where = shown,
                                  .likely = {"it is described, but not built yet"},
                                  .try_next = {"use a file: sqlite:PATH"}});
  }
  if (!uri.starts_with(kSqlite) || uri.size() == kSqlite.size()) {
    return base::fail(base::Error{.code = base::Code::InvalidArgument,
                                  .what = "this is not the URI of a journal",
                                  .where = shown.empty() ? "an empty text" : shown,
                                  .likely = {"its scheme is missing or misspelt"},
                                  .try_next = {"write sqlite:PATH, for example sqlite:results/history.db"}});
  }
  const journal::SqliteMode mode =
      access == JournalAccess::Change ? journal::SqliteMode::ReadWrite : journal::SqliteMode::ReadOnly;
  SLUICE_TRY(std::unique_ptr<journal::Backend> backend,
             journal::SqliteBackend::open(uri.substr(kSqlite.size()), mode, {},
                                          {.deadline = async::Deadline::in(kOpenTimeout), .cancel = {}}));
  return std::move(backend);
}

}  // namespace sluice::app
