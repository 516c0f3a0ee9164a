#include "load/pass.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "async/loop_thread.hpp"
#include "dataset/flat.hpp"
#include "load/tests/bench.hpp"
#include "load/tests/fake_backend.hpp"

namespace sluice::load {

namespace {

using storage::WorkerKind;

constexpr base::Nanos kMs{1'000'000};

/// What the sources of a pass have seen, all workers together.
struct Seen {
  std::atomic<std::int64_t> left{0};
  std::atomic<std::uint64_t> drawn{0}, completed{0}, failed{0}, ended{0};
};

/// Draws stats of one dataset until none is left.
class StatSource final : public OpSource {
 public:
  // shared because an abandoned worker may still report to it
  explicit StatSource(std::shared_ptr<Seen> seen) : seen_(std::move(seen)) {}

  Draw next(storage::OpSlot& slot) override {
    if (seen_->left.fetch_sub(1) <= 0) return Draw::End;
    slot.kind = model::OpKind::Stat;
    slot.names = &names_;
    slot.index = seen_->drawn++;
    slot.store = 0;
    return Draw::Ready;
  }
  void completed(const storage::OpSlot& slot) override { ++seen_->completed, seen_->failed += slot.error != 0 ? 1 : 0; }
  void ended() override { ++seen_->ended; }
  model::OpKind likely_kind() const override { return model::OpKind::Stat; }

 private:
  // shared because an abandoned worker may still report to it
  const std::shared_ptr<Seen> seen_;
  const dataset::FlatNames names_{"", UINT32_MAX};
};

/// What an abandoned worker may still touch.
struct Kept {
  explicit Kept(model::ErrorHandling errors) : budget(errors) {}
  ErrorBudget budget;
  model::Progress progress;
  // shared because abandoned workers still ask them
  std::shared_ptr<FakeRules> rules = std::make_shared<FakeRules>();
  FakeBackend backend{rules};
};

model::ErrorHandling patient() {
  model::ErrorHandling errors;
  errors.max_total_errors = 1'000'000;
  errors.error_rate_threshold = 1e9;
  return errors;
}

/// A pass over a FakeBackend.
class PassBench {
 public:
  explicit PassBench(WorkerKind kind, model::ErrorHandling errors = patient())
      : kept(std::make_shared<Kept>(errors)), kind_(kind) {
    clock_.run_start = clock_.start = clock_.begin = clock_.measure_from = base::now();
    collector.emplace(0, clock_, blocks, kept->progress, party_seq);
    kept->rules->kind = kind;
  }
  ~PassBench() { kept->rules->release(); }

  base::Result<PassOutcome> run(std::int64_t operations, std::uint32_t in_flight = 4) {
    seen->left = operations;
    spec.workers = crew_for(kind_, in_flight, 2).workers;
    spec.in_flight = in_flight;
    spec.kind = kind_;
    spec.shared = std::make_shared<PassShared>(spec.workers);
    spec.shared->backends = {&kept->backend};
    spec.shared->budget = &kept->budget;
    spec.shared->progress = &kept->progress;
    spec.shared->clock = clock_;
    spec.shared->rate = rate;
    spec.shared->stall_watch = watch;
    spec.shared->store_options.cancel = control.token();
    spec.shared->keep_alive = kept;
    spec.make_source = [seen = seen](std::uint32_t, std::uint32_t) { return std::make_unique<StatSource>(seen); };
    base::Result<PassOutcome> outcome = run_pass(std::move(spec), *collector, control);
    collector->finish(base::now());
    return outcome;
  }
  const model::OpStats total() const { return blocks.total(model::OpKind::Stat); }

  PassSpec spec;
  std::optional<model::IoRate> rate;
  async::StallWatch* watch = nullptr;  // outlives: the test owns it
  // shared because abandoned workers may still touch it
  std::shared_ptr<Kept> kept;
  // shared because abandoned workers may still touch it
  std::shared_ptr<Seen> seen = std::make_shared<Seen>();
  StageControl control;
  KeptBlocks blocks;
  std::uint64_t party_seq = 0;
  std::optional<Collector> collector;

