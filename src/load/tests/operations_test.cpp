// Operations one by one, from workers to a sink: as many as were counted, and what each was.

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "load/operation_sink.hpp"
#include "load/tests/bench.hpp"
#include "load/tests/fake_backend.hpp"

namespace sluice::load {
namespace {

using model::OpKind;

/// An operation with its target's name, which is asked for in time.
struct Taken {
  std::uint32_t stage = 0;
  model::OpRecord record;
  std::string name;
};

class KeptOperations final : public OperationSink {
 public:
  void begin(std::uint32_t stage, std::vector<std::string> base_uris) override {
    stage_ = stage;
    uris = std::move(base_uris);
    ++begun;
  }
  void take(std::span<const model::TakenRecord> records, base::Instant /*now*/) override {
    for (const model::TakenRecord& taken : records) {
      std::array<char, model::kNameBytesMax> name;
      const std::size_t length = taken.names == nullptr ? 0 : taken.names->write_name(taken.record.index, name);
      operations.push_back({stage_, taken.record, std::string(name.data(), length)});
    }
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return is_open_; });
  }
  void tick(base::Instant /*now*/) override {}
  void end() override { ++ended; }
  void hurry(base::Instant /*until*/) override {}

  std::vector<Taken> of(OpKind kind) const {
    std::vector<Taken> found;
    std::ranges::copy_if(operations, std::back_inserter(found), [&](const Taken& t) { return t.record.kind == kind; });
    return found;
  }

  std::vector<Taken> operations;
  std::vector<std::string> uris;
  int begun = 0, ended = 0;

  /// Takes nothing more before open(); before the stage.
  void shut() { is_open_ = false; }
  void open() {
    {
      std::lock_guard lock(mutex_);
      is_open_ = true;
    }
    opened_.notify_all();
  }

 private:
  std::uint32_t stage_ = 0;
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = true;
};

/// Prepare, a mix, and cleanup in a folder.
model::RunPlan plan_of_three(const ScratchDirectory& folder) {
  model::RunPlan plan = plan_for(folder.uri());
  plan.prepare.datasets = {flat(folder.uri() + "set/", 40, 8192)};
  plan.workload = {operation(OpKind::Get, "set/*", 60), operation(OpKind::Stat, "set/*", 40)};
  plan.stages = {stage(model::StageType::Prepare), stage(model::StageType::Execute, base::Nanos{300'000'000}),
                 stage(model::StageType::Cleanup)};
  return plan;
}

TEST(Operations, as_many_as_were_counted_of_every_stage_and_with_their_targets) {
  const ScratchDirectory folder;
  TestRun run(plan_of_three(folder));
  KeptOperations kept;
  run.context().operations = &kept;
  for (std::uint32_t i = 0; i < 3; ++i) ASSERT_FALSE(run.run(i).error) << i;

  for (const OpKind kind : {OpKind::Put, OpKind::Get, OpKind::Stat, OpKind::Delete}) {
    const auto found = kept.of(kind);
    EXPECT_EQ(found.size(), run.blocks().total(kind).count) << name_of(kind);
    if (kind == OpKind::Put || kind == OpKind::Delete) {
      EXPECT_EQ(found.size(), 40U) << name_of(kind);
    }
    std::uint64_t bytes = 0;
    for (const Taken& one : found) {
      bytes += one.record.bytes;
      EXPECT_TRUE(one.name.starts_with("set/prepared-")) << one.name;
      EXPECT_LE(one.record.start_ns, one.record.end_ns);
      EXPECT_EQ(one.record.intended_ns, one.record.start_ns);
      EXPECT_FALSE(one.record.error);
    }
    EXPECT_EQ(bytes, run.blocks().total(kind).bytes) << name_of(kind);
  }
  EXPECT_EQ(kept.of(OpKind::Put).front().stage, 0U);
  EXPECT_EQ(kept.of(OpKind::Get).front().stage, 1U);
  EXPECT_EQ(kept.of(OpKind::Delete).front().stage, 2U);
  std::set<std::uint32_t> workers;
  for (const Taken& one : kept.operations) workers.insert(one.record.worker);
  EXPECT_LE(workers.size(), 4U);
  ASSERT_FALSE(kept.uris.empty());
  EXPECT_EQ(kept.uris.front(), folder.uri());
  EXPECT_EQ(kept.begun, kept.ended);
}

TEST(Operations, without_an_op_log_nobody_is_asked_to_keep_any) {
  const ScratchDirectory folder;
  TestRun run(plan_of_three(folder));
  ASSERT_FALSE(run.run(0).error);
  EXPECT_EQ(run.blocks().total(OpKind::Put).count, 40U);
}

