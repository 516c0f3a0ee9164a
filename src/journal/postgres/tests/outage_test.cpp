// Servers that go away, stand still, or let us wait; credentials.
#include <atomic>
#include <csignal>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "journal/postgres/tests/team.hpp"
#include "journal/tiers/tests/backend_suite.hpp"

namespace sluice::journal::postgres {
namespace {

using namespace std::chrono_literals;

class PostgresOutage : public testing::Test {
 protected:
  void SetUp() override { server().clear(); }
  static PrivateServer& server() { return PrivateServer::shared(); }

  /// How many sessions of ours are in the middle of a statement.
  static std::string busy_sessions() {
    return server().execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice' AND state = 'active'");
  }
};

/// One party that appends without end, and knows what was confirmed.
class Appender {
 public:
  explicit Appender(PostgresBackend& backend) : backend_(backend) {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) step();
    });
  }
  std::uint64_t confirmed() const { return confirmed_; }
  std::size_t failures() const { return failures_; }
  void stop() { thread_ = {}; }

 private:
  void step() {
    if (is_in_doubt_ && !find_out()) return;
    if (backend_.append(who_.next(head_, 2, 4096), within(5s))) {
      confirm(head_ + 2);
    } else {
      ++failures_;
      is_in_doubt_ = true;
    }
  }
  /// Whether what failed was made all the same, as a journal does.
  bool find_out() {
    const auto state = backend_.load(within(5s));
    if (!state) {
      EXPECT_EQ(state.error().code, base::Code::Unavailable) << base::to_text(state.error());
      ::poll(nullptr, 0, 10);  // a server that recovers has better things to do than to refuse connections
      return false;
    }
    EXPECT_TRUE(state->head == head_ || state->head == head_ + 2) << state->head << " after " << head_;
    if (state->head == head_ + 2) confirm(state->head);
    is_in_doubt_ = false;
    return true;
  }
  void confirm(std::uint64_t head) {
    who_.keep();
    head_ = head;
    confirmed_ = head;
  }

  PostgresBackend& backend_;
  Contributor who_{"anna"};
  std::uint64_t head_ = 0;
  bool is_in_doubt_ = false;
  std::atomic<std::uint64_t> confirmed_ = 0;
  std::atomic<std::size_t> failures_ = 0;
  std::jthread thread_;  // last: it uses the others
};

class PostgresRestart : public PostgresOutage, public testing::WithParamInterface<int> {};

