// Kill -9 in the middle of appends: what was confirmed is there, and whole.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.hpp"
#include "journal/sqlite/tests/sqlite_store.hpp"
#include "journal/tiers/tests/backend_suite.hpp"

namespace sluice::journal {
namespace {

constexpr std::uint64_t kSeedStep = 1'000'000;

/// Appends commits of 1 to 4 blocks behind `head` until somebody ends the process; says each new head on `fd`.
[[noreturn]] void append_for_ever(const std::string& path, int fd) {
  auto backend = SqliteBackend::open(path, SqliteMode::ReadWrite);
  if (!backend) ::_exit(2);
  const auto state = (*backend)->load({});
  if (!state) ::_exit(3);
  // The party goes on where it was: numbers follow from the journal's, as there is only one party.
  std::uint64_t seq = state->head;
  Digest previous = state->parties.empty() ? Digest{} : state->parties[0].last_hash;
  while (true) {
    Commit commit;
    for (std::uint64_t i = 0; i <= seq % 4; ++i) {
      StoredBlock& block = commit.blocks.emplace_back();
      ++seq;
      block.header = {.seq = seq, .party = {"r1", "local", 0}, .party_seq = seq - 1, .kind = BlockKind::Interval};
      block.payload = sample_payload(seq * kSeedStep, 500 + seq % 9000);
      block.header.hash = digest_of(block.payload);
      block.header.previous = previous;
      previous = block.header.hash;
      block.notable = {sample_record(0, static_cast<std::int64_t>(seq))};
    }
    commit.heads = {{.key = {"r1", "local", 0}, .next_party_seq = seq, .last_hash = previous, .last_seq = seq}};
    if (!(*backend)->append(commit, {})) ::_exit(4);
    if (::write(fd, &seq, sizeof seq) != sizeof seq) ::_exit(5);
  }
}

/// Starts a child, lets it confirm `commits` commits and then live for up to `more_us`, kills it. Returns the last head
/// that it has confirmed, or `confirmed`.
std::uint64_t run_and_kill(const std::string& path, std::uint64_t confirmed, int commits, int more_us) {
  int ends[2] = {};
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    append_for_ever(path, ends[1]);
  }
  ::close(ends[1]);
  std::uint64_t seq = 0;
  for (int i = 0; i < commits && ::read(ends[0], &seq, sizeof seq) == sizeof seq; ++i) confirmed = seq;
  const timespec more{.tv_sec = 0, .tv_nsec = more_us * 1000L};
  pollfd nothing{.fd = -1, .events = 0, .revents = 0};
  ::ppoll(&nothing, 1, &more, nullptr);  // a moment that is not the end of a commit
  EXPECT_EQ(::kill(child, SIGKILL), 0);
  while (::read(ends[0], &seq, sizeof seq) == sizeof seq) confirmed = seq;
  ::close(ends[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself: " << status;
  return confirmed;
}

/// All blocks from 1 to the head are there, whole and chained, and the head is at least what was confirmed.
void expect_whole(const std::string& path, SqliteMode mode, std::uint64_t confirmed) {
  const auto backend = SqliteBackend::open(path, mode);
  ASSERT_TRUE(backend) << to_text(backend.error());
  const auto state = (*backend)->load({});
  ASSERT_TRUE(state) << to_text(state.error());
  ASSERT_GE(state->head, confirmed);
  const auto page = (*backend)->read({.blocks_max = 1'000'000, .bytes_max = SIZE_MAX}, {});
  ASSERT_TRUE(page) << to_text(page.error());
  ASSERT_EQ(page->blocks.size(), state->head);
  Digest previous;
  for (const StoredBlock& block : page->blocks) {
    ASSERT_EQ(block.payload, sample_payload(block.header.seq * kSeedStep, 500 + block.header.seq % 9000));
    ASSERT_EQ(block.header.previous, previous);
    ASSERT_EQ(block.notable.size(), 1u);
    previous = block.header.hash;
  }
  if (state->head > 0) {
    ASSERT_EQ(state->parties.size(), 1u);
    EXPECT_EQ(state->parties[0].next_party_seq, state->head);
    EXPECT_EQ(state->parties[0].last_hash, previous);
  }
}

/// Kills of writers of one file; then it is as long as is read again in a moment.
constexpr int kKillsOfFile = 40;

/// Returns what the last one has confirmed.
std::uint64_t kill_writers_of(const std::string& path, int times,
                              base::Random& random) {  // of the test
  std::uint64_t confirmed = 0;
  for (int i = 0; i < times && !testing::Test::HasFatalFailure(); ++i) {
    const int commits = static_cast<int>(random.below(3)), more_us = static_cast<int>(random.below(20'000));
    confirmed = run_and_kill(path, confirmed, commits, more_us);
    // Who only reads finds what the dead process left, too; but a file that it had not begun is none.
    if (confirmed > 0) expect_whole(path, SqliteMode::ReadOnly, confirmed);
    if (i % 2 == 0) expect_whole(path, SqliteMode::ReadWrite, confirmed);
  }
  return confirmed;
}

void kill_many_times(int times) {
  base::Random random(static_cast<std::uint64_t>(times));
  for (int killed = 0; killed < times && !testing::Test::HasFatalFailure(); killed += kKillsOfFile) {
    const Scratch scratch;
    EXPECT_GT(kill_writers_of(scratch.path("x.db"), std::min(kKillsOfFile, times - killed), random), 0u);
  }
}

TEST(SqliteKill, a_writer_that_is_killed_loses_nothing_that_it_has_confirmed) { kill_many_times(60); }
TEST(LongSqliteKill, a_writer_that_is_killed_a_thousand_times_loses_nothing_that_it_has_confirmed) {
  kill_many_times(1000);
}

}  // namespace
}  // namespace sluice::journal
