#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.hpp"

struct sqlite3_stmt;

namespace sluice::journal {

class Connection;

/// A statement that a Connection keeps.
struct Prepared {
  sqlite3_stmt* handle = nullptr;
  bool is_in_use = false;
  std::uint64_t last_use = 0;  ///< counted by the connection
};

/// One use of a prepared statement: values are bound, rows are stepped through, and its end makes the statement ready
/// for the next use. Bound text and bytes, and the Connection, outlive it. Of one thread.
class Statement {
 public:
  Statement(Connection& connection, Prepared& prepared);
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;

  /// Binds the next value. A failure is told by step().
  Statement& bind(std::int64_t value);
  Statement& bind_text(std::string_view text);
  Statement& bind_bytes(std::span<const std::byte> bytes);
  Statement& bind_null();
  /// Something that only a function of ours can look into; see target_matching.hpp.
  Statement& bind_pointer(const void* pointer, const char* type);

  /// True where there is a row. Errors: those of the connection.
  base::Result<bool> step();
  /// To its end; rows are left alone. The values that are bound next are the first again.
  base::Result<void> run();

  /// Columns of the row, from 0. Text and bytes are good until the next step.
  std::int64_t integer(int column) const;
  std::string_view text(int column) const;
  std::span<const std::byte> bytes(int column) const;
  bool is_null(int column) const;

 private:
  void note(int code);

  Connection* connection_;
  Prepared* prepared_;
  sqlite3_stmt* statement_;
  int next_ = 1;    ///< number of the value that is bound next
  int failed_ = 0;  ///< SQLite's code of the first bind that failed
};

}  // namespace sluice::journal