TEST_P(PostgresRestart, appends_go_on_after_a_restart_under_load) {
  const auto backend = open_backend(server().uri());
  Appender appender(*backend);
  for (int round = 0; round < 2; ++round) {
    const std::uint64_t before = appender.confirmed();
    ASSERT_TRUE(eventually([&] { return appender.confirmed() >= before + 20; }));
    server().stop(GetParam());
    ASSERT_TRUE(eventually([&] { return appender.failures() > static_cast<std::size_t>(round); }));
    server().start();
  }
  const std::uint64_t before = appender.confirmed();
  ASSERT_TRUE(eventually([&] { return appender.confirmed() >= before + 20; }));
  appender.stop();
  const auto state = backend->load(within(20s)).value();
  EXPECT_EQ(state.head, appender.confirmed());
  const auto page = backend->read({.blocks_max = 100'000, .bytes_max = 1 << 30}, within(20s)).value();
  ASSERT_EQ(page.blocks.size(), state.head);
  for (std::size_t i = 0; i < page.blocks.size(); ++i) ASSERT_EQ(page.blocks[i].header.seq, i + 1);
  EXPECT_EQ(backend->present({"shared", "anna", 0}, within(20s)).value(), (std::vector<SeqRange>{{0, state.head - 1}}));
}

INSTANTIATE_TEST_SUITE_P(By, PostgresRestart, testing::Values(SIGINT, SIGQUIT), [](const auto& info) {
  return info.param == SIGINT ? std::string("orderly") : std::string("crash");
});

TEST_F(PostgresOutage, calls_end_at_their_deadlines_while_the_server_stands_still) {
  const auto backend = open_backend(server().uri());
  Contributor anna("anna");
  ASSERT_TRUE(backend->append(anna.next(0, 1), {}));
  anna.keep();
  ASSERT_TRUE(backend->get(1, {}));  // there is an idle connection of each kind now
  server().freeze();
  const base::Instant start = base::now();
  for (int i = 0; i < 2; ++i) {  // over a connection that is there, and over a new one
    EXPECT_EQ(code_of(backend->append(anna.next(1, 1), within(100ms))), base::Code::DeadlineExceeded);
    EXPECT_EQ(code_of(backend->get(1, within(100ms))), base::Code::DeadlineExceeded);
    EXPECT_EQ(code_of(backend->compact(within(100ms))), base::Code::DeadlineExceeded);
  }
  EXPECT_EQ(code_of(PostgresBackend::open(server().uri(), {}, within(100ms))), base::Code::DeadlineExceeded);
  const auto slow = PostgresBackend::open(server().uri(), {.connect_timeout = 100ms}, {});
  EXPECT_EQ(code_of(slow), base::Code::Unavailable);
  // The promise is 100 ms each; the bound only tells a call that ended from one that hangs.
  EXPECT_LT(base::now() - start, 10s);
  server().thaw();
  const auto head = backend->load(within(20s));
  ASSERT_TRUE(head) << base::to_text(head.error());
  EXPECT_TRUE(backend->append(anna.next(head->head, 1), within(20s)) || head->head > 1);
}

TEST_F(PostgresOutage, a_cancellation_ends_a_call_and_the_server_ends_what_it_did) {
  const auto backend = open_backend(server().uri());
  Contributor anna("anna");
  ASSERT_TRUE(backend->append(anna.next(0, 1), {}));
  const HeldSession lock(server(), "BEGIN; LOCK TABLE sluice.meta, sluice.blocks IN ACCESS EXCLUSIVE MODE");
  async::CancelSource source;
  const CallBounds bounds{.cancel = source.token()};
  base::Code append = base::Code::Internal, get = base::Code::Internal;
  {
    const std::jthread writer([&] { append = code_of(backend->append(anna.next(1, 1), bounds)); });
    const std::jthread reader([&] { get = code_of(backend->get(1, bounds)); });
    EXPECT_TRUE(eventually([] { return busy_sessions() == "2"; }));
    source.cancel();
  }
  EXPECT_EQ(append, base::Code::Cancelled);
  EXPECT_EQ(get, base::Code::Cancelled);
  EXPECT_TRUE(eventually([] { return busy_sessions() == "0"; })) << "the server waits for the lock, for nobody";
}

TEST_F(PostgresOutage, a_deadline_ends_a_wait_for_another_controllers_lock) {
  const auto backend = open_backend(server().uri());
  Contributor anna("anna");
  const HeldSession lock(server(), "BEGIN; SELECT * FROM sluice.meta FOR UPDATE");
  const auto late = backend->append(anna.next(0, 1), within(100ms));
  ASSERT_EQ(code_of(late), base::Code::DeadlineExceeded);
  EXPECT_NE(late.error().where.find("port"), std::string::npos);
  EXPECT_TRUE(eventually([] { return busy_sessions() == "0"; }));
}

TEST_F(PostgresOutage, reads_beyond_the_connections_wait_their_turn_and_no_longer_than_their_deadline) {
  const auto backend = open_backend(server().uri(), {.readers_max = 1});
  async::CancelSource source;
  {
    const HeldSession lock(server(), "BEGIN; LOCK TABLE sluice.blocks IN ACCESS EXCLUSIVE MODE");
    const std::jthread holder([&] { (void)backend->load({.cancel = source.token()}); });
    EXPECT_TRUE(eventually([] { return busy_sessions() == "1"; }));
    const base::Instant start = base::now();
    const auto late = backend->load(within(50ms));
    ASSERT_EQ(code_of(late), base::Code::DeadlineExceeded);
    EXPECT_GE(base::now() - start, 50ms) << "it did not wait";
    EXPECT_NE(late.error().what.find("all 1 connections"), std::string::npos) << late.error().what;
    base::Code waiter = base::Code::Internal;
    {
      const std::jthread second([&] { waiter = code_of(backend->load({.cancel = source.token()})); });
      source.cancel();
    }
    EXPECT_EQ(waiter, base::Code::Cancelled);
  }
  EXPECT_TRUE(backend->load(within(20s)));
}

TEST_F(PostgresOutage, a_killed_server_process_stores_nothing_of_the_append_it_was_at) {
  const auto backend = open_backend(server().uri());
  Contributor anna("anna");
  ASSERT_TRUE(backend->append(anna.next(0, 3), {}));
  anna.keep();
  base::Result<void> appended;
  {
    // The blocks have been sent by then, and the heads have not.
    const HeldSession lock(server(), "BEGIN; LOCK TABLE sluice.heads IN ACCESS EXCLUSIVE MODE");
    const std::jthread writer([&] { appended = backend->append(anna.next(3, 50, 4096), within(20s)); });
    std::string pid;
    EXPECT_TRUE(eventually([&] {
      pid = server().execute(
          "SELECT pid FROM pg_stat_activity WHERE application_name = 'sluice' AND "
          "wait_event_type = 'Lock' AND query LIKE '%sluice.heads%'");
      return !pid.empty();
    }));
    ASSERT_EQ(::kill(std::stoi(pid), SIGKILL), 0);
  }
  ASSERT_EQ(code_of(appended), base::Code::Unavailable) << base::to_text(appended.error());
  // The server ends all its processes for that, perhaps only when the first calls after it have come. Had anything been
  // stored, the same blocks would be refused for ever.
  EXPECT_TRUE(eventually([&] { return backend->append(anna.next(3, 50, 4096), within(5s)).has_value(); }));
  EXPECT_EQ(server().execute("SELECT count(*) FROM sluice.blocks"), "53");
}

TEST_F(PostgresOutage, idle_connections_that_the_server_closed_are_replaced_unseen) {
  const auto backend = open_backend(server().uri());
  Contributor anna("anna");
  for (std::uint64_t head = 0; head < 3; ++head) {
    const auto stored = backend->append(anna.next(head, 1), within(20s));
    ASSERT_TRUE(stored) << base::to_text(stored.error());
    anna.keep();
    ASSERT_TRUE(backend->get(1, within(20s)));
    server().execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'sluice'");
  }
}

TEST_F(PostgresOutage, a_server_that_is_away_is_named_with_host_port_and_what_to_try) {
  const auto backend = open_backend(server().uri());
  server().stop(SIGINT);
  const auto away = backend->get(1, within(20s));
  const auto not_opened = PostgresBackend::open(server().uri(), {}, within(20s));
  server().start();
  for (const base::Error& error : {away.error(), not_opened.error()}) {
    EXPECT_EQ(error.code, base::Code::Unavailable);
    EXPECT_NE(error.where.find(fmt::format("host 127.0.0.1, port {}", server().port())), std::string::npos);
    EXPECT_FALSE(error.likely.empty() || error.try_next.empty());
    EXPECT_EQ(base::to_text(error).find(PrivateServer::password()), std::string::npos);
  }
  EXPECT_EQ(code_of(backend->get(1, within(20s))), base::Code::NotFound);
}

TEST_F(PostgresOutage, a_name_stands_for_each_of_its_addresses) {
  // Where localhost is ::1, too, nobody listens there.
  const std::string port = std::to_string(server().port());
  const std::string who = "postgres://postgres:" + PrivateServer::password();
  EXPECT_TRUE(PostgresBackend::open(who + "@localhost:" + port + "/journal", {}, within(20s)));
  EXPECT_TRUE(PostgresBackend::open(who + "@127.0.0.1:1,localhost:" + port + "/journal", {}, within(20s)));
  const auto unknown = PostgresBackend::open(who + "@no-such-host.invalid/journal", {}, within(60s));
  ASSERT_EQ(code_of(unknown), base::Code::Unavailable);
  EXPECT_NE(base::to_text(unknown.error()).find("host no-such-host.invalid"), std::string::npos);
  const auto slow = PostgresBackend::open(who + "@no-such-host.invalid/journal", {.connect_timeout = 1ns}, within(60s));
  EXPECT_EQ(code_of(slow), base::Code::Unavailable);
}

TEST_F(PostgresOutage, wrong_credentials_and_databases_are_told_apart_and_no_password_is_repeated) {
  const std::string wrong = "wr0ng-w0rd";
  const std::vector<std::pair<std::string, base::Code>> cases = {
      {server().uri("postgres", wrong, "journal"), base::Code::Unauthenticated},
      {server().uri("nobody_here", wrong, "journal"), base::Code::Unauthenticated},
      {server().uri("postgres", "", "journal"), base::Code::Unauthenticated},
      {server().uri("postgres", PrivateServer::password(), "no_such_database"), base::Code::NotFound},
      {server().uri() + "?options=-c%20no_such_setting%3D1", base::Code::Internal},
  };
  for (const auto& [uri, code] : cases) {
    const auto backend = PostgresBackend::open(uri, {}, within(20s));
    ASSERT_FALSE(backend);
    const std::string text = base::to_text(backend.error());
    EXPECT_EQ(backend.error().code, code) << text;
    EXPECT_EQ(text.find(wrong), std::string::npos) << text;
    EXPECT_EQ(text.find(PrivateServer::password()), std::string::npos) << text;
    EXPECT_FALSE(backend.error().try_next.empty());
  }
  const auto backend = open_backend(server().uri());
  EXPECT_EQ(backend->traits().name, fmt::format("postgres://127.0.0.1:{}/journal", server().port()));
  EXPECT_TRUE(backend->traits().reads_from_snapshots);
  EXPECT_TRUE(backend->traits().others_write);
}

}  // namespace
}  // namespace sluice::journal::postgres