 private:
  const WorkerKind kind_;
  StageClock clock_;
};

constexpr std::int64_t kEndless = INT64_MAX;

class PassTest : public testing::TestWithParam<WorkerKind> {};

}  // namespace

INSTANTIATE_TEST_SUITE_P(Workers, PassTest, testing::Values(WorkerKind::Sync, WorkerKind::Socket),
                         [](const auto& tested) { return std::string(name_of(tested.param)); });

TEST_P(PassTest, every_operation_of_the_sources_is_run_and_counted_once) {
  for (const bool later : {false, true}) {
    PassBench bench(GetParam());
    bench.kept->rules->later = later;
    const auto outcome = bench.run(50'000);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(bench.kept->rules->started.load(), 50'000U);
    EXPECT_EQ(bench.seen->completed.load(), 50'000U);
    EXPECT_EQ(bench.total().count, 50'000U);
    EXPECT_EQ(bench.total().window_count, 50'000U);
    EXPECT_EQ(bench.kept->progress.done.load(), 50'000U);
    EXPECT_FALSE(outcome->stopped);
    EXPECT_EQ(outcome->abandoned, 0U);
    EXPECT_GT(outcome->window.count(), 0);
  }
}

TEST(LoopWorkerTurns, a_store_that_completes_at_once_gets_256_operations_a_turn) {
  PassBench bench(WorkerKind::Socket);
  ASSERT_TRUE(bench.run(50'000, 4096));
  EXPECT_EQ(bench.kept->rules->most_in_turn.load(), 256U);
  EXPECT_EQ(bench.total().count, 50'000U);
}

TEST(LoopWorkerTurns, slow_operations_that_complete_at_once_get_200_us_a_turn) {
  PassBench bench(WorkerKind::Socket);
  bench.kept->rules->outcome = [](const storage::OpSlot&) {
    const base::Instant end = base::now() + base::Nanos{50'000};
    while (base::now() < end) {
    }
    return 0;
  };
  ASSERT_TRUE(bench.run(2'000, 4096));
  EXPECT_LE(bench.kept->rules->most_in_turn.load(), 5U);  // the time is looked at between operations
}

TEST(LoopWorkerTurns, retries_are_held_to_the_same_budget) {
  model::ErrorHandling errors = patient();
  errors.retry_on_error = true;
  errors.max_retries = 1;
  errors.initial_retry_delay = base::Nanos{1};
  PassBench bench(WorkerKind::Socket, errors);
  bench.kept->rules->outcome = [](const storage::OpSlot& slot) { return slot.tries == 0 ? EIO : 0; };
  ASSERT_TRUE(bench.run(20'000, 4096));
  EXPECT_EQ(bench.kept->rules->most_in_turn.load(), 256U);
  EXPECT_EQ(bench.seen->completed.load(), 20'000U);
  EXPECT_EQ(bench.seen->failed.load(), 0U);
}

TEST(LoopWorkerTurns, an_operation_that_holds_the_loop_is_named) {
  std::mutex mutex;
  std::vector<async::StallReport> reports;
  std::atomic<bool> was_seen{false};
  std::atomic<bool> is_loop{true};
  auto watch = async::StallWatch::create({.threshold = 5 * kMs}, [&](const async::StallReport& report) {
    std::lock_guard lock(mutex);
    reports.push_back(report);
    was_seen = true;
  });
  ASSERT_TRUE(watch);
  PassBench bench(WorkerKind::Socket);
  bench.watch = watch->get();
  bench.kept->rules->outcome = [&](const storage::OpSlot& slot) {
    if (async::LoopThread::current() == nullptr) is_loop = false;
    const base::Instant limit = base::now() + 20'000 * kMs;
    while (slot.index == 10 && !was_seen && base::now() < limit) {
    }
    return 0;
  };
  const auto outcome = bench.run(1'000);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(is_loop) << "block_on has to be refused there";
  ASSERT_TRUE(was_seen);
  EXPECT_TRUE(reports.front().thread.starts_with("socket ")) << reports.front().thread;
  EXPECT_EQ(reports.front().work, "load");
  EXPECT_FALSE(reports.front().stack.empty());
  EXPECT_GE(outcome->max_hold_ns + outcome->max_preempted_ns, 5'000'000);
}

TEST_P(PassTest, each_source_is_told_when_its_worker_has_ended) {
  PassBench bench(GetParam());
  ASSERT_TRUE(bench.run(100));
  EXPECT_EQ(bench.seen->ended.load(), GetParam() == WorkerKind::Sync ? 4U : 2U);
}

TEST_P(PassTest, the_window_is_what_was_asked_for_and_the_warm_up_stays_apart) {
  PassBench bench(GetParam());
  bench.spec.warmup = 50 * kMs;
  bench.spec.duration = 100 * kMs;
  const auto outcome = bench.run(kEndless);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->window, 100 * kMs);
  std::map<model::Phase, std::uint64_t> counts;
  std::uint64_t all = 0;
  for (const model::Interval& interval : bench.blocks.intervals()) {
    const std::uint64_t count = interval.ops[static_cast<std::size_t>(model::OpKind::Stat)].count;
    counts[interval.phase] += count;
    all += count;
    if (interval.phase == model::Phase::Measured) EXPECT_LE(interval.to_ns - interval.from_ns, 100'000'000);
  }
  EXPECT_EQ(all, bench.kept->rules->started.load()) << "nothing is lost";
  EXPECT_GT(counts[model::Phase::Warmup], 0U);
  EXPECT_GT(counts[model::Phase::Measured], 0U);
  EXPECT_EQ(bench.total().window_count, counts[model::Phase::Measured]);
}

TEST_P(PassTest, a_stop_ends_the_window_and_what_completes_later_is_of_the_drain) {
  PassBench bench(GetParam());
  bench.spec.duration = 3'600'000 * kMs;
  bench.kept->rules->later = true;
  std::thread stopper([&] {
    TestRun::wait_for([&] { return bench.seen->completed.load() > 1000; });
    bench.control.request_stop(base::now() + 1000 * kMs);
  });
  const auto outcome = bench.run(kEndless);
  stopper.join();
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->stopped);
  EXPECT_FALSE(outcome->budget_spent);
  EXPECT_EQ(outcome->abandoned, 0U);
  EXPECT_EQ(bench.total().count, bench.kept->rules->started.load()) << "what is in flight is awaited";
}

TEST_P(PassTest, operations_that_never_return_are_given_up_at_the_drain_timeout_and_counted) {
  PassBench bench(GetParam());
  bench.spec.duration = 50 * kMs;
  bench.spec.drain_timeout = 100 * kMs;
  // Two of them hang, the others go on.
  bench.kept->rules->outcome = [](const storage::OpSlot& slot) {
    return slot.index == 100 || slot.index == 101 ? FakeRules::kNever : 0;
  };
  const base::Instant began = base::now();
  const auto outcome = bench.run(kEndless, 8);
  ASSERT_TRUE(outcome);
  EXPECT_LT(base::now() - began, 2000 * kMs);
  EXPECT_EQ(outcome->abandoned, 2U);
  EXPECT_EQ(outcome->window, 50 * kMs);
  EXPECT_EQ(bench.kept->rules->stuck.load(), 2U);
  if (GetParam() != WorkerKind::Sync) {
    EXPECT_EQ(bench.total().count, bench.kept->rules->started.load() - 2) << "a loop hands over all that came back";
  }
  bench.kept->rules->release();  // they come back after all, and harm nobody
}

TEST_P(PassTest, a_stop_returns_within_its_drain_even_when_everything_hangs) {
  PassBench bench(GetParam());
  bench.kept->rules->outcome = [](const storage::OpSlot&) { return FakeRules::kNever; };
  std::thread stopper([&] {
    TestRun::wait_for([&] { return bench.kept->rules->stuck.load() == 4; });
    bench.control.request_stop(base::now() + 100 * kMs);
  });
  const base::Instant began = base::now();
  const auto outcome = bench.run(kEndless);
  stopper.join();
  ASSERT_TRUE(outcome);
  EXPECT_LT(base::now() - began, 2000 * kMs);
  EXPECT_TRUE(outcome->stopped);
  EXPECT_EQ(outcome->abandoned, 4U);
  EXPECT_EQ(bench.seen->ended.load(), 0U);
}

TEST_P(PassTest, an_abort_waits_for_nothing) {
  PassBench bench(GetParam());
  bench.kept->rules->outcome = [](const storage::OpSlot&) { return FakeRules::kNever; };
  std::thread aborter([&] {
    TestRun::wait_for([&] { return bench.kept->rules->stuck.load() == 4; });
    bench.control.abort();
  });
  const auto outcome = bench.run(kEndless);
  aborter.join();
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->stopped);
}

TEST_P(PassTest, a_store_that_cannot_be_opened_starts_nothing) {
  PassBench bench(GetParam());
  bench.kept->rules->fails_to_open = true;
  const auto outcome = bench.run(100);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, base::Code::PermissionDenied);
  EXPECT_EQ(bench.kept->rules->started.load(), 0U);
}

TEST_P(PassTest, a_store_that_hangs_while_it_is_opened_does_not_hold_up_a_stop) {
  PassBench bench(GetParam());
  bench.kept->rules->hangs_in_open = true;
  bench.control.request_stop(base::now() + 50 * kMs);
  const base::Instant began = base::now();
  const auto outcome = bench.run(100);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->stopped);
  EXPECT_LT(base::now() - began, 2000 * kMs);
}

TEST_P(PassTest, the_error_budget_ends_the_pass_with_all_it_has_counted) {
  model::ErrorHandling errors = patient();
  errors.max_total_errors = 20;
  PassBench bench(GetParam(), errors);
  bench.spec.duration = 3'600'000 * kMs;
  bench.kept->rules->outcome = [](const storage::OpSlot& slot) { return slot.index % 1000 == 7 ? EIO : 0; };
  bench.kept->rules->later = true;
  const auto outcome = bench.run(kEndless);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->budget_spent);
  EXPECT_FALSE(outcome->stopped);
  const model::OpStats total = bench.total();
  EXPECT_GT(total.errors[static_cast<std::size_t>(model::ErrorKind::Io)], 20U);
  EXPECT_EQ(total.count + total.error_count(), bench.kept->rules->started.load());
  EXPECT_EQ(total.error_count(), bench.kept->budget.total());
}

TEST_P(PassTest, a_backoff_holds_back_what_is_not_started_yet) {
  model::ErrorHandling errors = patient();
  errors.error_rate_threshold = 5;
  errors.backoff_duration = 200 * kMs;
  PassBench bench(GetParam(), errors);
  bench.kept->rules->outcome = [](const storage::OpSlot& slot) { return slot.index < 10 ? EIO : 0; };
  const base::Instant began = base::now();
  ASSERT_TRUE(bench.run(1000, 1));
  EXPECT_GE(base::now() - began, 200 * kMs);
  EXPECT_GE(bench.kept->budget.backoffs(), 1U);
  EXPECT_EQ(bench.seen->completed.load(), 1000U);
}

TEST_P(PassTest, retries_are_part_of_one_operation_and_of_its_time) {
  model::ErrorHandling errors = patient();
  errors.retry_on_error = true;
  errors.max_retries = 3;
  errors.initial_retry_delay = 10 * kMs;
  errors.retry_backoff_multiplier = 2;
  errors.retry_jitter_factor = 0;
  PassBench bench(GetParam(), errors);
  bench.kept->rules->later = true;
  // Fails twice, then is done.
  bench.kept->rules->outcome = [](const storage::OpSlot& slot) { return slot.tries < 2 ? EIO : 0; };
  ASSERT_TRUE(bench.run(20));
  EXPECT_EQ(bench.kept->rules->started.load(), 60U);
  const model::OpStats total = bench.total();
  EXPECT_EQ(total.count, 20U);
  EXPECT_EQ(total.retries, 40U);
  EXPECT_EQ(total.error_count(), 0U);
  EXPECT_GE(total.service().min(), 29'900'000U) << "10 ms and 20 ms of waiting are in it";
  EXPECT_EQ(bench.kept->budget.total(), 0U);
}

TEST_P(PassTest, an_operation_that_fails_in_all_its_tries_is_one_error) {
  model::ErrorHandling errors = patient();
  errors.retry_on_error = true;
  errors.max_retries = 2;
  errors.initial_retry_delay = 1 * kMs;
  PassBench bench(GetParam(), errors);
  bench.kept->rules->outcome = [](const storage::OpSlot& slot) { return slot.index % 2 == 0 ? EIO : ENOENT; };
  ASSERT_TRUE(bench.run(20));
  const model::OpStats total = bench.total();
  EXPECT_EQ(total.error_count(), 20U);
  EXPECT_EQ(total.retries, 20U) << "what is not there is not asked for again";
  EXPECT_EQ(bench.kept->rules->started.load(), 10U * 3 + 10);
  EXPECT_EQ(bench.kept->budget.total(), 20U);
}

TEST_P(PassTest, no_try_begins_after_the_operations_deadline) {
  model::ErrorHandling errors = patient();
  errors.retry_on_error = true;
  errors.max_retries = 1000;
  errors.initial_retry_delay = errors.max_retry_delay = 10 * kMs;
  errors.operation_timeout = 45 * kMs;
  PassBench bench(GetParam(), errors);
  bench.kept->rules->outcome = [](const storage::OpSlot&) { return EIO; };
  ASSERT_TRUE(bench.run(1, 1));
  EXPECT_LE(bench.kept->rules->started.load(), 7U);
  EXPECT_GE(bench.kept->rules->started.load(), 2U);
}

TEST_P(PassTest, an_operation_without_an_answer_is_reported_when_its_time_is_over_while_the_others_go_on) {
  model::ErrorHandling errors = patient();
  errors.operation_timeout = 100 * kMs;
  PassBench bench(GetParam(), errors);
  bench.spec.duration = 3'600'000 * kMs;
  bench.spec.drain_timeout = 50 * kMs;
  bench.kept->rules->later = true;
  bench.kept->rules->outcome = [](const storage::OpSlot& slot) { return slot.index == 5 ? FakeRules::kNever : 0; };
  std::uint64_t at_report = 0;
  std::thread stopper([&] {
    EXPECT_TRUE(TestRun::wait_for([&] { return bench.kept->budget.total() == 1; }));
    at_report = bench.seen->completed.load();
    EXPECT_TRUE(TestRun::wait_for([&] { return bench.seen->completed.load() > at_report + 1000; }));
    bench.control.request_stop(base::now() + 50 * kMs);
  });
  const auto outcome = bench.run(kEndless);
  stopper.join();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->abandoned, 1U);
  const model::OpStats total = bench.total();
  EXPECT_EQ(total.errors[static_cast<std::size_t>(model::ErrorKind::TimedOut)], 1U);
  EXPECT_EQ(total.error_count(), 1U);
  EXPECT_EQ(total.count + 1, bench.kept->rules->started.load());
  std::vector<model::ErrorSample> samples;
  for (const model::Interval& interval : bench.blocks.intervals())
    std::ranges::copy(interval.samples, std::back_inserter(samples));
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples[0].key, "prepared-00000005.dat");
  EXPECT_GE(samples[0].at_ns, 100'000'000);
  EXPECT_NE(samples[0].detail.find("operation_timeout (100 ms)"), std::string::npos) << samples[0].detail;
}

TEST_P(PassTest, an_operation_that_returns_after_its_time_is_counted_once_and_its_slot_is_used_again) {
  for (const int late_outcome : {0, EIO}) {
    model::ErrorHandling errors = patient();
    errors.operation_timeout = 50 * kMs;
    errors.retry_on_error = true;
    PassBench bench(GetParam(), errors);
    bench.kept->rules->late_outcome = late_outcome;
    bench.kept->rules->outcome = [](const storage::OpSlot& slot) { return slot.index == 0 ? FakeRules::kNever : 0; };
    std::thread releaser([&] {
      EXPECT_TRUE(TestRun::wait_for([&] { return bench.kept->budget.total() == 1; }));
      EXPECT_EQ(bench.seen->completed.load(), 0U) << "its only slot is still lent";
      bench.kept->rules->release();
    });
    const auto outcome = bench.run(10, 1);
    releaser.join();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->abandoned, 0U);
    EXPECT_EQ(bench.kept->rules->started.load(), 10U) << "it is not tried again";
    EXPECT_EQ(bench.seen->completed.load(), 10U);
    EXPECT_EQ(bench.total().count, 9U);
    EXPECT_EQ(bench.total().error_count(), 1U);
    EXPECT_EQ(bench.kept->budget.total(), 1U);
    EXPECT_LT(bench.total().service().max(), 50'000'000U) << "its time is in no percentile";
  }
}

TEST_P(PassTest, what_a_worker_measured_before_it_got_stuck_is_in_the_results) {
  PassBench bench(GetParam());
  bench.spec.duration = 50 * kMs;
  bench.spec.drain_timeout = 50 * kMs;
  bench.kept->rules->outcome = [](const storage::OpSlot& slot) { return slot.index < 1000 ? 0 : FakeRules::kNever; };
  const auto outcome = bench.run(kEndless, 2);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->abandoned, 2U);
  EXPECT_EQ(bench.total().count, 1000U);
  EXPECT_EQ(bench.kept->progress.done.load(), 1000U);
  bench.kept->rules->release();  // those that come back touch nothing of it
}

TEST_P(PassTest, a_pass_without_a_window_ends_when_nothing_of_it_answers_any_more) {
  model::ErrorHandling errors = patient();
  errors.operation_timeout = 50 * kMs;
  PassBench bench(GetParam(), errors);
  bench.spec.drain_timeout = 100 * kMs;
  bench.kept->rules->outcome = [](const storage::OpSlot& slot) { return slot.index < 50 ? 0 : FakeRules::kNever; };
  const auto outcome = bench.run(kEndless);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->abandoned, 4U);
  EXPECT_FALSE(outcome->stopped);
  EXPECT_EQ(bench.total().count, 50U);
  EXPECT_EQ(bench.total().error_count(), 4U);
}

TEST_P(PassTest, a_stop_does_not_wait_for_the_next_try) {
  model::ErrorHandling errors = patient();
  errors.retry_on_error = true;
  errors.initial_retry_delay = errors.max_retry_delay = 3'600'000 * kMs;
  errors.operation_timeout = 10 * errors.max_retry_delay;
  PassBench bench(GetParam(), errors);
  bench.kept->rules->outcome = [](const storage::OpSlot&) { return EIO; };
  std::thread stopper([&] {
    TestRun::wait_for([&] { return bench.kept->rules->started.load() == 4; });
    bench.control.request_stop(base::now() + 5000 * kMs);
  });
  const base::Instant began = base::now();
  const auto outcome = bench.run(kEndless);
  stopper.join();
  ASSERT_TRUE(outcome);
  EXPECT_LT(base::now() - began, 3000 * kMs);
  EXPECT_EQ(outcome->abandoned, 0U);
  EXPECT_EQ(bench.total().error_count(), 4U);
  EXPECT_EQ(bench.total().retries, 0U);
}

TEST_P(PassTest, a_listing_that_the_stop_has_ended_is_neither_done_nor_failed) {
  PassBench bench(GetParam());
  std::atomic<std::uint64_t> cancelled{0};
  bench.kept->rules->outcome = [&](const storage::OpSlot& slot) {
    if (slot.index == 100) bench.control.request_stop(base::now() + 5000 * kMs);
    if (!bench.control.token().is_cancelled()) return 0;
    return ++cancelled, ECANCELED;
  };
  const auto outcome = bench.run(kEndless);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->stopped);
  EXPECT_EQ(bench.total().error_count(), 0U);
  EXPECT_GE(cancelled.load(), 1U);
  EXPECT_EQ(bench.total().count, bench.kept->rules->started.load() - cancelled.load());
  EXPECT_LE(cancelled.load(), 512U) << "nothing is started after the first one: a turn of each worker at the most";
}

TEST_P(PassTest, an_open_loop_starts_every_arrival_that_it_can) {
  PassBench bench(GetParam());
  bench.rate = model::IoRate{.iops = 2000, .distribution = model::IoRate::Distribution::Deterministic};
  bench.spec.duration = 250 * kMs;
  ASSERT_TRUE(bench.run(kEndless, 8));
  const model::OpStats total = bench.total();
  // A loaded machine may leave the last ones unstarted, but they are told.
  EXPECT_EQ(total.count + total.unstarted, 500U);
  EXPECT_EQ(total.response().count(), 500U);
  EXPECT_GE(total.response().quantile(0.5), total.service().quantile(0.5));
}

TEST_P(PassTest, what_a_stuck_storage_leaves_unstarted_is_counted_with_its_wait_up_to_the_end_of_the_window) {
  PassBench bench(GetParam());
  bench.rate = model::IoRate{.iops = 1000, .distribution = model::IoRate::Distribution::Deterministic};
  bench.spec.duration = 200 * kMs;
  bench.spec.drain_timeout = 10'000 * kMs;
  // The first four hold all slots until long after the window.
  auto rules = bench.kept->rules;
  bench.kept->rules->outcome = [rules = rules.get()](const storage::OpSlot&) { return FakeRules::kNever; };
  if (GetParam() != WorkerKind::Sync) bench.spec.drain_timeout = 300 * kMs;
  std::thread releaser([&] {
    TestRun::wait_for([&] { return bench.kept->rules->stuck.load() == 4; });
    const base::Instant until = base::now() + 400 * kMs;
    TestRun::wait_for([&] { return base::now() > until; });
    bench.kept->rules->release();
  });
  ASSERT_TRUE(bench.run(kEndless));
  releaser.join();
  const model::OpStats total = bench.total();
  EXPECT_EQ(total.unstarted, 196U) << "200 arrivals in the window, of which four began";
  EXPECT_LE(total.unstarted_wait.max(), 200'000'000U) << "the drain is not part of their wait";
}

TEST_P(PassTest, after_a_stop_no_arrival_counts_as_unstarted) {
  PassBench bench(GetParam());
  bench.rate = model::IoRate{.iops = 1000, .distribution = model::IoRate::Distribution::Deterministic};
  bench.spec.duration = 3'600'000 * kMs;
  bench.spec.drain_timeout = 10'000 * kMs;
  std::thread stopper([&] {
    TestRun::wait_for([&] { return bench.seen->completed.load() >= 50; });
    bench.control.request_stop(base::now() + 10'000 * kMs);
  });
  const auto outcome = bench.run(kEndless);
  stopper.join();
  ASSERT_TRUE(outcome);
  const model::OpStats total = bench.total();
  const double arrivals = static_cast<double>(outcome->window.count()) / 1e6;
  EXPECT_NEAR(static_cast<double>(total.count + total.unstarted), arrivals, 2);
}

TEST_P(PassTest, sources_that_end_by_themselves_leave_nothing_unstarted) {
  PassBench bench(GetParam());
  bench.rate = model::IoRate{.iops = 10'000, .distribution = model::IoRate::Distribution::Deterministic};
  bench.spec.duration = 3'600'000 * kMs;
  ASSERT_TRUE(bench.run(100));
  EXPECT_EQ(bench.total().count, 100U);
  EXPECT_EQ(bench.total().unstarted, 0U);
}

TEST_P(PassTest, slow_operations_show_in_the_progress_one_by_one) {
  PassBench bench(GetParam());
  bench.kept->rules->outcome = [&bench](const storage::OpSlot& slot) {
    // Each takes longer than the progress may be silent.
    const base::Instant until = base::now() + 110 * kMs;
    TestRun::wait_for([&] { return base::now() > until; });
    if (slot.index == 2) EXPECT_GE(bench.kept->progress.done.load(), 2U);
    return 0;
  };
  ASSERT_TRUE(bench.run(3, 1));
  EXPECT_EQ(bench.kept->progress.done.load(), 3U);
}

TEST(Pass, an_operation_that_a_store_completes_at_once_on_a_loop_has_its_whole_time) {
  PassBench bench(WorkerKind::Socket);
  bench.kept->rules->outcome = [](const storage::OpSlot&) {
    const base::Instant until = base::now() + 2 * kMs;
    TestRun::wait_for([&] { return base::now() > until; });
    return 0;
  };
  ASSERT_TRUE(bench.run(20, 2));
  EXPECT_GE(bench.total().service().min(), 1'999'000U);
}

TEST(Pass, a_crew_of_sync_workers_says_when_it_is_smaller_than_asked_for) {
  EXPECT_EQ(crew_for(WorkerKind::Sync, 16, 2).workers, 16U);
  EXPECT_TRUE(crew_for(WorkerKind::Sync, 16, 2).limit.empty());
  EXPECT_EQ(crew_for(WorkerKind::Sync, 5000, 2).in_flight, kSyncWorkersMax);
  EXPECT_FALSE(crew_for(WorkerKind::Sync, 5000, 2).limit.empty());
  EXPECT_EQ(crew_for(WorkerKind::Ring, 5000, 2).workers, 2U);
  EXPECT_EQ(crew_for(WorkerKind::Ring, 5000, 2).in_flight, 5000U);
  EXPECT_EQ(crew_for(WorkerKind::Ring, 1, 2).workers, 1U);
}

}  // namespace sluice::load
