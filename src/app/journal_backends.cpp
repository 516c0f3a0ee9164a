#include "app/journal_backends.hpp"

#include <string_view>
#include <utility>

#include "journal/postgres/postgres_backend.hpp"
#include "journal/postgres/server_address.hpp"
#include "journal/sqlite/sqlite_backend.hpp"
#include "report/plain_text.hpp"

namespace sluice::app {

namespace {

constexpr std::string_view kSqlite = "sqlite:";
/// A database that another process is just writing to is waited for.
constexpr base::Nanos kOpenTimeout{10'000'000'000};

bool is_postgres(const std::string& uri) { return uri.starts_with("postgres://") || uri.starts_with("postgresql://"); }

}  // namespace

std::string journal_uri_of(const std::string& results_dir) {
  return std::string(kSqlite) + results_dir + "/journal.db";
}

base::Result<void> check_journal_uri(const std::string& uri) {
  if (is_postgres(uri) || (uri.starts_with(kSqlite) && uri.size() > kSqlite.size())) return {};
  // It may be one with a password whose scheme is misspelt.
  const std::string shown = uri.contains('@') ? "" : report::clip(report::one_line(uri), 200);
  return base::fail(base::Error{.code = base::Code::InvalidArgument,
                                .what = "this is not the URI of a journal",
                                .where = shown.empty() ? "the URI that was given" : shown,
                                .likely = {"its scheme is missing or misspelt"},
                                .try_next = {"write sqlite:" + (shown.empty() ? "PATH" : shown),
                                             "or postgres://USER@HOST/DATABASE for one that a team shares"}});
}

std::string without_credentials(const std::string& uri) {
  if (!is_postgres(uri)) return uri;
  const auto address = journal::postgres::ServerAddress::parse(uri);
  return address ? address->name() : "the URI that was given";
}

base::Result<std::unique_ptr<journal::Backend>> open_journal_backend(const std::string& uri, JournalAccess access) {
  return open_journal_backend(uri, access, async::Deadline::in(kOpenTimeout));
}

base::Result<std::unique_ptr<journal::Backend>> open_journal_backend(const std::string& uri, JournalAccess access,
                                                                     async::Deadline deadline) {
  SLUICE_CHECK(check_journal_uri(uri));
  const journal::CallBounds bounds{.deadline = deadline, .cancel = {}};
  if (is_postgres(uri)) {
    SLUICE_TRY(std::unique_ptr<journal::Backend> backend, journal::PostgresBackend::open(uri, {}, bounds));
    return std::move(backend);
  }
  const journal::SqliteMode mode =
      access == JournalAccess::Change ? journal::SqliteMode::ReadWrite : journal::SqliteMode::ReadOnly;
  SLUICE_TRY(std::unique_ptr<journal::Backend> backend,
             journal::SqliteBackend::open(uri.substr(kSqlite.size()), mode, {}, bounds));
  return std::move(backend);
}

}  // namespace sluice::app
