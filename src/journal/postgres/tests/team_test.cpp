// Several at one database: writers side by side, the schema made by several, roles.
#include "journal/postgres/tests/team.hpp"

#include <atomic>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "journal/postgres/schema.hpp"
#include "journal/tiers/tests/backend_suite.hpp"
#include "journal/tiers/tests/journal_fixture.hpp"

namespace sluice::journal::postgres {
namespace {

using namespace std::chrono_literals;

class PostgresTeam : public testing::Test {
 protected:
  void SetUp() override { server().clear(); }
  static const PrivateServer& server() { return PrivateServer::shared(); }

  /// A role without rights; one of before goes, with what it was given.
  static void make_role(std::string_view name) {
    server().execute(
        fmt::format("DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{0}') THEN "
                    "DROP OWNED BY {0}; DROP ROLE {0}; END IF; END $$; "
                    "CREATE ROLE {0} LOGIN PASSWORD 'role-word'",
                    name));
  }
  static std::string uri_of(std::string_view role) { return server().uri(role, "role-word", "journal"); }
};

/// Appends until the contributor has stored that many commits of three blocks. Returns how often it came too late.
std::size_t contribute(PostgresBackend& backend, Contributor& who, std::size_t commits) {
  std::size_t late = 0;
  std::uint64_t head = 0;
  for (std::size_t done = 0; done < commits;) {
    const auto stored = backend.append(who.next(head, 3), within(20s));
    if (stored) {
      who.keep();
      head += 3;
      ++done;
    } else if (stored.error().code == base::Code::InvalidArgument) {
      ++late;
      head = backend.load(within(20s)).value().head;
    } else {
      ADD_FAILURE() << base::to_text(stored.error());
      return late;
    }
  }
  return late;
}

TEST_F(PostgresTeam, two_writers_at_once_leave_no_hole_and_no_block_twice) {
  constexpr std::size_t kCommits = 60;
  Contributor anna("anna"), ben("ben");
  std::atomic<std::size_t> late = 0;
  {
    const auto first = open_backend(server().uri()), second = open_backend(server().uri());
    const std::jthread one([&] { late += contribute(*first, anna, kCommits); });
    const std::jthread two([&] { late += contribute(*second, ben, kCommits); });
  }
  EXPECT_GT(late, 0u) << "they never met: this test shows nothing";
  const auto backend = open_backend(server().uri());
  const auto state = backend->load(within(20s)).value();
  EXPECT_EQ(state.head, 6 * kCommits);
  EXPECT_EQ(state.parties, (std::vector<PartyHead>{anna.head(), ben.head()}));
  for (const Contributor* who : {&anna, &ben}) {
    EXPECT_EQ(backend->present(who->key(), within(20s)).value(), (std::vector<SeqRange>{{0, 3 * kCommits - 1}}));
  }
  const auto page = backend->read({.blocks_max = 1000}, within(20s)).value();
  ASSERT_EQ(page.blocks.size(), 6 * kCommits);
  for (std::size_t i = 0; i < page.blocks.size(); ++i) EXPECT_EQ(page.blocks[i].header.seq, i + 1);
}

TEST_F(PostgresTeam, a_journal_appends_behind_what_another_has_appended_meanwhile) {
  JournalUnderTest first(open_backend(server().uri())), second(open_backend(server().uri()));
  ASSERT_TRUE(first.append(sample_blocks(0, 3, "anna")));
  // As an import while a run goes on: it has seen the journal empty.
  const auto imported = second.append(sample_blocks(0, 2, "ben"));
  ASSERT_TRUE(imported) << base::to_text(imported.error());
  EXPECT_EQ(imported->numbers, (std::vector<std::uint64_t>{4, 5}));
  // What one knows from the other's blocks alone: nothing is stored twice.
  const auto again = first.append(sample_blocks(1, 2, "ben"));
  ASSERT_TRUE(again) << base::to_text(again.error());
  EXPECT_EQ(again->numbers, (std::vector<std::uint64_t>{0, 6}));
}

TEST_F(PostgresTeam, a_journal_is_asked_about_what_another_has_written) {
  JournalUnderTest first(open_backend(server().uri())), second(open_backend(server().uri()));
  ASSERT_TRUE(first.append(sample_blocks(0, 3, "anna")));
  const JournalReader reader = second.reader();
  const auto latest = second.wait(reader.latest(soon()));
  ASSERT_TRUE(latest) << base::to_text(latest.error());
  ASSERT_NE(*latest, nullptr) << "it takes the journal for empty";
  EXPECT_EQ((*latest)->header.seq, 3U);
  ASSERT_TRUE(first.append(sample_blocks(3, 1, "anna")));
  EXPECT_TRUE(second.wait(reader.get(4, soon())));
  ASSERT_TRUE(first.append(sample_blocks(4, 1, "anna")));
  const auto cut = second.wait(second->drain_above(4, soon()));
  ASSERT_TRUE(cut) << base::to_text(cut.error());
  EXPECT_EQ(cut->size(), 1U);
}

TEST_F(PostgresTeam, an_append_waits_for_a_removal_of_another_controller_and_leaves_no_hole) {
  const auto backend = open_backend(server().uri());
  Contributor anna("anna");
  ASSERT_TRUE(backend->append(anna.next(0, 3), {}));
  anna.keep();
  // As another controller's remove_above(1) stands a moment before its commit.
  const HeldSession other(server(),
                          "BEGIN; SELECT FROM sluice.meta FOR UPDATE; DELETE FROM sluice.blocks WHERE seq > 1");
  base::Result<void> appended;
  {
    const std::jthread writer([&] { appended = backend->append(anna.next(3, 1), within(20s)); });
    EXPECT_TRUE(eventually([] {
      return server().execute(
                 "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice' AND "
                 "wait_event_type = 'Lock'") == "1";
    }));
    other.run("COMMIT");
  }
  EXPECT_EQ(code_of(appended), base::Code::InvalidArgument);
  EXPECT_EQ(server().execute("SELECT string_agg(seq::text, ' ') FROM sluice.blocks"), "1");
}

TEST_F(PostgresTeam, the_schema_is_made_once_where_several_make_it_at_once) {
  for (int round = 0; round < 3; ++round) {
    server().clear();
    std::atomic<int> opened = 0;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
          const auto backend = PostgresBackend::open(server().uri(), {}, within(20s));
          EXPECT_TRUE(backend) << base::to_text(backend.error());
          if (backend) ++opened;
        });
      }
    }
    EXPECT_EQ(opened, 4);
    EXPECT_EQ(server().execute("SELECT count(*) || '/' || max(version) FROM sluice.meta"),
              fmt::format("1/{}", schema_version()));
  }
}

