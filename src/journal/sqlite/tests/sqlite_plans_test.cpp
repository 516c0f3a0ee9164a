// How SQLite goes about our questions: which index, and that nothing is sorted that comes in order.
#include <string>

#include <gtest/gtest.h>

#include "journal/sqlite/block_rows.hpp"
#include "journal/sqlite/filter_query.hpp"
#include "journal/sqlite/schema.hpp"
#include "journal/sqlite/tests/sqlite_store.hpp"
#include "journal/tiers/tests/sample_commits.hpp"

namespace sluice::journal {
namespace {

/// A store with a block and a fence, and a connection of its own.
class SqlitePlans : public testing::Test {
 protected:
  void SetUp() override {
    const auto backend = store_.open();
    maker_.add([](StoredBlock& b) { b.notable = {sample_record(0, 1)}; });
    ASSERT_TRUE(backend->append(maker_.take(), {}));
    ASSERT_TRUE(backend->fence({"r1", 9, 9, 1}, {}));
    connection_ = Connection::open(store_.path(), OpenAs::Reader).value();
  }
  std::string plan_of(const std::string& sql) {
    Statement explained = connection_->prepare("EXPLAIN QUERY PLAN " + sql).value();
    std::string plan;
    while (explained.step().value()) plan += std::string(explained.text(3)) + "\n";
    return plan;
  }
  std::string plan_of(const ReadRequest& request) {
    return plan_of(FilterQuery::of_blocks(*connection_, request).value().text());
  }
  std::string plan_of(const NotableRequest& request) {
    return plan_of(FilterQuery::of_records(*connection_, request).value().text());
  }
  static bool has(const std::string& plan, std::string_view what) { return plan.find(what) != std::string::npos; }

 private:
  SqliteStore store_;
  CommitMaker maker_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(SqlitePlans, pages_come_in_the_order_of_seq_and_nothing_is_sorted) {
  const Filter everything{.runs = {"r1"},
                          .parties = {"local"},
                          .stages = {1},
                          .kinds = {BlockKind::Interval},
                          .operations = 1,
                          .time_ns = {1, 2},
                          .statuses = 1,
                          .latency_ns = {1, 2},
                          .bytes = {1, 2}};
  for (const Filter& filter : {Filter{}, everything, Filter{.parties = {"local"}}}) {
    for (const bool newest_first : {false, true}) {
      const std::string plan = plan_of(ReadRequest{.filter = filter, .newest_first = newest_first});
      EXPECT_FALSE(has(plan, "TEMP B-TREE FOR ORDER BY")) << plan;
      EXPECT_TRUE(has(plan, "SEARCH b USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)")) << plan;
    }
    const std::string plan = plan_of(NotableRequest{.filter = filter});
    EXPECT_FALSE(has(plan, "TEMP B-TREE FOR ORDER BY")) << plan;
    EXPECT_TRUE(has(plan, "SEARCH n USING PRIMARY KEY (seq=?")) << plan;
  }
}

TEST_F(SqlitePlans, events_are_found_by_their_index) {
  const Filter events{.kinds = {BlockKind::RunStarted, BlockKind::RunEnded}};
  for (const std::string& plan :
       {plan_of(ReadRequest{.filter = events}), plan_of(ReadRequest{.filter = events, .newest_first = true}),
        plan_of(NotableRequest{.filter = events})}) {
    EXPECT_TRUE(has(plan, "SEARCH b USING INDEX blocks_of_events (seq>? AND seq<?)")) << plan;
    EXPECT_FALSE(has(plan, "TEMP B-TREE FOR ORDER BY")) << plan;
  }
}

TEST_F(SqlitePlans, single_blocks_are_looked_for_from_the_newest_and_nothing_is_sorted) {
  for (const std::string_view question : {kSeqOfNumber, kSeqOfHash}) {
    EXPECT_EQ(plan_of(std::string(question)), "SCAN blocks\n");
  }
  const std::string plan = plan_of(std::string(kNumbersOfParties));
  EXPECT_TRUE(plan.starts_with("SCAN blocks\n")) << plan;
  EXPECT_FALSE(has(plan, "TEMP B-TREE FOR ORDER BY")) << plan;
}

TEST_F(SqlitePlans, a_run_of_which_nobody_has_heard_is_not_looked_for) {
  // And no text of a filter stands in a statement.
  const auto text_of = [&](const Filter& filter) {
    const CallBounds unbounded;
    SqliteStore other;
    other.open();
    const auto connection = Connection::open(other.path(), OpenAs::Reader).value();
    const auto query = FilterQuery::of_blocks(*connection, {.filter = filter}).value();
    EXPECT_TRUE(query.is_empty());
    return query.text();
  };
  EXPECT_EQ(text_of({.runs = {"' OR 1 = 1 --"}}), text_of({.runs = {"other"}}));
}

TEST_F(SqlitePlans, single_blocks_are_found_anywhere_in_a_long_history) {
  SqliteStore store;
  const auto backend = store.open();
  CommitMaker maker;
  for (int i = 0; i < 9000; ++i) {
    maker.add([&](StoredBlock& b) {
      b.payload = sample_payload(static_cast<std::uint64_t>(b.header.to_ns), 8);
      b.header.party.party = i % 2 == 0 ? "even" : "odd";
    });
  }
  ASSERT_TRUE(backend->append(maker.take(), {}));
  for (const std::size_t i : {0u, 1u, 4094u, 4095u, 4096u, 8191u, 8192u, 8999u}) {
    const BlockHeader& header = maker.all()[i].header;
    for (const auto& found : {backend->find(header.hash, {}), backend->find(header.party, header.party_seq, {})}) {
      ASSERT_TRUE(found) << to_text(found.error());
      EXPECT_EQ(found->header.seq, i + 1);
    }
  }
  EXPECT_EQ(backend->present({"r1", "odd", 0}, {}).value(), (std::vector{SeqRange{0, 4499}}));
}

}  // namespace
}  // namespace sluice::journal
