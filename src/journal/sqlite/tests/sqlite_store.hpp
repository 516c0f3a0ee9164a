#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "journal/sqlite/sqlite_backend.hpp"
#include "journal/tests/scratch.hpp"
#include "journal/tiers/tests/store_under_test.hpp"

namespace sluice::journal {

/// Runs fixed SQL in a database, behind everybody's back. Returns the first column of the first row, as text.
std::string run_sql(const std::string& path, const std::string& sql);

/// Changes a bit of a payload.
void flip_bit(const std::string& path, std::uint64_t seq);

/// A database file in a folder of its own.
class SqliteStore final : public StoreUnderTest {
 public:
  explicit SqliteStore(const SqliteOptions& options = {}) : options_(options) {}

  std::unique_ptr<Backend> open() override;
  void lose(std::uint64_t seq) override;
  void damage(std::uint64_t seq) override { flip_bit(path(), seq); }

  std::string path() const { return scratch_.path("journal.db"); }

 private:
  Scratch scratch_;
  SqliteOptions options_;
};

}  // namespace sluice::journal
