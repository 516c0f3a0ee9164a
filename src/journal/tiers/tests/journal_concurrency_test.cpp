#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <variant>

#include "async/loop_thread.hpp"
#include "async/tests/executors.hpp"
#include "async/timing.hpp"
#include "base/random.hpp"
#include "journal/tiers/memory_backend.hpp"
#include "journal/tiers/tests/forwarding_backend.hpp"
#include "journal/tiers/tests/gated_backend.hpp"
#include "journal/tiers/tests/journal_fixture.hpp"

namespace sluice::journal {
namespace {

using async::eventually;

/// So wide that no machine is too slow for it: what ends by it has been forgotten.
constexpr base::Nanos kNever{25'000'000'000};

/// Reads are given up soon, and nothing else is. Whatever has to be done before they are goes by hold(), and a read
/// that has to succeed by eventually(): how far the machine comes within the bound is not what is tested.
JournalConfig quick_config() {
  return {.read_timeout = base::Nanos{300'000'000}, .write_timeout = kNever, .abandoned_reads_max = 256};
}
/// Changes are, too.
JournalConfig quick_writes() {
  JournalConfig config = quick_config();
  config.write_timeout = base::Nanos{600'000'000};
  return config;
}

/// A journal over gates: with and without snapshots.
class GatedJournal : public testing::TestWithParam<bool> {
 protected:
  void open(JournalConfig config = quick_config(), bool others_write = false) {
    const BackendTraits traits{.reads_from_snapshots = GetParam(), .others_write = others_write};
    journal_ = std::make_unique<JournalUnderTest>(
        std::make_unique<GatedBackend>(std::make_unique<MemoryBackend>(), gates_, traits), std::move(config));
    ASSERT_TRUE(eventually([&] { return journal_->append(sample_blocks(0, 8)).has_value(); }));
  }
  void TearDown() override {
    for (const auto kind : {Gates::Reads, Gates::Writes, Gates::Loads, Gates::Loaded}) gates_->open(kind);
    if (!journal_ || !journal_->owned()) return;
    expect_whole_permits();
  }

  /// free + held = total, and in the end all are free.
  void expect_whole_permits() {
    EXPECT_TRUE(eventually([&] {
      const JournalStats stats = (*journal_)->stats();
      return stats.read_permits.free == stats.read_permits.total && stats.stream_slots.free == stats.stream_slots.total;
    }));
  }

  /// A read that always calls the backend.
  async::JoinHandle<BlockPage> begin_read() { return journal().spawn(journal().reader().page({}, 0, 1, soon())); }
  std::vector<async::JoinHandle<BlockPage>> begin_reads(int count) {
    std::vector<async::JoinHandle<BlockPage>> reads;
    for (int i = 0; i < count; ++i) reads.push_back(begin_read());
    return reads;
  }
  /// Begins so many that are held in the backend at the same time. Where the machine is slow some have given up before
  /// they came so far, and others take their places; those that were held are so still, whatever their callers do.
  template <class Begin>
  auto hold(Gates::Kind kind, int count, Begin begin) {
    std::vector<decltype(begin())> begun;
    const bool are_held = eventually([&] {
      const bool nobody_comes = std::ranges::all_of(begun, [](const auto& one) { return one.is_done(); });
      for (int missing = nobody_comes ? count - gates().held(kind) : 0; missing > 0; --missing)
        begun.push_back(begin());
      return gates().held(kind) == count;
    });
    EXPECT_TRUE(are_held) << gates().held(kind) << " of " << count;
    return begun;
  }
  auto hold_reads(int count) {
    return hold(Gates::Reads, count, [this] { return begin_read(); });
  }
  bool reads_are_held(int count) {
    return eventually([&] { return gates().held(Gates::Reads) >= count; });
  }
  async::JoinHandle<Receipt> begin_append(std::uint64_t first) {
    return journal().spawn(journal()->append(sample_blocks(first, 1), soon()));
  }
  /// A change that needs the barrier on every backend.
  async::JoinHandle<void> begin_discard() { return journal().spawn(journal()->discard("other", 9, 0, soon())); }

  JournalUnderTest& journal() { return *journal_; }
  Gates& gates() { return *gates_; }

 private:
  // shared because calls that were left behind pass the gates after the test has gone on
  std::shared_ptr<Gates> gates_ = std::make_shared<Gates>();
  std::unique_ptr<JournalUnderTest> journal_;
};

INSTANTIATE_TEST_SUITE_P(Backend, GatedJournal, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "with_snapshots" : "without_snapshots"; });

TEST_P(GatedJournal, reads_above_the_cap_do_not_deadlock) {
  open({});
  gates().shut(Gates::Reads);
  auto reads = begin_reads(256);
  EXPECT_TRUE(reads_are_held(64));
  EXPECT_EQ(journal()->stats().read_permits.free, 0U);
  gates().open(Gates::Reads);
  for (auto& read : reads) EXPECT_TRUE(read.join(soon()).has_value());
  EXPECT_EQ(gates().held_high_water(Gates::Reads), 64);
}

TEST_P(GatedJournal, write_after_saturating_reads_makes_progress) {
  open({});
  gates().shut(Gates::Reads);
  auto reads = begin_reads(128);
  ASSERT_TRUE(reads_are_held(64));
  auto append = begin_append(8);
  if (GetParam()) EXPECT_TRUE(append.join(soon()).has_value());
  gates().open(Gates::Reads);
  for (auto& read : reads) EXPECT_TRUE(read.join(soon()).has_value());
  if (!GetParam()) EXPECT_TRUE(append.join(soon()).has_value());
  EXPECT_EQ(journal().reader().head(), 9U);
}

TEST_P(GatedJournal, hung_reads_cost_a_change_no_more_than_their_deadline) {
  open();
  gates().shut(Gates::Reads);
  auto reads = begin_reads(200);
  ASSERT_TRUE(reads_are_held(1));
  auto discard = begin_discard();
  // The reads leave at their deadline, whatever the backend does; while one of them stays the change waits.
  EXPECT_TRUE(discard.join(soon()).has_value());
  for (auto& read : reads) EXPECT_EQ(failure_of(read.join(soon())), base::Code::DeadlineExceeded);
  EXPECT_TRUE(begin_append(8).join(soon()).has_value());
}

TEST_P(GatedJournal, fairness_write_serves_before_later_readers) {
  open({});
  gates().shut(Gates::Reads);
  auto earlier = begin_reads(64);
  ASSERT_TRUE(reads_are_held(64));
  auto discard = begin_discard();
  ASSERT_TRUE(eventually([&] { return journal()->stats().read_permits.waiting == 1; }));
  gates().shut(Gates::Writes);
  auto later = begin_reads(8);
  ASSERT_TRUE(eventually([&] { return journal()->stats().read_permits.waiting == 9; }));
  gates().open(Gates::Reads);
  for (auto& read : earlier) EXPECT_TRUE(read.join(soon()).has_value());
  // The change has its turn, and the later readers wait for it.
  ASSERT_TRUE(eventually([&] { return gates().held(Gates::Writes) == 1; }));
  for (auto& read : later) EXPECT_FALSE(read.is_done());
  gates().open(Gates::Writes);
  EXPECT_TRUE(discard.join(soon()).has_value());
  for (auto& read : later) EXPECT_TRUE(read.join(soon()).has_value());
}

TEST_P(GatedJournal, reads_that_are_in_go_on_while_a_change_waits_for_them) {
  open({});
  gates().shut(Gates::Reads);
  auto reads = begin_reads(3);
  ASSERT_TRUE(reads_are_held(3));
  auto discard = begin_discard();
  ASSERT_TRUE(eventually([&] { return journal()->stats().read_permits.waiting == 1; }));
  gates().let_one_pass(Gates::Reads);
  EXPECT_TRUE(eventually([&] { return reads[0].is_done() || reads[1].is_done() || reads[2].is_done(); }));
  EXPECT_FALSE(discard.is_done());
  gates().open(Gates::Reads);
  EXPECT_TRUE(discard.join(soon()).has_value());
}

TEST_P(GatedJournal, cancel_during_reader_backpressure_shuts_down) {
  open({.read_timeout = kNever, .abandoned_reads_max = 256});
  gates().shut(Gates::Reads);
  auto reads = begin_reads(100);
  ASSERT_TRUE(reads_are_held(64));
  for (auto& read : reads) read.cancel();
  for (auto& read : reads) EXPECT_EQ(failure_of(read.join(soon())), base::Code::Cancelled);
  expect_whole_permits();
  EXPECT_TRUE(journal().wait(journal()->shutdown()).has_value());
}

TEST_P(GatedJournal, cancel_during_write_drain_shuts_down) {
  // Only the cancellation can end the wait.
  open({.read_timeout = kNever, .write_timeout = kNever});
  gates().shut(Gates::Reads);
  auto reads = begin_reads(2);
  ASSERT_TRUE(reads_are_held(2));
  auto discard = begin_discard();
  ASSERT_TRUE(eventually([&] { return journal()->stats().read_permits.waiting == 1; }));
  auto queued = begin_append(8);
  ASSERT_TRUE(eventually([&] { return journal()->stats().appends_queued == 1; }));
  auto shutdown = journal().spawn(journal()->shutdown());
  // The wait for readers ends by it, at once; the readers are still held.
  EXPECT_EQ(failure_of(discard.join(soon())), base::Code::Cancelled);
  EXPECT_EQ(failure_of(queued.join(soon())), base::Code::Terminated);
  EXPECT_EQ(gates().held(Gates::Reads), 2);
  gates().open(Gates::Reads);
  const auto report = shutdown.join(soon());
  ASSERT_TRUE(report.has_value());
  ASSERT_EQ(report->not_written.size(), 1U);
  EXPECT_NE(report->not_written.front().find("blocks 8 to 8"), std::string::npos);
}

TEST_P(GatedJournal, operation_deadline_releases_permit) {
  open();
  gates().shut(Gates::Reads);
  auto reads = hold_reads(64);
  for (auto& read : reads) EXPECT_EQ(failure_of(read.join(soon())), base::Code::DeadlineExceeded);
  // The calls still hang, and their permits are home.
  EXPECT_EQ(gates().held(Gates::Reads), 64);
  EXPECT_EQ(journal()->stats().read_permits.free, 64U);
  EXPECT_EQ(journal()->stats().reads.gave_up, reads.size());
}

TEST_P(GatedJournal, uninterruptible_call_is_counted_and_at_the_cap_reads_fail_at_once) {
  JournalConfig config = quick_config();
  config.abandoned_reads_max = 4;
  open(config);
  gates().shut(Gates::Reads);
  auto reads = hold_reads(4);
  for (auto& read : reads) EXPECT_EQ(failure_of(read.join(soon())), base::Code::DeadlineExceeded);
  EXPECT_EQ(journal().threads().reading().stats().abandoned_now, 4U);
  EXPECT_EQ(journal()->stats().abandoned_now, 4U);
  gates().left_behind = 3;
  EXPECT_EQ(journal()->stats().abandoned_now, 7U) << "what the backend left behind counts, too";
  // At once: one that had waited would say that its deadline has passed.
  const auto refused = begin_read().join(soon());
  ASSERT_EQ(failure_of(refused), base::Code::ResourceExhausted);
  EXPECT_NE(base::to_text(refused.error()).find("a page"), std::string::npos);
  // The writer has threads of its own.
  EXPECT_TRUE(begin_append(8).join(soon()).has_value());
  gates().open(Gates::Reads);
  EXPECT_TRUE(eventually([&] { return begin_read().join(soon()).has_value(); }));
}

TEST_P(GatedJournal, a_hung_write_fails_its_append_and_is_found_out_about_later) {
  open(quick_writes());
  gates().shut(Gates::Writes);
  auto append = begin_append(8);
  EXPECT_EQ(failure_of(append.join(soon())), base::Code::DeadlineExceeded);
  EXPECT_EQ(journal().reader().head(), 8U);
  gates().open(Gates::Writes);
  // It was made after all; sent again, it is no second one.
  ASSERT_TRUE(eventually([&] { return gates().held(Gates::Writes) == 0; }));
  ASSERT_TRUE(eventually([&] { return journal().append(sample_blocks(8, 2)).has_value(); }));
  EXPECT_EQ(journal().reader().head(), 10U);
  base::Result<std::vector<BlockPtr>> found;
  ASSERT_TRUE(eventually([&] {
    found = journal().wait(journal().reader().query({}, 20, soon()));
    return found.has_value();
  }));
  EXPECT_EQ(found->size(), 10U);
}

TEST_P(GatedJournal, the_queue_of_changes_is_bounded_and_says_so) {
  open({.appends_max = 4});
  gates().shut(Gates::Writes);
  auto first = begin_append(8);
  ASSERT_TRUE(eventually([&] { return gates().held(Gates::Writes) == 1; }));
  std::vector<Completion> queued;
  for (std::uint64_t i = 0; i < 4; ++i) {
    auto completion = journal()->try_append(sample_blocks(9 + i, 1));
    ASSERT_TRUE(completion.has_value());
    queued.push_back(std::move(*completion));
  }
  EXPECT_EQ(failure_of(journal()->try_append(sample_blocks(13, 1))), base::Code::ResourceExhausted);
  auto waiting = begin_append(13);
  gates().open(Gates::Writes);
  for (Completion& completion : queued) EXPECT_TRUE(journal().wait(completion.wait(soon())).has_value());
  EXPECT_TRUE(waiting.join(soon()).has_value());
  EXPECT_EQ(journal().reader().head(), 14U);
  EXPECT_LT(journal()->stats().writes.calls, 7U) << "those that waited together are one commit";
}

TEST_P(GatedJournal, a_change_that_was_withdrawn_is_not_made) {
  open({});
  gates().shut(Gates::Writes);
  auto first = begin_append(8);
  ASSERT_TRUE(eventually([&] { return gates().held(Gates::Writes) == 1; }));
  auto impatient = journal().wait(journal()->append(sample_blocks(9, 1), in_ms(30)));
  EXPECT_EQ(failure_of(impatient), base::Code::DeadlineExceeded);
  gates().open(Gates::Writes);
  EXPECT_TRUE(first.join(soon()).has_value());
  EXPECT_EQ(journal().append(sample_blocks(9, 1))->numbers, std::vector<std::uint64_t>{10});
}

TEST_P(GatedJournal, stream_saturation_does_not_block_writes) {
  open();
  std::vector<BlockStream> streams;
  for (int i = 0; i < 8; ++i) {
    auto stream = journal().wait(journal().reader().stream({}, 0, std::nullopt, "client " + std::to_string(i), soon()));
    ASSERT_TRUE(stream.has_value());
    ASSERT_TRUE(journal().wait(stream->next(soon())).has_value());
    streams.push_back(std::move(*stream));
  }
  EXPECT_EQ(failure_of(journal().wait(journal().reader().stream({}, 0, std::nullopt, "late", in_ms(30)))),
            base::Code::DeadlineExceeded);
  EXPECT_TRUE(begin_append(8).join(soon()).has_value());
  EXPECT_TRUE(begin_discard().join(soon()).has_value());
}

TEST_P(GatedJournal, a_client_has_its_share_of_the_slots) {
  open();
  std::vector<BlockStream> streams;
  for (int i = 0; i < 4; ++i) {
    streams.push_back(*journal().wait(journal().reader().stream({}, 0, std::nullopt, "greedy", soon())));
  }
  EXPECT_EQ(failure_of(journal().wait(journal().reader().stream({}, 0, std::nullopt, "greedy", soon()))),
            base::Code::ResourceExhausted);
  EXPECT_TRUE(journal().wait(journal().reader().stream({}, 0, std::nullopt, "other", soon())).has_value());
}

TEST_P(GatedJournal, hung_backend_in_stream_setup_does_not_block_writes) {
  for (const int hung : {8, 64}) {
    JournalConfig config = quick_config();
    config.streams_max = config.streams_of_client_max = 64;
    open(config, true);
    gates().shut(Gates::Loads);
    auto setups = hold(Gates::Loads, hung, [this] {
      return journal().spawn(journal().reader().stream({}, 0, std::nullopt, "test", soon()));
    });
    auto append = begin_append(8);
    // Their reads leave at their deadline at the latest; where readers see snapshots nothing waits for them.
    EXPECT_TRUE(append.join(soon()).has_value());
    for (auto& setup : setups) EXPECT_EQ(failure_of(setup.join(soon())), base::Code::DeadlineExceeded);
    gates().open(Gates::Loads);
    expect_whole_permits();
  }
}

TEST_P(GatedJournal, an_answer_that_an_append_has_overtaken_takes_nothing_back) {
  open({}, true);
  gates().shut(Gates::Loaded);
  auto latest = journal().spawn(journal().reader().latest(soon()));
  ASSERT_TRUE(eventually([&] { return gates().held(Gates::Loaded) == 1; }));
  // Without snapshots the append waits for the reader, and nothing can overtake it.
  auto append = begin_append(8);
  if (GetParam()) EXPECT_TRUE(append.join(soon()).has_value());
  gates().open(Gates::Loaded);
  if (!GetParam()) EXPECT_TRUE(append.join(soon()).has_value());
  const auto block = latest.join(soon());
  ASSERT_TRUE(block.has_value()) << base::to_text(block.error());
  EXPECT_GE((*block)->header.seq, GetParam() ? 9U : 8U);
  EXPECT_EQ(journal().reader().head(), 9U);
}

TEST_P(GatedJournal, parked_stream_setups_do_not_starve_reads) {
  open({.streams_max = 1, .streams_of_client_max = 100, .read_timeout = kNever});
  auto holder = journal().wait(journal().reader().stream({}, 0, std::nullopt, "test", soon()));
  ASSERT_TRUE(holder.has_value());
  std::vector<async::JoinHandle<BlockStream>> parked;
  for (int i = 0; i < 80; ++i) {
    parked.push_back(journal().spawn(journal().reader().stream({}, 0, std::nullopt, "test", soon())));
  }
  ASSERT_TRUE(eventually([&] { return journal()->stats().stream_slots.waiting == 80; }));
  EXPECT_EQ(journal()->stats().read_permits.free, 64U);
  EXPECT_TRUE(begin_read().join(soon()).has_value());
  for (auto& setup : parked) setup.cancel();
  for (auto& setup : parked) EXPECT_EQ(failure_of(setup.join(soon())), base::Code::Cancelled);
}

TEST_P(GatedJournal, stalled_consumer_releases_its_slot) {
  open({.streams_max = 1, .stream_timeout = base::Nanos{500'000'000}});
  auto stalled = journal().wait(journal().reader().stream({}, 0, std::nullopt, "test", soon()));
  ASSERT_TRUE(stalled.has_value());
  static_cast<void>(journal().wait(stalled->next(soon())));  // a block, where the machine gives it in time
  // Nobody reads it: at its deadline the slot goes to the next, and the stream says so.
  EXPECT_TRUE(eventually([&] { return journal()->stats().streams_now == 0; }));
  EXPECT_TRUE(journal().wait(journal().reader().stream({}, 0, std::nullopt, "test", soon())).has_value());
  EXPECT_EQ(failure_of(journal().wait(stalled->next(soon()))), base::Code::DeadlineExceeded);
}

TEST_P(GatedJournal, dropping_a_stream_frees_its_slot) {
  open({.streams_max = 1});
  {
    auto stream = journal().wait(journal().reader().stream({}, 0, std::nullopt, "test", soon()));
    ASSERT_TRUE(stream.has_value());
    EXPECT_EQ(journal()->stats().streams_now, 1U);
  }
  EXPECT_EQ(journal()->stats().streams_now, 0U);
  EXPECT_TRUE(journal().wait(journal().reader().stream({}, 0, std::nullopt, "test", soon())).has_value());
}

TEST_P(GatedJournal, late_caller_after_shutdown_fails_at_once) {
  open();
  JournalReader reader = journal().reader();
  auto follower = reader.follow({}, 8);
  auto waiting = journal().spawn(follower->next(soon()));
  ASSERT_TRUE(eventually([&] { return journal()->stats().followers_now == 1; }));
  ASSERT_TRUE(journal().wait(journal()->shutdown()).has_value());
  EXPECT_EQ(failure_of(waiting.join(soon())), base::Code::Terminated);
  EXPECT_EQ(failure_of(journal().wait(reader.get(1, soon()))), base::Code::Terminated);
  EXPECT_EQ(failure_of(journal().wait(reader.stream({}, 0, std::nullopt, "test", soon()))), base::Code::Terminated);
  EXPECT_EQ(failure_of(reader.follow({}, 0)), base::Code::Terminated);
  EXPECT_EQ(failure_of(journal().append(sample_blocks(8, 1))), base::Code::Terminated);
  EXPECT_EQ(failure_of(journal()->try_append(sample_blocks(8, 1))), base::Code::Terminated);
}

TEST_P(GatedJournal, what_a_caller_has_not_begun_may_begin_when_the_journal_is_gone) {
  open();
  auto append = journal()->append(sample_blocks(8, 1), soon());
  auto discard = journal()->discard("r1", 1, 0, soon());
  auto drain = journal()->drain_above(0, soon());
  auto compact = journal()->compact(soon());
  journal().owned().reset();
  EXPECT_EQ(failure_of(journal().wait(std::move(append))), base::Code::Terminated);
  EXPECT_EQ(failure_of(journal().wait(std::move(discard))), base::Code::Terminated);
  EXPECT_EQ(failure_of(journal().wait(std::move(drain))), base::Code::Terminated);
  EXPECT_EQ(failure_of(journal().wait(std::move(compact))), base::Code::Terminated);
}

/// Tells when it is closed, and whether a loop thread did it.
class ClosingBackend final : public ForwardingBackend {
 public:
  ClosingBackend(std::unique_ptr<Backend> backend, std::atomic<int>& closed, std::atomic<int>& closed_on_a_loop)
      : ForwardingBackend(std::move(backend)), closed_(closed), closed_on_a_loop_(closed_on_a_loop) {}
  ~ClosingBackend() override {
    if (async::LoopThread::current() != nullptr) ++closed_on_a_loop_;
    ++closed_;
  }

