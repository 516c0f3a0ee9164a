#include "async/tests/wait_check.hpp"

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <gtest/gtest.h>

namespace sluice::async {
namespace {

WaitVerdict verdict_of(std::string_view tables) {
  const auto topology = read_topology(tables);
  EXPECT_TRUE(topology) << base::to_text(topology.error());
  return check_waits(*topology);
}

TEST(WaitCheck, a_sender_and_a_receiver_come_to_their_end) {
  const WaitVerdict verdict = verdict_of(R"(
| `queue` | holds 1 | |
| `a` | thread | send queue never, send queue never |
| `b` | thread | take queue never, take queue never |
)");
  EXPECT_EQ(verdict.problem, "");
  EXPECT_EQ(verdict.states, 5U);
}

TEST(WaitCheck, two_that_wait_into_each_others_full_queue_are_named) {
  const std::string tables = R"(
| `to_a` | holds 1 | |
| `to_b` | holds 1 | |
| `a` | thread | send to_b never, send to_b never, take to_a never, take to_a never |
| `b` | thread | send to_a never, send to_a never, take to_b never, take to_b never |
)";
  const WaitVerdict verdict = verdict_of(tables);
  EXPECT_TRUE(
      verdict.problem.starts_with("a cycle of waits: a waits for room in 'to_b' (b takes from it); "
                                  "b waits for room in 'to_a' (a takes from it)\nafter:"))
      << verdict.problem;
  EXPECT_TRUE(verdict.problem.contains("\n  a: send to_b never")) << verdict.problem;
}

TEST(WaitCheck, one_bound_ends_that_cycle) {
  const WaitVerdict verdict = verdict_of(R"(
| `to_a` | holds 1 | |
| `to_b` | holds 1 | |
| `a` | thread | send to_b 1 s, send to_b 1 s, take to_a never, take to_a never |
| `b` | thread | send to_a never, send to_a never, take to_b 1 s, take to_b 1 s |
)");
  EXPECT_EQ(verdict.problem, "");
}

TEST(WaitCheck, a_permit_that_is_held_across_an_unbounded_wait_is_named_with_its_cycle) {
  const WaitVerdict verdict = verdict_of(R"(
| `places` | permits 1 | |
| `pages` | holds 1 | |
| `lister` | thread | acquire places never, send pages never, send pages never, send pages never, release places |
| `copier` | thread | take pages never, acquire places never, release places, take pages never, take pages never |
)");
  EXPECT_TRUE(
      verdict.problem.starts_with("a cycle of waits: lister waits for room in 'pages' (copier takes from it); "
                                  "copier waits for a permit of 'places' (lister holds one)\n"))
      << verdict.problem;
  ASSERT_EQ(verdict.broken_rules.size(), 3U);
  EXPECT_EQ(verdict.broken_rules[0],
            "lister holds a permit of 'places' while it waits without a bound: send pages never");
}

TEST(WaitCheck, two_permits_that_are_taken_in_different_orders_are_named) {
  const WaitVerdict verdict = verdict_of(R"(
| `left` | permits 1 | |
| `right` | permits 1 | |
| `a` | thread | acquire left never, acquire right never, release right, release left |
| `b` | thread | acquire right never, acquire left never, release left, release right |
)");
  EXPECT_TRUE(
      verdict.problem.starts_with("a cycle of waits: a waits for a permit of 'right' (b holds one); "
                                  "b waits for a permit of 'left' (a holds one)\n"))
      << verdict.problem;
}

TEST(WaitCheck, a_call_that_waits_for_a_thread_that_its_caller_holds_is_named) {
  const std::string tables = R"(
| `pool` | threads 1 | |
| `main` | thread | call pool outer never |
| `outer` | job | call pool inner never |
| `inner` | job | outside disk |
)";
  EXPECT_TRUE(verdict_of(tables).problem.starts_with(
      "a cycle of waits: outer waits for the end of inner, which waits for a thread of 'pool' (outer holds one)\n"))
      << verdict_of(tables).problem;
  std::string bounded = tables;
  bounded.replace(bounded.find("inner never"), 11, "inner 2 s");
  EXPECT_EQ(verdict_of(bounded).problem, "");
}

TEST(WaitCheck, who_waits_for_the_outside_or_for_nobody_is_named) {
  EXPECT_TRUE(verdict_of("| `a` | thread | outside disk |\n")
                  .problem.starts_with("nobody can go on: a waits for what comes from outside: outside disk\n"));
  EXPECT_TRUE(verdict_of("| `q` | holds 1 | |\n| `a` | thread | take q never |\n")
                  .problem.starts_with("nobody can go on: a waits for a value in 'q', and nobody is left for that\n"));
}

TEST(WaitCheck, those_that_go_on_for_ever_without_an_end_are_found) {
  const WaitVerdict verdict = verdict_of(R"(
| `events` | holds 1 | |
| `a` | thread | loop, take events 1 s, until ended |
)");
  EXPECT_TRUE(verdict.problem.starts_with("they go on for ever and cannot end: ")) << verdict.problem;
}

