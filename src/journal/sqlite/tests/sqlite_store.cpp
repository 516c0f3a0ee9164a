#include "journal/sqlite/tests/sqlite_store.hpp"

#include <stdexcept>
#include <utility>

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace sluice::journal {

namespace {

/// The first column of the first row.
struct First {
  std::string text;
  bool is_there = false;
};

int keep_first(void* state, int columns, char** values, char** /*names*/) {
  auto* first = static_cast<First*>(state);
  if (!first->is_there && columns > 0 && values[0] != nullptr) first->text = values[0];
  first->is_there = true;
  return 0;
}

}  // namespace

std::string run_sql(const std::string& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  First first;
  const bool done = sqlite3_open(path.c_str(), &handle) == SQLITE_OK &&
                    sqlite3_busy_timeout(handle, 5000) == SQLITE_OK &&
                    sqlite3_exec(handle, sql.c_str(), &keep_first, &first, nullptr) == SQLITE_OK;
  const std::string said = sqlite3_errmsg(handle);
  sqlite3_close(handle);
  if (!done) throw std::runtime_error(sql + ": " + said);
  return first.text;
}

void flip_bit(const std::string& path, std::uint64_t seq) {
  sqlite3* handle = nullptr;
  sqlite3_blob* blob = nullptr;
  unsigned char byte = 0;
  bool done =
      sqlite3_open(path.c_str(), &handle) == SQLITE_OK &&
      sqlite3_blob_open(handle, "main", "payloads", "bytes", static_cast<sqlite3_int64>(seq), 1, &blob) == SQLITE_OK &&
      sqlite3_blob_read(blob, &byte, 1, 3) == SQLITE_OK;
  byte ^= 0x10;
  done = done && sqlite3_blob_write(blob, &byte, 1, 3) == SQLITE_OK;
  sqlite3_blob_close(blob);
  sqlite3_close(handle);
  if (!done) throw std::runtime_error("cannot change a bit in " + path);
}

std::unique_ptr<Backend> SqliteStore::open() {
  auto backend = SqliteBackend::open(path(), SqliteMode::ReadWrite, options_);
  if (backend) return std::move(*backend);
  ADD_FAILURE() << to_text(backend.error());
  return nullptr;
}

void SqliteStore::lose(std::uint64_t seq) {
  for (const char* table : {"blocks", "payloads", "notable"}) {
    run_sql(path(), "DELETE FROM " + std::string(table) + " WHERE seq = " + std::to_string(seq));
  }
}

}  // namespace sluice::journal
