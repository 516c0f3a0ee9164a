#include "journal/sqlite/statement.hpp"

#include <utility>

#include <sqlite3.h>

#include "journal/sqlite/connection.hpp"

namespace sluice::journal {

Statement::Statement(Connection& connection, Prepared& prepared)
    : connection_(&connection), prepared_(&prepared), statement_(prepared.handle) {
  prepared_->is_in_use = true;
}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      prepared_(std::exchange(other.prepared_, nullptr)),
      statement_(other.statement_),
      next_(other.next_),
      failed_(other.failed_) {}

Statement::~Statement() {
  if (prepared_ == nullptr) return;
  prepared_->is_in_use = false;
  sqlite3_reset(statement_);  // its answer is the last step's again
  sqlite3_clear_bindings(statement_);
}

void Statement::note(int code) {
  if (failed_ == SQLITE_OK) failed_ = code;
}

Statement& Statement::bind(std::int64_t value) {
  note(sqlite3_bind_int64(statement_, next_++, value));
  return *this;
}

Statement& Statement::bind_text(std::string_view text) {
  // An empty view may have no address, which would bind NULL.
  const char* data = text.data() != nullptr ? text.data() : "";
  note(sqlite3_bind_text64(statement_, next_++, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind_bytes(std::span<const std::byte> bytes) {
  const void* data = bytes.empty() ? static_cast<const void*>("") : bytes.data();
  note(sqlite3_bind_blob64(statement_, next_++, data, bytes.size(), SQLITE_STATIC));
  return *this;
}

Statement& Statement::bind_null() {
  note(sqlite3_bind_null(statement_, next_++));
  return *this;
}

Statement& Statement::bind_pointer(const void* pointer, const char* type) {
  note(sqlite3_bind_pointer(statement_, next_++, const_cast<void*>(pointer), type, nullptr));
  return *this;
}

base::Result<bool> Statement::step() {
  const int code = failed_ != SQLITE_OK ? failed_ : sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return base::fail(connection_->error(code));
}

base::Result<void> Statement::run() {
  bool has_row = true;
  while (has_row) {
    SLUICE_TRY(has_row, step());
  }
  sqlite3_reset(statement_);
  next_ = 1;
  return {};
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Statement::text(int column) const {
  const unsigned char* data = sqlite3_column_text(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return {reinterpret_cast<const char*>(data), data != nullptr ? static_cast<std::size_t>(size) : 0};
}

std::span<const std::byte> Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return {static_cast<const std::byte*>(data), data != nullptr ? static_cast<std::size_t>(size) : 0};
}

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

}  // namespace sluice::journal