 private:
  std::atomic<int>&closed_, &closed_on_a_loop_;  // outlives: the test has them
};

async::Task<> leave_late(JournalReader reader) {
  static_cast<void>(reader);
  co_return co_await async::pause_until(in_ms(200));
}

TEST(JournalEnd, no_task_that_leaves_last_closes_the_backend_on_its_loop) {
  std::atomic<int> closed = 0, closed_on_a_loop = 0;
  JournalUnderTest journal(
      std::make_unique<ClosingBackend>(std::make_unique<MemoryBackend>(), closed, closed_on_a_loop));
  auto guest = journal.spawn(leave_late(journal.reader()));
  journal.owned().reset();
  EXPECT_TRUE(guest.join(soon()));
  const auto until = soon();
  while (closed == 0 && !until.has_passed()) std::this_thread::yield();
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(closed_on_a_loop, 0);
}

async::Task<BlockPtr> first_of_a_stream(JournalReader reader) {
  SLUICE_CO_TRY(BlockStream stream, co_await reader.stream({}, 0, std::nullopt, "test", soon()));
  co_return co_await stream.next(soon());
}

/// Whoever is in: the journal is down within the later of its timeouts and a second.
TEST_P(GatedJournal, shutdown_is_bounded_with_each_kind_of_guest) {
  // Half a minute would be a wait for the backend or for a guest; three seconds are the machine's.
  const base::Nanos bound = quick_writes().write_timeout + base::Nanos{1'000'000'000} + base::Nanos{3'000'000'000};
  const std::vector<std::function<void()>> guests = {
      [&] { static_cast<void>(hold_reads(64)); },
      [&] { static_cast<void>(begin_append(8)); },
      [&] { static_cast<void>(begin_discard()); },
      [&] {
        static_cast<void>(
            hold(Gates::Reads, 1, [this] { return journal().spawn(first_of_a_stream(journal().reader())); }));
      },
  };
  for (const auto& invite : guests) {
    open(quick_writes());
    gates().shut(Gates::Reads), gates().shut(Gates::Writes);
    invite();
    const base::Instant began = base::now();
    static_cast<void>(journal().wait(journal()->shutdown()));
    EXPECT_LT(base::now() - began, bound);
    gates().open(Gates::Reads), gates().open(Gates::Writes);
    ASSERT_TRUE(eventually([&] { return gates().held(Gates::Reads) + gates().held(Gates::Writes) == 0; }));
  }
}

TEST_P(GatedJournal, write_flood_does_not_starve_reads) {
  open({});
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (std::uint64_t n = 8; !stop; ++n) static_cast<void>(journal().append(sample_blocks(n, 1)));
  });
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(begin_read().join(soon()).has_value());
  stop = true;
  writer.join();
}

