#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "journal/sqlite/sqlite_backend.hpp"
#include "journal/tests/scratch.hpp"
#include "journal/tiers/tests/store_under_test.hpp"

namespace sluice::journal {

/// Runs fixed SQL in a database, behind everybody's back. Returns the first column of the first row, as text.
inline std::string run_sql(const std::string& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  std::string first;
  bool has_first = false;
  const auto keep = [](void* state, int columns, char** values, char**) {
    auto& [text, has] = *static_cast<std::pair<std::string*, bool*>*>(state);
    if (!*has && columns > 0 && values[0] != nullptr) *text = values[0];
    *has = true;
    return 0;
  };
  std::pair state(&first, &has_first);
  const bool done = sqlite3_open(path.c_str(), &handle) == SQLITE_OK &&
                    sqlite3_busy_timeout(handle, 5000) == SQLITE_OK &&
                    sqlite3_exec(handle, sql.c_str(), keep, &state, nullptr) == SQLITE_OK;
  const std::string said = sqlite3_errmsg(handle);
  sqlite3_close(handle);
  if (!done) throw std::runtime_error(sql + ": " + said);
  return first;
}

/// Changes a bit of a payload.
inline void flip_bit(const std::string& path, std::uint64_t seq) {
  sqlite3* handle = nullptr;
  sqlite3_blob* blob = nullptr;
  unsigned char byte = 0;
  const bool done =
      sqlite3_open(path.c_str(), &handle) == SQLITE_OK &&
      sqlite3_blob_open(handle, "main", "payloads", "bytes", static_cast<sqlite3_int64>(seq), 1, &blob) == SQLITE_OK &&
      sqlite3_blob_read(blob, &byte, 1, 3) == SQLITE_OK && (byte ^= 0x10, true) &&
      sqlite3_blob_write(blob, &byte, 1, 3) == SQLITE_OK;
  sqlite3_blob_close(blob);
  sqlite3_close(handle);
  if (!done) throw std::runtime_error("cannot change a bit in " + path);
}

/// A database file in a folder of its own.
class SqliteStore final : public StoreUnderTest {
 public:
  explicit SqliteStore(const SqliteOptions& options = {}) : options_(options) {}

  std::unique_ptr<Backend> open() override {
    auto backend = SqliteBackend::open(path(), SqliteMode::ReadWrite, options_);
    if (backend) return std::move(*backend);
    ADD_FAILURE() << to_text(backend.error());
    return nullptr;
  }
  void lose(std::uint64_t seq) override {
    for (const char* table : {"blocks", "payloads", "notable"}) {
      run_sql(path(), "DELETE FROM " + std::string(table) + " WHERE seq = " + std::to_string(seq));
    }
  }
  void damage(std::uint64_t seq) override { flip_bit(path(), seq); }

  std::string path() const { return scratch_.path("journal.db"); }
  std::string folder() const { return scratch_.folder(); }

 private:
  Scratch scratch_;
  SqliteOptions options_;
};

}  // namespace sluice::journal
