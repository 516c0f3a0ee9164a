#include "bare_sqlite.hpp"

#include <stdexcept>

#include <sqlite3.h>

namespace sluice::journal {

BareSqlite::BareSqlite(const std::string& path) {
  check(sqlite3_open(path.c_str(), &handle_));
  run("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
      "PRAGMA journal_size_limit = 67108864; CREATE TABLE payloads (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
  check(sqlite3_prepare_v3(handle_, "INSERT INTO payloads VALUES (?, ?)", -1, SQLITE_PREPARE_PERSISTENT, &insert_,
                           nullptr));
}

BareSqlite::~BareSqlite() {
  sqlite3_finalize(insert_);
  sqlite3_close(handle_);
}

void BareSqlite::append(std::span<const StoredBlock> blocks) {
  run("BEGIN IMMEDIATE");
  for (const StoredBlock& block : blocks) {
    sqlite3_bind_int64(insert_, 1, ++seq_);
    sqlite3_bind_blob64(insert_, 2, block.payload.data(), block.payload.size(), SQLITE_STATIC);
    if (sqlite3_step(insert_) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(handle_));
    sqlite3_reset(insert_);
  }
  run("COMMIT");
}

void BareSqlite::check(int code) const {
  if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(handle_));
}

void BareSqlite::run(const char* sql) const { check(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr)); }

}  // namespace sluice::journal
