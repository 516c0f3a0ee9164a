// Calls at the same time, locks of others, and bounds.
#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "journal/sqlite/connection_pool.hpp"
#include "journal/sqlite/tests/sqlite_store.hpp"
#include "journal/tiers/tests/backend_suite.hpp"

namespace sluice::journal {
namespace {

/// Somebody with a tool who has begun to write and does not end.
class Intruder {
 public:
  explicit Intruder(const std::string& path) {
    if (sqlite3_open(path.c_str(), &handle_) != SQLITE_OK) throw std::runtime_error("cannot open " + path);
  }
  ~Intruder() { sqlite3_close(handle_); }
  Intruder(const Intruder&) = delete;
  Intruder& operator=(const Intruder&) = delete;

  void run(const char* sql) {
    if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(handle_));
  }

 private:
  sqlite3* handle_ = nullptr;
};

CallBounds soon(base::Nanos span) { return {.deadline = async::Deadline::in(span)}; }

TEST(SqliteCalls, a_write_behind_a_lock_of_somebody_else_ends_at_its_deadline_and_works_later) {
  SqliteStore store;
  const auto backend = store.open();
  CommitMaker maker;
  maker.add();
  const Commit commit = maker.take();
  Intruder intruder(store.path());
  intruder.run("BEGIN IMMEDIATE");
  const base::Instant begin = base::now();
  EXPECT_EQ(code_of(backend->append(commit, soon(base::Nanos{60'000'000}))), base::Code::DeadlineExceeded);
  EXPECT_GE(base::now() - begin, base::Nanos{60'000'000});
  EXPECT_EQ(backend->load({})->head, 0u);  // reads go on
  intruder.run("ROLLBACK");
  EXPECT_TRUE(backend->append(commit, {}));
}

TEST(SqliteCalls, a_write_behind_a_lock_of_somebody_else_can_be_cancelled) {
  SqliteStore store;
  const auto backend = store.open();
  CommitMaker maker;
  maker.add();
  const Commit commit = maker.take();
  Intruder intruder(store.path());
  intruder.run("BEGIN IMMEDIATE");
  async::CancelSource source;
  std::atomic<bool> has_begun = false;
  base::Code code{};
  std::thread writer([&] {
    has_begun = true;
    has_begun.notify_one();
    code = code_of(backend->append(commit, {.cancel = source.token()}));
  });
  has_begun.wait(false);
  source.cancel();
  writer.join();
  EXPECT_EQ(code, base::Code::Cancelled);
}

TEST(SqliteCalls, one_that_only_computes_ends_at_its_deadline) {
  const Scratch scratch;
  const auto connection = Connection::open(scratch.path("x.db"), OpenAs::Writer).value();
  const CallBounds bounds = soon(base::Nanos{20'000'000});
  const CallScope scope(*connection, bounds, "counting");
  const auto counted =
      connection->number("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
  ASSERT_FALSE(counted);
  EXPECT_EQ(counted.error().code, base::Code::DeadlineExceeded) << to_text(counted.error());
  EXPECT_NE(counted.error().what.find("counting"), std::string::npos);
}

TEST(SqliteCalls, the_connections_are_bounded_and_waiting_for_one_is_too) {
  const Scratch scratch;
  int made = 0;
  bool may_make = false;
  ConnectionPool pool(1, [&]() -> base::Result<std::unique_ptr<Connection>> {
    if (!may_make) return base::fail(base::Code::Unavailable, "not now");
    ++made;
    return Connection::open(scratch.path("x.db"), OpenAs::Writer);
  });
  EXPECT_EQ(code_of(pool.lease({}, "reading")), base::Code::Unavailable);
  may_make = true;
  {
    const auto first = pool.lease({}, "reading");  // what could not be made does not count
    ASSERT_TRUE(first);
    EXPECT_EQ(code_of(pool.lease(soon(base::Nanos{20'000'000}), "reading")), base::Code::DeadlineExceeded);
    async::CancelSource source;
    std::thread owner([&] { source.cancel(); });
    EXPECT_EQ(code_of(pool.lease({.cancel = source.token()}, "reading")), base::Code::Cancelled);
    owner.join();
  }
  EXPECT_TRUE(pool.lease({}, "reading"));
  EXPECT_EQ(made, 1);
}

TEST(SqliteCalls, a_waiting_call_gets_the_connection_that_comes_back) {
  const Scratch scratch;
  ConnectionPool pool(1, [&] { return Connection::open(scratch.path("x.db"), OpenAs::Writer); });
  std::optional<ConnectionPool::Lease> first(pool.lease({}, "reading").value());
  std::atomic<bool> has_begun = false;
  bool was_given = false;
  std::thread other([&] {
    has_begun = true;
    has_begun.notify_one();
    was_given = pool.lease(soon(base::Nanos{10'000'000'000}), "reading").has_value();
  });
  has_begun.wait(false);
  first.reset();
  other.join();
  EXPECT_TRUE(was_given);
}

TEST(SqliteCalls, more_statements_than_are_kept_make_no_difference) {
  const Scratch scratch;
  const auto connection = Connection::open(scratch.path("x.db"), OpenAs::Writer).value();
  auto held = connection->prepare("SELECT 42").value();
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(connection->number("SELECT " + std::to_string(i) + " + 1"), i + 1);  // text of ours
  }
  ASSERT_EQ(held.step(), true);  // what is in use is never taken away
  EXPECT_EQ(held.integer(0), 42);
}

TEST(SqliteCalls, readers_see_whole_commits_while_they_are_made) {
  SqliteStore store(SqliteOptions{.readers_max = 3});
  const auto backend = store.open();
  std::atomic<bool> is_over = false;
  std::vector<std::thread> readers;
  std::atomic<int> reads = 0;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!is_over) {
        const auto state = backend->load({});
        const auto page = backend->read({.blocks_max = 10'000}, {});
        if (!state || !page) {
          ADD_FAILURE() << to_text(!state ? state.error() : page.error());
          return;
        }
        // Commits have three blocks; heads and blocks belong together.
        EXPECT_EQ(state->head % 3, 0u);
        EXPECT_EQ(page->blocks.size() % 3, 0u);
        if (state->head > 0) EXPECT_EQ(state->parties[0].last_seq, state->head);
        ++reads;
      }
    });
  }
  CommitMaker maker;
  for (int i = 0; i < 25; ++i) {
    for (int block = 0; block < 3; ++block) maker.add();
    const auto done = backend->append(maker.take(), {});
    ASSERT_TRUE(done) << to_text(done.error());
  }
  while (reads < 10) std::this_thread::yield();
  is_over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(backend->load({})->head, 75u);
}

TEST(SqliteCalls, compacting_gives_space_back) {
  SqliteStore store;
  const auto backend = store.open();
  CommitMaker maker;
  for (int i = 0; i < 500; ++i) {
    maker.add([&](StoredBlock& b) { b.payload = sample_payload(maker.head(), 4096); });
  }
  ASSERT_TRUE(backend->append(maker.take(), {}));
  ASSERT_TRUE(backend->compact({}));
  const auto before = std::filesystem::file_size(store.path());
  ASSERT_TRUE(backend->remove_above(50, maker.cut_above(50), {}));
  ASSERT_TRUE(backend->compact({}));
  EXPECT_LT(std::filesystem::file_size(store.path()), before / 4);
  EXPECT_EQ(backend->read({.blocks_max = 100}, {})->blocks, maker.all());
}

}  // namespace
}  // namespace sluice::journal