TEST_F(PostgresTeam, a_newer_schema_is_refused_at_once_and_under_an_open_backend) {
  const auto backend = open_backend(server().uri());
  Contributor anna("anna");
  ASSERT_TRUE(backend->append(anna.next(0, 1), {}));
  server().execute("UPDATE sluice.meta SET version = 99");
  const auto second = PostgresBackend::open(server().uri(), {}, within(20s));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::Code::Unsupported);
  EXPECT_NE(second.error().what.find("version 99"), std::string::npos) << second.error().what;
  EXPECT_EQ(code_of(backend->append(anna.next(1, 1), within(20s))), base::Code::Unsupported);
  EXPECT_EQ(server().execute("SELECT count(*) FROM sluice.blocks"), "1");
}

TEST_F(PostgresTeam, a_meta_table_without_its_row_lets_nobody_change_anything) {
  const auto backend = open_backend(server().uri());
  server().execute("DELETE FROM sluice.meta");
  Contributor anna("anna");
  EXPECT_EQ(code_of(backend->append(anna.next(0, 1), within(20s))), base::Code::Corrupt);
  EXPECT_EQ(code_of(backend->fence({"shared", 1, 0, 0}, within(20s))), base::Code::Corrupt);
  EXPECT_EQ(server().execute("SELECT count(*) FROM sluice.blocks"), "0");
}

TEST_F(PostgresTeam, a_block_that_no_field_holds_is_refused) {
  const auto backend = open_backend(server().uri());
  Contributor anna("anna");
  Commit commit = anna.next(0, 1);
  commit.blocks[0].payload.resize((std::size_t{256} << 20) + 1);
  const auto refused = backend->append(commit, within(20s));
  ASSERT_EQ(code_of(refused), base::Code::InvalidArgument);
  EXPECT_NE(refused.error().what.find("block 1"), std::string::npos);
}

TEST_F(PostgresTeam, a_schema_that_somebody_made_empty_is_filled) {
  make_role("writer");
  server().execute("CREATE SCHEMA sluice AUTHORIZATION writer");
  EXPECT_TRUE(PostgresBackend::open(uri_of("writer"), {}, within(20s)));
}

TEST_F(PostgresTeam, a_role_that_may_only_read_reads) {
  Contributor anna("anna");
  ASSERT_TRUE(open_backend(server().uri())->append(anna.next(0, 2), {}));
  make_role("reader");
  server().execute("GRANT USAGE ON SCHEMA sluice TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA sluice TO reader");
  const auto backend = open_backend(uri_of("reader"));
  EXPECT_EQ(backend->load(within(20s)).value().head, 2u);
  EXPECT_TRUE(backend->get(2, within(20s)));
  EXPECT_EQ(backend->read({}, within(20s)).value().blocks.size(), 2u);
  const auto refused = backend->append(anna.next(2, 1), within(20s));
  ASSERT_EQ(code_of(refused), base::Code::PermissionDenied);
  EXPECT_NE(base::to_text(refused.error()).find("GRANT INSERT, UPDATE, DELETE"), std::string::npos);
  EXPECT_EQ(code_of(backend->fence({"shared", 1, 0, 2}, within(20s))), base::Code::PermissionDenied);
  EXPECT_EQ(code_of(backend->compact(within(20s))), base::Code::PermissionDenied);
  EXPECT_TRUE(backend->get(1, within(20s)));  // what was refused has broken nothing
}

