// Kill -9 in the middle of writing: what was synced is there, and nothing is damaged.
#include <algorithm>
#include <csignal>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.hpp"
#include "journal/segment_writer.hpp"
#include "journal/tests/loops.hpp"
#include "journal/tests/scratch.hpp"
#include "journal/tests/segment_payloads.hpp"

namespace sluice::journal {
namespace {

using base::operator""s;
using base::operator""ms;

/// Appends numbered frames for ever; after every sync it writes how many are durable to `report`.
[[noreturn]] void write_until_killed(const std::string& path, int report) {
  Loops loops;
  auto writer = SegmentWriter::open(loops, path, {.commit_interval = 1ms});
  if (!writer) ::_exit(9);
  std::uint64_t count = (*writer)->recovery().frames;
  while (true) {
    for (int i = 0; i < 7; ++i) {
      const std::string payload = std::to_string(count) + std::string(count % 3000, '.');
      ++count;
      if (!(*writer)->append(as_bytes(payload))) ::_exit(8);
    }
    if (!loops.wait((*writer)->sync(in(30s)))) ::_exit(7);
    if (::write(report, &count, sizeof(count)) != sizeof(count)) ::_exit(6);
  }
}

/// Opens and closes the log: what was synced is there, and nothing is damaged.
bool recovers(const std::string& path, std::uint64_t synced) {
  Loops loops;
  auto writer = SegmentWriter::open(loops, path);
  return writer && (*writer)->recovery().damaged.empty() && (*writer)->recovery().frames >= synced &&
         loops.wait((*writer)->close(in(30s)));
}

/// Starts a child, lets it sync some times and live for a moment more, kills it. Returns what it has synced last.
std::uint64_t run_and_kill(const std::string& path, base::Random& random) {  // of the test
  int report[2];
  EXPECT_EQ(::pipe(report), 0);
  const pid_t child = ::fork();
  if (child == 0) write_until_killed(path, report[1]);
  ::close(report[1]);
  std::uint64_t synced = 0, count = 0;
  for (std::uint64_t i = 1 + random.below(4); i > 0; --i) {
    EXPECT_EQ(::read(report[0], &count, sizeof(count)), static_cast<ssize_t>(sizeof(count)));
    synced = count;
  }
  for (std::uint64_t spin = random.below(200'000); spin > 0; --spin) random.next();
  EXPECT_EQ(::kill(child, SIGKILL), 0);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  while (::read(report[0], &count, sizeof(count)) == static_cast<ssize_t>(sizeof(count))) synced = count;
  ::close(report[0]);
  return synced;
}

/// In a child: threads that are there when a process forks are not there in its child.
bool is_done_by_child(bool (*what)(const std::string&, std::uint64_t), const std::string& path, std::uint64_t synced) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(what(path, synced) ? 0 : 1);
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool creates(const std::string& path, std::uint64_t /*synced*/) {
  Loops loops;
  return SegmentWriter::create(loops, path).has_value();
}

/// Kills of writers of one file; then it is as long as is read again in a moment.
constexpr int kKillsOfFile = 40;

void kill_writers_of(const std::string& path, int times, base::Random& random) {  // of the test
  ASSERT_TRUE(is_done_by_child(creates, path, 0));
  for (int round = 0; round < times; ++round) {
    const std::uint64_t synced = run_and_kill(path, random);
    ASSERT_GE(synced, 7u);
    ASSERT_TRUE(is_done_by_child(recovers, path, synced)) << "round " << round;
    const auto payloads = payloads_in(path);
    ASSERT_GE(payloads.size(), synced);
    for (std::size_t i = 0; i < payloads.size(); ++i) {
      ASSERT_EQ(payloads[i].substr(0, payloads[i].find('.')), std::to_string(i));
    }
  }
}

void kill_many_times(int times) {
  base::Random random(9);
  for (int killed = 0; killed < times && !testing::Test::HasFatalFailure(); killed += kKillsOfFile) {
    const Scratch scratch;
    kill_writers_of(scratch.path("a.seg"), std::min(kKillsOfFile, times - killed), random);
  }
}

TEST(SegmentKill, a_writer_that_is_killed_loses_nothing_that_was_synced) { kill_many_times(60); }
TEST(LongSegmentKill, a_writer_that_is_killed_a_thousand_times_loses_nothing_that_was_synced) { kill_many_times(1000); }

}  // namespace
}  // namespace sluice::journal