TEST_P(GatedJournal, read_flood_does_not_starve_writes) {
  open({});
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!stop) static_cast<void>(begin_read().join(soon()));
    });
  }
  for (std::uint64_t n = 8; n < 108; ++n) EXPECT_TRUE(journal().append(sample_blocks(n, 1)).has_value());
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

TEST_P(GatedJournal, cancelled_batch_acquire_wakes_the_next) {
  open({.read_timeout = kNever, .write_timeout = base::Nanos{2'000'000'000}});
  gates().shut(Gates::Reads);
  auto held = begin_reads(1);
  ASSERT_TRUE(reads_are_held(1));
  auto discard = begin_discard();
  ASSERT_TRUE(eventually([&] { return journal()->stats().read_permits.waiting == 1; }));
  auto behind = begin_read();
  ASSERT_TRUE(eventually([&] { return journal()->stats().read_permits.waiting == 2; }));
  // The barrier gives up at the write's deadline, and whoever stood behind it goes in.
  EXPECT_EQ(failure_of(discard.join(soon())), base::Code::DeadlineExceeded);
  EXPECT_TRUE(reads_are_held(2));
  gates().open(Gates::Reads);
  EXPECT_TRUE(behind.join(soon()).has_value());
}

TEST_P(GatedJournal, cache_is_consistent_through_truncate) {
  open({});
  JournalReader reader = journal().reader();
  gates().shut(Gates::Reads);
  // A read by party is under way when its block goes, and comes back late.
  auto late = journal().spawn(reader.get({.run = "r1", .party = "local"}, 7, soon()));
  ASSERT_TRUE(reads_are_held(1));
  auto cut = journal().spawn(journal()->truncate_above(4, soon()));
  gates().open(Gates::Reads);
  EXPECT_TRUE(cut.join(soon()).has_value());
  static_cast<void>(late.join(soon()));
  EXPECT_EQ(failure_of(journal().wait(reader.get(8, soon()))), base::Code::NotFound);
  ASSERT_TRUE(journal().append({sample_block(4, "local", 5)}).has_value());
  EXPECT_EQ((*journal().wait(reader.get(5, soon())))->payload, sample_block(4, "local", 5).payload);
}

TEST_P(GatedJournal, what_is_given_up_is_told_once_a_second_and_kind) {
  JournalConfig config = quick_config();
  std::atomic<int> told = 0;
  std::mutex mutex;
  std::string text;
  config.warn = [&](const std::string& warning) {
    std::lock_guard lock(mutex);
    ++told;
    text = warning;
  };
  open(config);
  gates().shut(Gates::Reads);
  const base::Instant began = base::now();
  auto reads = begin_reads(40);
  for (auto& read : reads) static_cast<void>(read.join(soon()));
  EXPECT_GE(told, 1);
  EXPECT_LE(told, 1 + (base::now() - began).count() / 1'000'000'000) << "once a second";
  std::lock_guard lock(mutex);
  EXPECT_NE(text.find("a page"), std::string::npos) << text;
  EXPECT_NE(text.find("of 64 read permits"), std::string::npos) << text;
}

/// Successes, errors, time-outs, cancellations and drops, at random, from several threads.
TEST_P(GatedJournal, permits_are_conserved) {
  JournalConfig config = quick_config();
  config.read_timeout = base::Nanos{20'000'000};
  open(config);
  std::atomic<std::uint64_t> next = 8;
  auto storm = [&](std::uint64_t seed) {
    base::Random random(seed);
    for (int i = 0; i < 120; ++i) {
      switch (random.below(7)) {
        case 0: static_cast<void>(begin_read().join(soon())); break;
        case 1: begin_read().cancel(); break;
        case 2: static_cast<void>(journal().wait(journal().reader().get(random.below(30), in_ms(1)))); break;
        case 3: static_cast<void>(journal().append(sample_blocks(next++, 1, "p" + std::to_string(seed)))); break;
        case 4: {
          auto stream = journal().wait(journal().reader().stream({}, 0, std::nullopt, std::to_string(seed), in_ms(5)));
          if (stream) static_cast<void>(journal().wait(stream->next(in_ms(5))));
          break;
        }
        case 5: gates().shut(Gates::Reads); break;
        default: gates().open(Gates::Reads);
      }
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) threads.emplace_back(storm, seed);
  for (std::thread& thread : threads) thread.join();
  gates().open(Gates::Reads);
  expect_whole_permits();
  EXPECT_TRUE(eventually([&] { return begin_read().join(soon()).has_value(); }));
}

}  // namespace
}  // namespace sluice::journal
