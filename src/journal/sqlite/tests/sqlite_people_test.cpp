// What a person finds who opens the file with sqlite3.
#include <string>

#include <gtest/gtest.h>

#include "journal/sqlite/tests/sqlite_store.hpp"
#include "journal/tiers/tests/sample_commits.hpp"

namespace sluice::journal {
namespace {

/// Two runs of 2023-11-14, the second with a hole, a discarded attempt and no end.
class SqlitePeople : public testing::Test {
 protected:
  void SetUp() override {
    constexpr std::int64_t kBegin = 1'700'000'000'000'000'000;
    const auto backend = store_.open();
    CommitMaker maker;
    for (int i = 0; i < 6; ++i) {
      maker.add([&](StoredBlock& b) {
        b.header.party.run = i < 3 ? "first" : "second";
        b.header.from_ns = kBegin + i * 1'000'000'000LL + 250'000'000;
        b.header.to_ns = b.header.from_ns + 1'000'000'000;
        b.header.kind = i == 2 ? BlockKind::RunEnded : BlockKind::Interval;
        b.header.operations = operation_bit(model::OpKind::Get) | operation_bit(model::OpKind::Put);
        b.notable = {sample_record(0, 1'500'000LL * (i + 1), "file " + std::to_string(i))};
        if (i == 4)
          b.notable[0].operation = model::OpKind::Put, b.notable[0].status = status_of(model::ErrorKind::NoSpace);
        b.notable[0].end_ns = b.header.to_ns;
      });
    }
    Commit commit = maker.take();
    commit.heads[1].missing = {{3, 5}, {9, 9}};
    ASSERT_TRUE(backend->append(commit, {}));
    ASSERT_TRUE(backend->fence({"second", 1, 0, 6}, {}));
  }
  std::string ask(const std::string& sql) { return run_sql(store_.path(), sql); }

 private:
  SqliteStore store_;
};

TEST_F(SqlitePeople, which_runs_there_are_when_and_how_long) {
  EXPECT_EQ(ask("SELECT group_concat(run) FROM runs"), "first,second");
  EXPECT_EQ(ask("SELECT started_utc || ' ' || last_block_utc || ' ' || duration_s || ' ' || state || ' ' || blocks "
                "FROM runs WHERE run = 'first'"),
            "2023-11-14 22:13:20 2023-11-14 22:13:23 3.0 ended 3");
  EXPECT_EQ(ask("SELECT state || ' ' || missing_blocks || ' ' || discarded_attempts || ' ' || parties FROM runs "
                "WHERE run = 'second'"),
            "no end known 4 1 1");
}

TEST_F(SqlitePeople, the_slowest_gets_and_what_failed) {
  EXPECT_EQ(ask("SELECT target || ' ' || latency_ms || ' ' || ended_utc FROM slow_operations WHERE operation = 'get'"),
            "file 5 9.0 2023-11-14 22:13:26.250");
  EXPECT_EQ(ask("SELECT group_concat(target) FROM slow_operations WHERE operation = 'get'"),
            "file 5,file 3,file 2,file 1,file 0");
  EXPECT_EQ(ask("SELECT run || ' ' || operation || ' ' || status || ' ' || target FROM failed_operations"),
            "second put no_space file 4");
  EXPECT_EQ(ask("SELECT count(*) FROM failed_operations"), "1");
  EXPECT_EQ(ask("SELECT stage FROM failed_operations"), "2") << "a person counts from 1";
}

TEST_F(SqlitePeople, blocks_in_words) {
  EXPECT_EQ(
      ask("SELECT kind || ' ' || from_utc || ' ' || duration_s || ' ' || operations || ' ' || payload_bytes || ' ' "
          "|| discarded FROM blocks_readable WHERE seq = 3"),
      "run_ended 2023-11-14 22:13:22.250 1.0 get put 40 0");
  EXPECT_EQ(ask("SELECT sum(discarded) FROM blocks_readable"), "3");
  EXPECT_EQ(ask("SELECT group_concat(DISTINCT stage) FROM blocks_readable"), "2") << "a person counts from 1";
  EXPECT_EQ(ask("SELECT hash FROM blocks_readable WHERE seq = 1"), to_text(digest_of(sample_payload(1))));
}

}  // namespace
}  // namespace sluice::journal
