#include "journal/tiers/commit_pace.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "journal/tiers/memory_backend.hpp"
#include "journal/tiers/tests/counting_backend.hpp"
#include "journal/tiers/tests/journal_fixture.hpp"

namespace sluice::journal {
namespace {

using namespace std::chrono_literals;

base::Instant at_ms(std::int64_t ms) { return base::Instant{} + base::Nanos{ms * 1'000'000}; }

/// When commits begin that are all wanted at once, at `begin`.
std::vector<std::int64_t> begun_ms(CommitPace& pace, int commits, std::int64_t begin) {
  std::vector<std::int64_t> times;
  base::Instant t = at_ms(begin);
  for (int i = 0; i < commits; ++i) {
    t = std::max(t, pace.next());
    pace.begin(t);
    times.push_back((t - base::Instant{}).count() / 1'000'000);
  }
  return times;
}

TEST(CommitPace, some_go_at_once_and_then_they_keep_their_distance) {
  CommitPace pace(10ms, 3);
  EXPECT_EQ(begun_ms(pace, 6, 1000), (std::vector<std::int64_t>{1000, 1000, 1000, 1010, 1020, 1030}));
  // 20 ms of quiet are worth two of them.
  EXPECT_EQ(begun_ms(pace, 4, 1060), (std::vector<std::int64_t>{1060, 1060, 1060, 1070}));
  // However long the quiet: no more than there may be at once.
  EXPECT_EQ(begun_ms(pace, 4, 9000), (std::vector<std::int64_t>{9000, 9000, 9000, 9010}));
}

TEST(CommitPace, without_any_at_once_the_first_waits_for_nothing_all_the_same) {
  CommitPace pace(10ms, 0);
  EXPECT_EQ(begun_ms(pace, 3, 50), (std::vector<std::int64_t>{50, 60, 70}));
}

/// Counts the commits.
class CommitCounter final : public ForwardingBackend {
 public:
  CommitCounter(std::unique_ptr<Backend> backend, std::atomic<int>& commits)
      : ForwardingBackend(std::move(backend)), commits_(commits) {}
  base::Result<void> append(const Commit& commit, const CallBounds& bounds) override {
    ++commits_;
    return ForwardingBackend::append(commit, bounds);
  }

 private:
  std::atomic<int>& commits_;  // outlives: the test has it
};

class PacedJournal : public testing::Test {
 protected:
  std::unique_ptr<Backend> counted() {
    return std::make_unique<CommitCounter>(std::make_unique<MemoryBackend>(), commits_);
  }
  std::atomic<int> commits_{0};
};

TEST_F(PacedJournal, what_many_append_meanwhile_goes_in_one_commit) {
  JournalUnderTest journal(counted(), {.commit_every = 200ms, .commits_at_once = 1});
  std::vector<async::JoinHandle<Receipt>> appends;
  for (int party = 0; party < 50; ++party) {
    std::vector<StoredBlock> blocks;
    blocks.push_back(sample_block(0, std::to_string(party)));
    appends.push_back(journal.spawn(journal->append(std::move(blocks), soon())));
  }
  for (auto& append : appends) EXPECT_TRUE(journal.wait(append.wait(soon())));
  EXPECT_EQ(journal.reader().head(), 50u);
  EXPECT_LE(commits_, 3) << "the first at once, the others with the next";
}

TEST_F(PacedJournal, a_large_append_waits_for_no_pace) {
  JournalUnderTest journal(counted(), {.commit_every = 3600s, .commits_at_once = 1, .small_commit_blocks = 4});
  for (std::uint64_t i = 0; i < 3; ++i) {
    std::vector<StoredBlock> blocks;
    for (std::uint64_t k = 0; k < 4; ++k) blocks.push_back(sample_block(4 * i + k));
    ASSERT_TRUE(journal.append(std::move(blocks)));
  }
  EXPECT_EQ(commits_, 3);
}

TEST_F(PacedJournal, what_waits_for_its_turn_is_refused_when_the_journal_ends) {
  JournalUnderTest journal(counted(), {.commit_every = 3600s, .commits_at_once = 1});
  std::vector<StoredBlock> first, second;
  first.push_back(sample_block(0));
  second.push_back(sample_block(1));
  ASSERT_TRUE(journal.append(std::move(first)));
  auto waits = journal.spawn(journal->append(std::move(second), soon()));
  const base::Instant began = base::now();
  ASSERT_TRUE(journal.wait(journal->shutdown()));
  EXPECT_LT(base::now() - began, 5s);
  const auto done = journal.wait(waits.wait(soon()));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, base::Code::Terminated) << to_text(done.error());
  EXPECT_EQ(commits_, 1);
}

}  // namespace
}  // namespace sluice::journal