TEST_F(PostgresTeam, a_role_with_the_rights_that_the_error_names_writes) {
  Contributor anna("anna");
  ASSERT_TRUE(open_backend(server().uri())->append(anna.next(0, 2), {}));
  anna.keep();
  make_role("writer");
  server().execute(
      "GRANT USAGE ON SCHEMA sluice TO writer; GRANT SELECT ON ALL TABLES IN SCHEMA sluice TO writer; "
      "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA sluice TO writer");
  const auto backend = open_backend(uri_of("writer"));
  const auto stored = backend->append(anna.next(2, 1), within(20s));
  EXPECT_TRUE(stored) << base::to_text(stored.error());
  Contributor ben("ben");
  EXPECT_TRUE(backend->append(ben.next(3, 1), within(20s)));
  EXPECT_TRUE(backend->fence({"shared", 1, 0, 2}, within(20s)));
  EXPECT_TRUE(backend->remove_above(3, {}, within(20s)));
}

TEST_F(PostgresTeam, missing_rights_are_named_with_the_grant_to_try) {
  make_role("stranger");
  const auto no_create = PostgresBackend::open(uri_of("stranger"), {}, within(20s));
  ASSERT_FALSE(no_create);
  EXPECT_EQ(no_create.error().code, base::Code::PermissionDenied);
  EXPECT_NE(base::to_text(no_create.error()).find("GRANT CREATE ON DATABASE journal TO stranger"), std::string::npos)
      << base::to_text(no_create.error());
  (void)open_backend(server().uri());
  const auto no_usage = PostgresBackend::open(uri_of("stranger"), {}, within(20s));
  ASSERT_FALSE(no_usage);
  EXPECT_EQ(no_usage.error().code, base::Code::PermissionDenied);
  EXPECT_NE(base::to_text(no_usage.error()).find("GRANT USAGE ON SCHEMA sluice TO stranger"), std::string::npos);
}

TEST_F(PostgresTeam, a_schema_whose_views_are_older_is_used_by_those_who_may_not_change_them) {
  (void)open_backend(server().uri());
  server().execute("UPDATE sluice.meta SET version = 1");
  make_role("reader");
  server().execute("GRANT USAGE ON SCHEMA sluice TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA sluice TO reader");
  EXPECT_TRUE(open_backend(uri_of("reader"))->load(within(20s)));
  EXPECT_EQ(server().execute("SELECT version FROM sluice.meta"), "1");
  (void)open_backend(server().uri());
  EXPECT_EQ(server().execute("SELECT version FROM sluice.meta"), std::to_string(schema_version()));
}

TEST_F(PostgresTeam, views_show_whatever_bytes_stand_in_names) {
  const auto backend = open_backend(server().uri());
  CommitMaker maker;
  maker.add([](StoredBlock& block) {
    block.header.party = {"run 8f3a", std::string("nul\0x", 5), 0};
    block.notable = {sample_record(0, 5'000'000, "\xff\xfe"), sample_record(1, 9, "t\xc3\xbcr")};
    block.notable[1].status = status_of(model::ErrorKind::NoSpace), block.notable[1].detail = "ENOSPC (28)";
  });
  maker.add([](StoredBlock& block) { block.header.party.run = "run 8f3a", block.header.kind = BlockKind::RunEnded; });
  ASSERT_TRUE(backend->append(maker.take(), {}));
  ASSERT_TRUE(backend->fence({"run 8f3a", 1, 7, 2}, {}));
  EXPECT_EQ(server().execute("SELECT run || ' ' || parties || ' ' || blocks || ' ' || state FROM sluice.runs"),
            "run 8f3a 2 2 no end known");
  EXPECT_EQ(server().execute("SELECT party || ' ' || target || ' ' || latency_ms::float FROM sluice.slow_operations"),
            "nul\\000x \\377\\376 5");
  EXPECT_EQ(server().execute("SELECT target || ' ' || status || ' ' || operation || ' ' || detail "
                             "FROM sluice.failed_operations"),
            "t\xc3\xbcr no_space get ENOSPC (28)");
  EXPECT_EQ(server().execute("SELECT string_agg(kind, ' ' ORDER BY seq) FROM sluice.blocks_readable"),
            "interval run_ended");
  EXPECT_EQ(server().execute("SELECT count(*) || ' ' || min(stage) FROM sluice.stages"), "1 2")
      << "a person counts from 1";
  EXPECT_EQ(server().execute("SELECT count(*) FROM sluice.party_heads"), "2");
  EXPECT_EQ(server().execute("SELECT run || ' ' || stage || ' ' || attempt FROM sluice.discarded_attempts"),
            "run 8f3a 2 7");
}

}  // namespace
}  // namespace sluice::journal::postgres
