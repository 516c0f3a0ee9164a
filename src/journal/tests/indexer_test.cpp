#include "journal/indexer.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "journal/block_codec.hpp"
#include "journal/discards.hpp"
#include "journal/log_tail.hpp"
#include "journal/run_log.hpp"
#include "journal/tests/loops.hpp"
#include "journal/tests/sample_blocks.hpp"
#include "journal/tests/scratch.hpp"
#include "journal/tiers/memory_backend.hpp"
#include "journal/tiers/tests/gated_backend.hpp"

namespace sluice::journal {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

async::Deadline soon() { return async::Deadline::in(base::Nanos{30 * kSecond}); }

model::Block run_started() {
  return model::RunStarted{.run_id = "8f3a", .plan_name = "p", .at = base::WallTime{1000 * kSecond}};
}
model::Block stage_started(std::uint32_t stage, std::int64_t at_ns) {
  return model::StageStarted{.stage = stage, .name = "execute", .at_ns = at_ns, .workers = {}};
}
model::Block interval(std::uint32_t stage, std::int64_t second) {
  model::Interval block;
  block.stage = stage;
  block.from_ns = second * kSecond;
  block.to_ns = (second + 1) * kSecond;
  block.ops[static_cast<std::size_t>(model::OpKind::Get)].count = 7;
  block.slowest.push_back({.kind = model::OpKind::Get, .service_ns = 5'000, .at_ns = 3 * kSecond, .key = "a"});
  block.samples.push_back(
      {.op = model::OpKind::Put, .kind = model::ErrorKind::NoSpace, .at_ns = 1, .key = "b", .detail = "ENOSPC"});
  return block;
}

class Indexing : public testing::Test {
 protected:
  Indexing() {
    auto backend = std::make_unique<GatedBackend>(std::make_unique<MemoryBackend>(), gates_,
                                                  BackendTraits{.reads_from_snapshots = true});
    auto journal = loops_.wait(Journal::open(threads_, std::move(backend), config_, soon()));
    journal_ = std::move(*journal);
    log_ = std::move(*RunLog::create(loops_, scratch_.folder()));
  }
  ~Indexing() override { gates_->open(Gates::Writes); }

  void write(const model::Block& block) {
    ASSERT_TRUE(log_->append(block).has_value());
    ASSERT_TRUE(loops_.wait(log_->sync(soon())).has_value());
  }
  std::unique_ptr<Indexer> start() {
    return std::move(*Indexer::start(loops_, *journal_, scratch_.folder(), "unknown"));
  }
  std::vector<BlockPtr> all() {
    return *loops_.wait(journal_->reader().query({.with_superseded = true}, 1000, soon()));
  }

  Scratch scratch_;
  Loops loops_;
  JournalConfig config_{.write_timeout = base::Nanos{100'000'000}};
  async::Runtime& runtime_ = loops_;
  JournalThreads threads_{runtime_.executor(), config_};
  // shared because calls that were left behind pass the gates after the test has gone on
  std::shared_ptr<Gates> gates_ = std::make_shared<Gates>();
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<RunLog> log_;
};

TEST_F(Indexing, every_block_of_the_log_comes_into_the_journal_as_it_is) {
  write(run_started());
  write(stage_started(2, 5 * kSecond));
  write(interval(2, 3));
  const IndexingReport report = start()->finish(soon());
  EXPECT_TRUE(report.is_complete);
  EXPECT_EQ(report.stored, 3U);
  const auto blocks = all();
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks[2]->payload, encode_block(interval(2, 3)));
  const BlockHeader& header = blocks[2]->header;
  EXPECT_EQ(header.party, (PartyKey{.run = "8f3a", .party = "local"}));
  EXPECT_EQ(header.party_seq, 2U);
  EXPECT_EQ(header.stage, 2U);
  EXPECT_EQ(header.from_ns, 1008 * kSecond) << "run, stage and interval begin one in the other";
  EXPECT_EQ(header.to_ns, 1009 * kSecond);
  EXPECT_EQ(header.operations, operation_bit(model::OpKind::Get));
  EXPECT_EQ(header.previous, blocks[1]->header.hash);
}

TEST_F(Indexing, slow_and_failed_operations_can_be_asked_for) {
  write(run_started());
  write(stage_started(0, 0));
  write(interval(0, 0));
  static_cast<void>(start()->finish(soon()));
  auto found =
      loops_.wait(journal_->reader().notable({.operations = operation_bit(model::OpKind::Get)}, 10, true, soon()));
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().record.target, "a");
  EXPECT_EQ(found->front().record.end_ns, 1003 * kSecond);
  found =
      loops_.wait(journal_->reader().notable({.statuses = status_of(model::ErrorKind::NoSpace)}, 10, false, soon()));
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().record.detail, "ENOSPC");
}

