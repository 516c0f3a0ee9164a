#include "journal/sqlite/sqlite_errors.hpp"

#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

namespace sluice::journal {

namespace {

/// What a result code means; of the first row whose code it is, or whose primary code.
struct Meaning {
  int code;
  base::Code ours;
  const char* what;  ///< said behind "... failed: "
  const char* likely;
  const char* try_next;
};

constexpr Meaning kMeanings[] = {
    {SQLITE_FULL, base::Code::ResourceExhausted, "there is no space left",
     "the file system, or the quota of this user, is full", "df -h; put the results on another file system"},
    {SQLITE_IOERR_NOMEM, base::Code::ResourceExhausted, "there is no memory left", "the machine is out of memory",
     "free -h"},
    {SQLITE_NOMEM, base::Code::ResourceExhausted, "there is no memory left", "the machine is out of memory", "free -h"},
    {SQLITE_BUSY, base::Code::Unavailable, "another process has it locked",
     "a tool has the database open with a transaction that does not end", "see who has it: fuser"},
    {SQLITE_LOCKED, base::Code::Unavailable, "another connection has it locked",
     "a call that was given up is still going on", "try again"},
    {SQLITE_PROTOCOL, base::Code::Unavailable, "its lock could not be had", "many processes read it at once",
     "try again"},
    {SQLITE_INTERRUPT, base::Code::Cancelled, "it was interrupted", "its owner ended it", "try again"},
    {SQLITE_READONLY, base::Code::PermissionDenied, "it cannot be written",
     "the file system is read-only, or the file belongs to another user", "ls -l; mount | grep the file system"},
    {SQLITE_PERM, base::Code::PermissionDenied, "this user may not open it", "the file belongs to another user",
     "ls -l; run as another user"},
    {SQLITE_AUTH, base::Code::PermissionDenied, "this user may not open it", "the file belongs to another user",
     "ls -l; run as another user"},
    {SQLITE_NOTADB, base::Code::Corrupt, "it is no SQLite database, or its first page is damaged",
     "the path names another file", "look what it is: file; make it again from the log: sluice results rebuild"},
    {SQLITE_CORRUPT, base::Code::Corrupt, "the database is damaged",
     "the disk lost or changed bytes, or the file was cut or copied while it was written",
     "make it again from the log: sluice results rebuild; keep the damaged one until then"},
    {SQLITE_TOOBIG, base::Code::InvalidArgument, "a block or a text of it is larger than SQLite takes",
     "a payload of more than 1 GB", "make intervals shorter"},
    {SQLITE_CONSTRAINT, base::Code::InvalidArgument, "a row with these numbers is there already",
     "a block of the same party and number was stored before", "nothing of this was stored: sluice results lag"},
    {SQLITE_CANTOPEN, base::Code::Unavailable, "it cannot be opened",
     "its folder is missing, or no file can be made in it", "ls -ld the folder"},
    {SQLITE_IOERR, base::Code::Unavailable, "the file system reported an error",
     "the device or the server behind the file system", "dmesg | tail; check the device and the network"},
};

const Meaning* meaning_of(int code) {
  for (const int wanted : {code, code & 0xff}) {
    for (const Meaning& meaning : kMeanings) {
      if (meaning.code == wanted) return &meaning;
    }
  }
  return nullptr;
}

/// The errno behind a result code, where the file system gave one.
std::optional<int> errno_behind(int code, sqlite3* handle, const std::string& path) {
  const int primary = code & 0xff;
  if (primary != SQLITE_CANTOPEN && primary != SQLITE_IOERR) return std::nullopt;
  if (code == SQLITE_IOERR_NOMEM) return std::nullopt;
  if (const int errnum = handle != nullptr ? sqlite3_system_errno(handle) : 0; errnum != 0) return errnum;
  if (primary != SQLITE_CANTOPEN) return std::nullopt;
  std::error_code ignored;
  const std::filesystem::path file(path);
  if (std::filesystem::is_directory(file, ignored)) return EISDIR;
  if (!std::filesystem::exists(file.parent_path(), ignored)) return ENOENT;
  return std::nullopt;
}

}  // namespace

base::Error sqlite_error(int code, sqlite3* handle, std::string_view what, const std::string& path) {
  const char* said = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  std::string chain = fmt::format("SQLite {} ({}): {}", code, sqlite3_errstr(code), said);
  if (const auto errnum = errno_behind(code, handle, path)) {
    base::Error error = base::from_errno(*errnum, fmt::format("{} failed", what), path);
    error.chain.push_back(std::move(chain));
    return error;
  }
  base::Error error{.code = base::Code::Internal, .what = fmt::format("{} failed", what), .where = path};
  if (const Meaning* meaning = meaning_of(code)) {
    error.code = meaning->ours;
    error.what = fmt::format("{} failed: {}", what, meaning->what);
    error.likely.emplace_back(meaning->likely);
    error.try_next.emplace_back(meaning->try_next);
  }
  error.chain.push_back(std::move(chain));
  return error;
}

}  // namespace sluice::journal
