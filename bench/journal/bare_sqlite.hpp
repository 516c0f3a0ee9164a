#pragma once

#include <string>

#include "journal/tiers/backend.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::journal {

/// The peer of an append: a loop of SQLite's own calls that inserts payloads into a table of numbers and bytes, and
/// nothing else, with the pragmas of the journal's own files. One thread at a time; throws std::runtime_error.
class BareSqlite {
 public:
  explicit BareSqlite(const std::string& path);
  ~BareSqlite();
  BareSqlite(const BareSqlite&) = delete;
  BareSqlite& operator=(const BareSqlite&) = delete;

  /// The payloads of these blocks, in one transaction, durably.
  void append(std::span<const StoredBlock> blocks);

 private:
  void check(int code) const;
  void run(const char* sql) const;

  sqlite3* handle_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  std::int64_t seq_ = 0;
};

}  // namespace sluice::journal