TEST_F(Indexing, it_follows_a_log_that_grows) {
  auto indexer = start();
  write(run_started());
  EXPECT_TRUE(async::eventually([&] { return journal_->reader().head() == 1; }));
  write(stage_started(0, 0));
  EXPECT_TRUE(async::eventually([&] { return journal_->reader().head() == 2; }));
  write(interval(0, 0));
  EXPECT_TRUE(indexer->finish(soon()).is_complete);
  EXPECT_EQ(journal_->reader().head(), 3U);
}

TEST_F(Indexing, attempts_that_were_discarded_are_marked_after_the_last_block) {
  ASSERT_TRUE(add_discard(scratch_.folder(), {.stage = 1, .attempt = 0}));
  write(run_started());
  write(stage_started(1, 0));
  write(interval(1, 0));
  write(interval(2, 1));
  EXPECT_TRUE(start()->finish(soon()).is_complete);
  EXPECT_EQ(all().size(), 4U) << "all of them are there";
  EXPECT_EQ(loops_.wait(journal_->reader().query({}, 1000, soon()))->size(), 2U)
      << "and those of stage 1 are no result";
}

TEST_F(Indexing, what_is_there_is_not_stored_twice) {
  write(run_started());
  static_cast<void>(start()->finish(soon()));
  write(stage_started(0, 0));
  const IndexingReport again = start()->finish(soon());
  EXPECT_EQ(again.blocks, 2U);
  EXPECT_EQ(again.stored, 1U);
  EXPECT_EQ(all().size(), 2U);
}

TEST_F(Indexing, a_database_that_hangs_makes_lag_and_nothing_else) {
  write(run_started());
  gates_->shut(Gates::Writes);
  auto indexer = start();
  ASSERT_TRUE(async::eventually([&] { return indexer->report().trouble.has_value(); }));
  for (int second = 0; second < 5; ++second) write(interval(0, second));
  gates_->open(Gates::Writes);
  EXPECT_TRUE(async::eventually([&] { return journal_->reader().head() == 6; }));
  EXPECT_TRUE(indexer->finish(soon()).is_complete);
  EXPECT_EQ(all().size(), 6U);
}

TEST_F(Indexing, a_database_that_is_back_when_the_run_ends_gets_all_of_it) {
  write(run_started());
  gates_->shut(Gates::Writes);
  auto indexer = start();
  // It has failed more than once, and waits for longer and longer before it tries again.
  ASSERT_TRUE(async::eventually([&] { return journal_->stats().writes.gave_up >= 2; }));
  gates_->open(Gates::Writes);
  const IndexingReport report = indexer->finish(soon());
  EXPECT_TRUE(report.is_complete) << (report.trouble ? base::to_text(*report.trouble) : "");
  EXPECT_EQ(report.there, 1U);
  EXPECT_EQ(all().size(), 1U);
}

TEST_F(Indexing, finish_gives_up_at_its_deadline_and_says_why) {
  write(run_started());
  gates_->shut(Gates::Writes);
  auto indexer = start();
  const base::Instant began = base::now();
  const IndexingReport report = indexer->finish(async::Deadline::in(base::Nanos{kSecond}));
  EXPECT_LT(base::now() - began, base::Nanos{3 * kSecond});
  EXPECT_FALSE(report.is_complete);
  EXPECT_TRUE(report.trouble.has_value());
}

TEST_F(Indexing, a_damaged_frame_is_a_hole_and_is_named) {
  for (int second = 0; second < 3; ++second) write(interval(0, second));
  {
    std::fstream file(log_->path(), std::ios::in | std::ios::out | std::ios::binary);
    const std::size_t frame = (std::filesystem::file_size(log_->path()) - kFileHeaderBytes) / 3;
    file.seekp(static_cast<std::streamoff>(kFileHeaderBytes + frame + kFrameHeaderBytes + 3));
    file.put('\xff');
  }
  const IndexingReport report = start()->finish(soon());
  EXPECT_TRUE(report.is_complete);
  EXPECT_EQ(report.stored, 2U);
  ASSERT_EQ(report.flaws.size(), 1U);
  EXPECT_NE(report.flaws.front().find("frame 1"), std::string::npos);
  EXPECT_EQ(journal_->reader().parties().front().missing, (std::vector<SeqRange>{{.first = 1, .last = 1}}));
}

TEST_F(Indexing, a_frame_that_was_unfinished_is_read_when_it_is_whole) {
  write(run_started());
  const std::string path = scratch_.folder() + "/log/other.seg";
  write(stage_started(0, 0));
  std::string whole;
  {
    std::ifstream in(log_->path(), std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(in), {});
  }
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, cut);
    LogTail one(scratch_.folder(), "r");
    std::size_t blocks = 0;
    auto count = [&] {
      while (true) {
        auto got = one.next(100, 1 << 20);
        ASSERT_TRUE(got.has_value()) << base::to_text(got.error());
        if (got->empty()) return;
        blocks += got->size();
      }
    };
    count();
    std::ofstream(path, std::ios::binary | std::ios::app) << whole.substr(cut);
    count();
    EXPECT_EQ(blocks, 4U) << "cut at " << cut;
    EXPECT_TRUE(one.flaws().empty()) << one.flaws().front();
  }
}

}  // namespace
}  // namespace sluice::journal
