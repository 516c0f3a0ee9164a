#include "journal/sqlite/connection.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/assert.hpp"
#include "journal/sqlite/sqlite_errors.hpp"
#include "journal/sqlite/target_matching.hpp"

namespace sluice::journal {

namespace {

constexpr int kProgressEvery = 1000;         ///< of SQLite's own steps; some 20 us
constexpr std::size_t kStatementsMax = 100;  ///< of a connection; a filter's fields make many texts
constexpr base::Nanos kBusyMax = base::Nanos{10'000'000'000};
constexpr int kBusyWaitMaxMs = 10;

/// `path` as the URI that SQLite wants for an option of opening.
std::string uri_of(std::string_view path, std::string_view option) {
  std::string uri = "file:";
  for (const char c : path) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/';
    uri += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return fmt::format("{}?{}", uri, option);
}

int flags_of(OpenAs how) {
  constexpr int kAll = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (how) {
    case OpenAs::Writer: return kAll | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    case OpenAs::Reader: return kAll | SQLITE_OPEN_READONLY;
    case OpenAs::Untouched: return kAll | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
  }
  return kAll;
}

}  // namespace

base::Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, OpenAs how) {
  const std::string name = how == OpenAs::Untouched ? uri_of(path, "immutable=1") : path;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &handle, flags_of(how), nullptr);
  if (code != SQLITE_OK) {
    base::Error error = sqlite_error(code, handle, "opening the database", path);
    sqlite3_close_v2(handle);
    return base::fail(std::move(error));
  }
  auto connection = std::make_unique<Connection>(Made{}, path, handle);
  // The file may be anybody's: nothing in its schema is to call what it should not.
  SLUICE_CHECK(connection->run("PRAGMA trusted_schema = OFF"));
  SLUICE_CHECK(connection->run("PRAGMA cell_size_check = ON"));
  if (const int failed = add_target_matching(handle); failed != SQLITE_OK) return base::fail(connection->error(failed));
  return connection;
}

Connection::Connection(Made /*by open()*/, std::string path, sqlite3* handle)
    : path_(std::move(path)), handle_(handle) {
  sqlite3_progress_handler(handle_, kProgressEvery, &Connection::on_progress, this);
  sqlite3_busy_handler(handle_, &Connection::on_busy, this);
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement.handle);
  sqlite3_close_v2(handle_);
}

base::Result<Statement> Connection::prepare(std::string_view sql) {
  std::string text(sql);
  auto found = statements_.find(text);
  if (found == statements_.end()) {
    make_room_for_statement();
    Prepared made;
    const int code = sqlite3_prepare_v3(handle_, text.c_str(), static_cast<int>(text.size()), SQLITE_PREPARE_PERSISTENT,
                                        &made.handle, nullptr);
    if (code != SQLITE_OK) return base::fail(error(code));
    found = statements_.emplace(std::move(text), made).first;
  }
  SLUICE_ASSERT(!found->second.is_in_use);
  found->second.last_use = ++uses_;
  return Statement(*this, found->second);
}

void Connection::make_room_for_statement() {
  if (statements_.size() < kStatementsMax) return;
  auto oldest = statements_.end();
  for (auto it = statements_.begin(); it != statements_.end(); ++it) {
    if (it->second.is_in_use) continue;
    if (oldest == statements_.end() || it->second.last_use < oldest->second.last_use) oldest = it;
  }
  if (oldest == statements_.end()) return;
  sqlite3_finalize(oldest->second.handle);
  statements_.erase(oldest);
}

base::Result<void> Connection::run(std::string_view sql) {
  SLUICE_TRY(Statement statement, prepare(sql));
  return statement.run();
}

base::Result<std::int64_t> Connection::number(std::string_view sql) {
  SLUICE_TRY(Statement statement, prepare(sql));
  SLUICE_TRY(const bool has_row, statement.step());
  return has_row ? statement.integer(0) : 0;
}

base::Result<void> Connection::run_script(const char* script) {
  const int code = sqlite3_exec(handle_, script, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return base::fail(error(code));
  return {};
}

base::Error Connection::error(int code) const {
  const bool may_be_bounds = (code & 0xff) == SQLITE_INTERRUPT || (code & 0xff) == SQLITE_BUSY;
  if (may_be_bounds && bounds_ != nullptr) {
    if (auto ended = bounds_->check(what_); !ended) return std::move(ended).error();
  }
  return sqlite_error(code, handle_, what_, path_);
}

bool Connection::is_in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

int Connection::on_progress(void* self) {
  const auto* connection = static_cast<Connection*>(self);
  return connection->bounds_ != nullptr && !connection->bounds_->check(connection->what_) ? 1 : 0;
}

int Connection::on_busy(void* self, int tries) {
  auto* connection = static_cast<Connection*>(self);
  const base::Instant now = base::now();
  if (tries == 0) connection->busy_since_ = now;
  if (now - connection->busy_since_ >= kBusyMax || on_progress(self) != 0) return 0;
  sqlite3_sleep(std::min(tries + 1, kBusyWaitMaxMs));
  return 1;
}

CallScope::CallScope(Connection& connection, const CallBounds& bounds, std::string_view what)
    : connection_(&connection), bounds_before_(connection.bounds_), what_before_(connection.what_) {
  connection.bounds_ = &bounds;
  connection.what_ = what;
}

CallScope::~CallScope() {
  connection_->bounds_ = bounds_before_;
  connection_->what_ = what_before_;
}

base::Result<Transaction> Transaction::begin_write(Connection& connection) {
  SLUICE_CHECK(connection.run("BEGIN IMMEDIATE"));
  return Transaction(connection, true);
}

base::Result<Transaction> Transaction::begin_read(Connection& connection) {
  SLUICE_CHECK(connection.run("BEGIN"));
  return Transaction(connection, false);
}

Transaction::Transaction(Transaction&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)), writes_(other.writes_) {}

base::Result<void> Transaction::commit() {
  SLUICE_CHECK(connection_->run("COMMIT"));
  connection_ = nullptr;
  return {};
}

Transaction::~Transaction() {
  if (connection_ == nullptr) return;
  // Names given in it are not there any more, and its numbers may be given to others.
  if (writes_) connection_->parties().forget();
  if (!connection_->is_in_transaction()) return;  // SQLite has done it itself, after a full disk say
  const CallBounds unbounded;
  const CallScope scope(*connection_, unbounded, "rolling back");
  (void)connection_->run("ROLLBACK");  // where it fails, closing does it
}

}  // namespace sluice::journal
