#include "journal/sqlite/sqlite_opening.hpp"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <sqlite3.h>
#include <unistd.h>

#include "journal/sqlite/file_system.hpp"
#include "journal/sqlite/schema.hpp"

namespace sluice::journal {

namespace {

constexpr std::string_view kOpening = "opening the database of results";

std::uintmax_t size_of(const std::string& path) {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(path, failed);
  return failed ? 0 : size;
}

base::Result<std::string> absolute_path(const std::string& path) {
  std::error_code failed;
  const std::filesystem::path file = std::filesystem::absolute(path, failed).lexically_normal();
  if (failed || path.empty() || path.find('\0') != std::string::npos || !file.has_filename()) {
    return base::fail(base::from_errno(EINVAL, "this is no path of a database", path));
  }
  if (std::filesystem::is_directory(file, failed)) {
    return base::fail(base::from_errno(EISDIR, "cannot open the database of results", file.string()));
  }
  return file.string();
}

/// Whose file is it? Asked without a lock and without a file beside it, so that a file of somebody else is left alone.
/// Damage is judged later, when nobody can write meanwhile.
base::Result<void> check_owner(const std::string& path) {
  if (size_of(path) == 0) return {};
  SLUICE_TRY(const auto connection, Connection::open(path, OpenAs::Untouched));
  const CallBounds unbounded;
  const CallScope scope(*connection, unbounded, kOpening);
  if (auto fit = check_schema(*connection, false); !fit) {
    const bool is_database = (sqlite3_errcode(connection->handle()) & 0xff) != SQLITE_NOTADB;
    if (!is_database || fit.error().code != base::Code::Corrupt) return fit;
  }
  return {};
}

base::Result<std::string> set_journal_mode(Connection& connection, std::string_view pragma) {
  SLUICE_TRY(Statement statement, connection.prepare(pragma));
  SLUICE_CHECK(statement.step());
  return std::string(statement.text(0));
}

/// True for WAL. Where that cannot be, a rollback journal whose file is kept between commits.
base::Result<bool> choose_journal(Connection& connection, bool is_network) {
  bool is_wal = false;
  if (!is_network) {
    const auto mode = set_journal_mode(connection, "PRAGMA journal_mode = WAL");
    is_wal = mode && *mode == "wal";
    if (!mode && mode.error().code != base::Code::Unavailable) return base::fail(mode.error());
  }
  if (!is_wal) {
    SLUICE_TRY(const std::string mode, set_journal_mode(connection, "PRAGMA journal_mode = TRUNCATE"));
    if (mode == "wal") {
      return base::fail(base::Error{.code = base::Code::Unavailable,
                                    .what = "the database of results cannot leave its WAL mode",
                                    .where = connection.path(),
                                    .likely = {"another process reads it"},
                                    .try_next = {"end that one: fuser " + connection.path()}});
    }
  }
  SLUICE_CHECK(connection.run("PRAGMA synchronous = FULL"));
  SLUICE_CHECK(connection.run("PRAGMA journal_size_limit = 67108864"));
  // Room for a commit and the pages that each touches: else these are read again after every large one.
  SLUICE_CHECK(connection.run("PRAGMA cache_size = -16384"));  // KiB
  return is_wal;
}

base::Result<void> open_writer(OpenedDatabase& opened, const SqliteOptions& options, const CallBounds& bounds) {
  SLUICE_TRY(WriterLock lock, WriterLock::take(opened.path));
  opened.lock.emplace(std::move(lock));
  SLUICE_TRY(opened.first, Connection::open(opened.path, OpenAs::Writer));
  const CallScope scope(*opened.first, bounds, kOpening);
  SLUICE_CHECK(bring_up_to_date(*opened.first));
  SLUICE_TRY(opened.has_snapshots, choose_journal(*opened.first, options.is_network || is_on_network(opened.path)));
  return {};
}

/// A database in WAL mode needs a file beside it to be read, which cannot be made here. Without a WAL nothing is
/// missed.
bool must_stay_untouched(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return ::access(folder.c_str(), W_OK) != 0 && size_of(path + "-wal") == 0;
}

base::Result<void> try_reader(OpenedDatabase& opened, const CallBounds& bounds) {
  SLUICE_TRY(opened.first, open_reader(opened.path, opened.reader, opened.is_damaged));
  const CallScope scope(*opened.first, bounds, kOpening);
  SLUICE_CHECK(check_schema(*opened.first, true));
  SLUICE_TRY(const std::string mode, set_journal_mode(*opened.first, "PRAGMA journal_mode"));
  opened.has_snapshots = mode == "wal" || opened.reader == OpenAs::Untouched;
  return {};
}

base::Result<void> open_for_reading(OpenedDatabase& opened, const CallBounds& bounds) {
  if (::access(opened.path.c_str(), R_OK) != 0) {
    return base::fail(base::from_errno(errno, "cannot open the database of results", opened.path));
  }
  auto result = try_reader(opened, bounds);
  if (!result && result.error().code == base::Code::Corrupt) {
    opened.is_damaged = true;
    return try_reader(opened, bounds);
  }
  const bool is_refused =
      !result && (result.error().code == base::Code::PermissionDenied || result.error().code == base::Code::NotFound ||
                  result.error().code == base::Code::Unavailable);
  if (!is_refused || !must_stay_untouched(opened.path)) return result;
  opened.reader = OpenAs::Untouched;
  return try_reader(opened, bounds);
}

}  // namespace

base::Result<OpenedDatabase> open_database(const std::string& path, SqliteMode mode, const SqliteOptions& options,
                                           const CallBounds& bounds) {
  SLUICE_CHECK(bounds.check(kOpening));
  OpenedDatabase opened;
  SLUICE_TRY(opened.path, absolute_path(path));
  SLUICE_CHECK(check_owner(opened.path));
  SLUICE_CHECK(mode == SqliteMode::ReadWrite ? open_writer(opened, options, bounds) : open_for_reading(opened, bounds));
  return opened;
}

base::Result<std::unique_ptr<Connection>> open_reader(const std::string& path, OpenAs how, bool is_damaged) {
  SLUICE_TRY(auto connection, Connection::open(path, how));
  // With this SQLite takes a file that is shorter than its header says, and fails only for what is missing.
  if (is_damaged) SLUICE_CHECK(connection->run("PRAGMA writable_schema = ON"));
  return connection;
}

}  // namespace sluice::journal