TEST(WaitCheck, tables_that_cannot_be_read_are_refused_with_their_row) {
  for (const std::string_view tables :
       {"| `a` | thread | sleep 1 s |", "| `a` | thread | take nowhere 1 s |", "| `q` | keeps 1 | |",
        "| `q` | holds | |", "| `q` | holds 1 | |\n| `a` | thread | take q |", "| `a` | thread | again |",
        "| `p` | permits 1 | |\n| `a` | thread | acquire p 1 s |"}) {
    const auto topology = read_topology(tables);
    ASSERT_FALSE(topology) << tables;
    EXPECT_EQ(topology.error().code, base::Code::InvalidArgument);
  }
}

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// The program's own tables, out of docs/async.md.
std::string program_tables() {
  const std::string text = text_of(std::filesystem::path(SLUICE_SOURCE_DIR) / "docs/async.md");
  const std::size_t begin = text.find("\n## Who waits for whom\n");
  EXPECT_NE(begin, std::string::npos);
  return text.substr(begin, text.find("\n## ", begin + 1) - begin);
}

std::string changed(std::string tables, std::string_view before, std::string_view after) {
  EXPECT_TRUE(tables.contains(before)) << before;
  for (std::size_t at = tables.find(before); at != std::string::npos; at = tables.find(before, at + after.size())) {
    tables.replace(at, before.size(), after);
  }
  return tables;
}

TEST(ProgramWaits, always_come_to_their_end) {
  const WaitVerdict verdict = verdict_of(program_tables());
  EXPECT_EQ(verdict.problem, "");
  EXPECT_TRUE(verdict.broken_rules.empty()) << verdict.broken_rules.front();
  RecordProperty("states", static_cast<int>(verdict.states));
  EXPECT_GT(verdict.states, 1000U) << "the tables were not read";
}

/// Sources below src/, without tests, whose text has a match.
std::vector<std::string> sources_with(const std::regex& pattern) {
  const std::filesystem::path root = std::filesystem::path(SLUICE_SOURCE_DIR) / "src";
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string name = std::filesystem::relative(entry.path(), root).string();
    if (!entry.is_regular_file() || name.starts_with("async/") || name.contains("/tests/")) continue;
    if (name.ends_with("pp") && std::regex_search(text_of(entry.path()), pattern)) found.push_back(name);
  }
  return found;
}

TEST(ProgramWaits, are_those_of_the_sources) {
  const std::string tables = program_tables();
  const std::regex makes_one(
      "async::(Permits|BlockingPool)[ >]|async::Channel<[^&;()]*> \\w+[;{(]|make_unique<async::Channel<|"
      "FrameWriter::create\\(|(Executor|Runtime)::create\\(|\\bSpscQueue<");
  const std::vector<std::string> users = sources_with(makes_one);
  EXPECT_GE(users.size(), 2U) << "the pattern finds nothing any more";
  for (const std::string& user : users) {
    const std::string name = user.substr(0, user.rfind('.'));
    EXPECT_TRUE(tables.contains("`" + name + "."))
        << "src/" << user << " makes a queue, a pool or a writer: what waits "
        << "for whom there belongs into the tables of docs/async.md";
  }
  const std::regex named("`([a-z_]+/[a-z_/]+\\.[ch]pp)`");
  for (std::sregex_iterator at(tables.begin(), tables.end(), named), end; at != end; ++at) {
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(SLUICE_SOURCE_DIR) / "src" / (*at)[1].str())) << (*at)[1];
  }
}

/// Each of these makes a program that can hang.
struct Mistake {
  const char* name;
  const char* before;
  const char* after;
};

class MistakenWaits : public testing::TestWithParam<Mistake> {};

TEST_P(MistakenWaits, are_found_out) {
  const Mistake& mistake = GetParam();
  const WaitVerdict verdict = verdict_of(changed(program_tables(), mistake.before, mistake.after));
  EXPECT_NE(verdict.problem, "");
  EXPECT_FALSE(verdict.problem.starts_with("more than")) << verdict.problem;
}

INSTANTIATE_TEST_SUITE_P(
    Program, MistakenWaits,
    testing::Values(Mistake{"messages_that_wait_for_their_reader", "send stderr 1 s", "send stderr never"},
                    Mistake{"results_that_wait_for_their_reader", "send stdout 60 s", "send stdout never"},
                    Mistake{"an_exit_that_waits_for_the_reader", "flush stderr 15 s", "flush stderr never"},
                    Mistake{"a_run_that_waits_for_the_disk", "take durable 2 s", "call blocking write never"},
                    Mistake{"an_exit_that_waits_for_the_disk", "join committer 10 s", "call blocking write never"},
                    Mistake{"an_op_log_that_waits_for_the_disk", "send log 5 s", "send log never"},
                    Mistake{"a_stage_that_waits_for_the_storage", "join worker 30 s", "join worker never"},
                    Mistake{"events_that_are_lost_when_there_are_many", "holds 3", "holds 1"}),
    [](const auto& mistake) { return std::string(mistake.param.name); });

}  // namespace
}  // namespace sluice::async
