#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "journal/sqlite/connection.hpp"
#include "journal/sqlite/sqlite_backend.hpp"
#include "journal/sqlite/writer_lock.hpp"

namespace sluice::journal {

/// A database that was found fit for use, and how its connections for reading are opened.
struct OpenedDatabase {
  std::string path;  ///< absolute
  std::optional<WriterLock> lock;
  std::unique_ptr<Connection> first;  ///< the writer, or the first reader
  OpenAs reader = OpenAs::Reader;
  bool is_damaged = false;  ///< parts of it are missing
  bool has_snapshots = false;
};

/// Opens the file, makes or checks its schema and chooses the journal mode. Errors: see SqliteBackend::open().
base::Result<OpenedDatabase> open_database(const std::string& path, SqliteMode mode, const SqliteOptions& options,
                                           const CallBounds& bounds);

/// A further connection for reading.
base::Result<std::unique_ptr<Connection>> open_reader(const std::string& path, OpenAs how, bool is_damaged);

}  // namespace sluice::journal
