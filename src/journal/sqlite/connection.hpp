#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.hpp"
#include "base/time.hpp"
#include "journal/sqlite/parties.hpp"
#include "journal/sqlite/statement.hpp"
#include "journal/tiers/backend.hpp"

struct sqlite3;

namespace sluice::journal {

/// How a database file is opened.
enum class OpenAs : std::uint8_t {
  Writer,     ///< made where it is missing
  Reader,     ///< may make SQLite's own files beside it
  Untouched,  ///< as if nobody could change it: no lock, no file beside it, and what stands in a WAL is not seen
};

/// One connection to a database file, with its prepared statements and what it knows of the parties. Used by one thread
/// at a time. Every call ends soon after the bounds that a CallScope sets have passed: while it computes by SQLite's
/// progress handler, while another process has the lock by its busy handler.
class Connection {
  struct Made {};

 public:
  /// `path` is absolute. Errors: what the file system says.
  static base::Result<std::unique_ptr<Connection>> open(const std::string& path, OpenAs how);
  Connection(Made made, std::string path, sqlite3* handle);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// A statement of this text: the one of the last time, where it is still there. Not to be asked for a text that is in
  /// use. Text never has a caller's data in it.
  base::Result<Statement> prepare(std::string_view sql);
  /// Prepares and runs it; for what has no values.
  base::Result<void> run(std::string_view sql);
  /// The one number that a statement without values gives.
  base::Result<std::int64_t> number(std::string_view sql);
  /// Several statements with ; between them; fixed text, for schemas.
  base::Result<void> run_script(const char* script);

  /// What SQLite's `code` means for the call that is going on.
  base::Error error(int code) const;
  bool is_in_transaction() const;
  PartyNames& parties() { return parties_; }
  const std::string& path() const { return path_; }
  /// For calls that are not made by statements, in this folder only.
  sqlite3* handle() const { return handle_; }

 private:
  friend class CallScope;
  void make_room_for_statement();
  static int on_progress(void* self);
  static int on_busy(void* self, int tries);

  std::string path_;
  sqlite3* handle_;
  const CallBounds* bounds_ = nullptr;  ///< of the call that is going on
  std::string_view what_ = "opening the database";
  base::Instant busy_since_{};
  std::unordered_map<std::string, Prepared> statements_;  ///< by text
  std::uint64_t uses_ = 0;
  PartyNames parties_;
};

/// While it lives, everything on the connection is part of one call, `what` ("appending blocks"), and has its bounds.
/// Both outlive it.
class CallScope {
 public:
  CallScope(Connection& connection, const CallBounds& bounds, std::string_view what);
  ~CallScope();
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

 private:
  Connection* connection_;
  const CallBounds* bounds_before_;
  std::string_view what_before_;
};

/// A transaction, rolled back at its end unless it was committed. Of a writer it takes the lock at once; of a reader it
/// sees one state.
class Transaction {
 public:
  /// Errors: the connection's.
  static base::Result<Transaction> begin_write(Connection& connection);
  static base::Result<Transaction> begin_read(Connection& connection);
  ~Transaction();
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;

  /// Where it fails, nothing was changed, unless the error is of the file system: then it is not known.
  base::Result<void> commit();

 private:
  Transaction(Connection& connection, bool writes) : connection_(&connection), writes_(writes) {}

  Connection* connection_;
  bool writes_;
};

}  // namespace sluice::journal
