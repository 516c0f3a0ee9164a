#include "journal/sqlite/tests/sqlite_store.hpp"
#include "journal/tiers/tests/backend_suite.hpp"
#include "journal/tiers/tests/journal_suite.hpp"

namespace sluice::journal {
namespace {

std::unique_ptr<StoreUnderTest> with_wal() { return std::make_unique<SqliteStore>(); }
std::unique_ptr<StoreUnderTest> without_wal() {
  return std::make_unique<SqliteStore>(SqliteOptions{.readers_max = 2, .is_network = true});
}

INSTANTIATE_TEST_SUITE_P(Sqlite, BackendSuite,
                         testing::Values(StoreCase{"wal", with_wal}, StoreCase{"rollback_journal", without_wal}),
                         name_of_case);

INSTANTIATE_TEST_SUITE_P(Sqlite, JournalSuite,
                         testing::Values(StoreCase{"wal", with_wal}, StoreCase{"rollback_journal", without_wal}),
                         name_of_case);

TEST(SqliteJournal, a_follower_in_another_process_sees_what_is_written_however_often_it_asks) {
  SqliteStore store;
  JournalUnderTest writer(store.open());
  auto readable = SqliteBackend::open(store.path(), SqliteMode::ReadOnly);
  ASSERT_TRUE(readable.has_value());
  auto reader = writer.wait(JournalReader::open(writer.threads(), std::move(*readable), {}, soon()));
  ASSERT_TRUE(reader.has_value()) << base::to_text(reader.error());
  auto follower = reader->follow({}, 0);
  ASSERT_TRUE(writer.append(sample_blocks(0, 1)).has_value());
  // Each call has less time than lies between two looks at the database.
  EXPECT_TRUE(async::eventually([&] { return writer.wait(follower->next(in_ms(20))).has_value(); }));
}

}  // namespace
}  // namespace sluice::journal