TEST(Operations, failures_say_what_they_failed_with) {
  const ScratchDirectory folder;
  model::RunPlan plan = plan_for(folder.uri());
  plan.workload = {operation(OpKind::Stat, "not/there")};
  plan.stages = {stage(model::StageType::Execute, base::Nanos{1'000'000'000})};
  TestRun run(plan);
  KeptOperations kept;
  run.context().operations = &kept;
  static_cast<void>(run.run(0));
  const model::OpStats total = run.blocks().total(OpKind::Stat);
  ASSERT_GT(total.error_count(), 0U);
  ASSERT_EQ(kept.operations.size(), total.error_count());
  for (const Taken& one : kept.operations) {
    EXPECT_EQ(one.record.error, model::ErrorKind::NotFound);
    EXPECT_EQ(one.record.code, static_cast<std::uint32_t>(ENOENT));
    EXPECT_EQ(one.name, "not/there");
    EXPECT_EQ(one.record.bytes, 0U);
  }
}

TEST(Operations, an_open_loop_tells_when_each_was_due) {
  model::RunPlan plan = plan_for("null://?latency=1ms");
  plan.workload = {operation(OpKind::Get, "a/*")};
  plan.io_rate = {.iops = 2000};
  plan.stages = {stage(model::StageType::Execute, base::Nanos{500'000'000})};
  TestRun run(plan);
  KeptOperations kept;
  run.context().operations = &kept;
  ASSERT_FALSE(run.run(0).error);
  ASSERT_EQ(kept.operations.size(), run.blocks().total(OpKind::Get).count);
  ASSERT_GT(kept.operations.size(), 0U);
  for (const Taken& one : kept.operations) EXPECT_LE(one.record.intended_ns, one.record.start_ns);
  std::set<std::int64_t> due;
  for (const Taken& one : kept.operations) due.insert(one.record.intended_ns);
  EXPECT_EQ(due.size(), kept.operations.size()) << "each has its own time";
}

class StuckTaker : public testing::TestWithParam<storage::WorkerKind> {};
INSTANTIATE_TEST_SUITE_P(Workers, StuckTaker, testing::Values(storage::WorkerKind::Sync, storage::WorkerKind::Socket),
                         [](const auto& tested) { return std::string(name_of(tested.param)); });

TEST_P(StuckTaker, holds_the_load_back_and_loses_nothing_and_the_results_say_so) {
  auto rules = std::make_shared<FakeRules>();  // shared because abandoned workers still ask them
  rules->kind = GetParam();
  model::RunPlan plan = plan_for("fake://x/");
  plan.concurrency = 1;
  plan.workload = {operation(OpKind::Stat, "a")};
  plan.stages = {stage(model::StageType::Execute, base::Nanos{120'000'000'000})};
  TestRun run(plan, "r1", opener({{"fake://x/", [rules] { return std::make_unique<FakeBackend>(rules); }}}));
  KeptOperations kept;
  kept.shut();
  run.context().operations = &kept;
  run.start(0);
  // All that waits and one lot with the taker, and one that is being filled: then it goes no further.
  constexpr std::uint64_t kLot = 4096;
  const base::Nanos at_most{60'000'000'000};
  ASSERT_TRUE(TestRun::wait_for([&] { return rules->started > OperationLane::kWaitingMax * kLot; }, at_most));
  EXPECT_FALSE(TestRun::wait_for([&] { return rules->started > (OperationLane::kWaitingMax + 3) * kLot; },
                                 base::Nanos{300'000'000}));
  kept.open();
  run.host().stop(base::now() + base::Nanos{10'000'000'000});
  EXPECT_EQ(run.answer().status, model::RunStatus::Interrupted);
  EXPECT_EQ(kept.operations.size(), run.blocks().total(OpKind::Stat).count);
  const std::vector<std::string> notes = run.blocks().notes();
  EXPECT_TRUE(std::ranges::any_of(notes, [](const std::string& note) {
    return note.starts_with("the op-log could not take operations as fast as they came");
  }));
}

TEST(Operations, one_that_never_returns_is_there_as_timed_out) {
  for (const storage::WorkerKind kind : {storage::WorkerKind::Sync, storage::WorkerKind::Socket}) {
    auto rules = std::make_shared<FakeRules>();  // shared because abandoned workers still ask them
    rules->kind = kind;
    rules->outcome = [](const storage::OpSlot& slot) {
      static_cast<void>(slot);
      return FakeRules::kNever;
    };
    model::RunPlan plan = plan_for("fake://x/");
    plan.concurrency = 2;
    plan.errors.operation_timeout = base::Nanos{100'000'000};
    plan.drain_timeout = base::Nanos{200'000'000};
    plan.workload = {operation(OpKind::Stat, "a")};
    plan.stages = {stage(model::StageType::Execute, base::Nanos{500'000'000})};
    TestRun run(plan, "r1", opener({{"fake://x/", [rules] { return std::make_unique<FakeBackend>(rules); }}}));
    KeptOperations kept;
    run.context().operations = &kept;
    static_cast<void>(run.run(0));
    const std::uint64_t failed = run.blocks().total(OpKind::Stat).error_count();
    EXPECT_EQ(failed, 2U);
    ASSERT_EQ(kept.operations.size(), failed) << name_of(kind);
    for (const Taken& one : kept.operations) EXPECT_EQ(one.record.error, model::ErrorKind::TimedOut);
    rules->release();
  }
}

}  // namespace
}  // namespace sluice::load
