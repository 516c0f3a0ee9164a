#include "journal/sqlite/tests/sqlite_store.hpp"
#include "journal/tiers/tests/backend_suite.hpp"

namespace sluice::journal {
namespace {

std::unique_ptr<StoreUnderTest> with_wal() { return std::make_unique<SqliteStore>(); }
std::unique_ptr<StoreUnderTest> without_wal() {
  return std::make_unique<SqliteStore>(SqliteOptions{.readers_max = 2, .is_network = true});
}

INSTANTIATE_TEST_SUITE_P(Sqlite, BackendSuite,
                         testing::Values(StoreCase{"wal", with_wal}, StoreCase{"rollback_journal", without_wal}),
                         name_of_case);

}  // namespace
}  // namespace sluice::journal
