#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "base/units.hpp"
#include "dataset/marker.hpp"
#include "load/tests/bench.hpp"
#include "load/tests/fake_backend.hpp"

// Stages from beginning to end, through StageHost, on files.

namespace sluice::load {

namespace {

using model::OpKind;
using model::RunStatus;
using model::StageType;

constexpr base::Nanos kMs{1'000'000};
constexpr const char* kMarker = ".sluice-dataset.json";

std::uint64_t count_ending(const std::vector<std::string>& names, std::string_view ending) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(names, [&](const auto& name) { return name.ends_with(ending); }));
}

class StagesTest : public testing::Test {
 protected:
  /// A plan over the scratch directory with these stages.
  model::RunPlan plan(std::vector<model::Dataset> datasets, std::vector<model::Stage> stages = {}) const {
    model::RunPlan plan = plan_for(scratch_.uri());
    plan.prepare.datasets = std::move(datasets);
    plan.stages = std::move(stages);
    return plan;
  }
  std::string base(const std::string& name) const { return scratch_.uri() + name; }

  ScratchDirectory scratch_;
  const model::Stage prepare_ = stage(StageType::Prepare);
  const model::Stage cleanup_ = stage(StageType::Cleanup);
  const model::Stage execute_ = stage(StageType::Execute, 100 * kMs);
};

#define EXPECT_COMPLETED(result)                                                                                      \
  do {                                                                                                                \
    const StageResult& got_result = (result);                                                                         \
    EXPECT_EQ(got_result.status, RunStatus::Completed) << (got_result.error ? base::to_text(*got_result.error) : ""); \
  } while (false)

}  // namespace

TEST_F(StagesTest, a_tree_is_prepared_with_every_file_its_size_and_a_complete_marker) {
  TestRun run(plan({tree(base("t/"), 3, 2, 5, 5000)}, {prepare_}));
  EXPECT_COMPLETED(run.run(0));
  EXPECT_EQ(scratch_.directories().size(), 1U + 3 + 9);
  const std::vector<std::string> files = scratch_.files();
  EXPECT_EQ(count_ending(files, ".dat"), 45U);
  for (const std::string& file : files) {
    if (file.ends_with(".dat")) EXPECT_EQ(std::filesystem::file_size(scratch_ / file), 5000U) << file;
  }
  const auto marker = dataset::parse_marker(scratch_.read(std::string("t/") + kMarker), "test");
  ASSERT_TRUE(marker);
  EXPECT_TRUE(marker->is_complete());
  EXPECT_EQ(run.blocks().total(OpKind::Put).count, 45U);
  EXPECT_EQ(run.blocks().total(OpKind::Mkdir).count, 12U);
  ASSERT_EQ(run.workers().size(), 1U);
  EXPECT_EQ(run.workers()[0].kind, "sync");
}

TEST_F(StagesTest, a_dataset_that_is_there_is_used_again_without_a_write) {
  EXPECT_COMPLETED(TestRun(plan({flat(base("d/"), 50, 100)}, {prepare_})).run(0));
  TestRun again(plan({flat(base("d/"), 50, 100)}, {prepare_}), "r2");
  const StageResult result = again.run(0);
  EXPECT_COMPLETED(result);
  EXPECT_NE(result.note.find("reused"), std::string::npos) << result.note;
  EXPECT_EQ(again.blocks().total(OpKind::Put).count, 0U);
}

TEST_F(StagesTest, a_complete_marker_is_not_believed_when_objects_are_gone_or_have_another_size) {
  const model::RunPlan the_plan = plan({flat(base("d/"), 50, 100)}, {prepare_});
  EXPECT_COMPLETED(TestRun(the_plan).run(0));
  std::filesystem::remove(scratch_ / "d/prepared-00000007.dat");
  scratch_.write("d/prepared-00000009.dat", "short");
  TestRun again(the_plan, "r2");
  EXPECT_COMPLETED(again.run(0));
  EXPECT_GE(again.blocks().total(OpKind::Put).count, 2U);
  EXPECT_EQ(count_ending(scratch_.files(), ".dat"), 50U);
  EXPECT_EQ(std::filesystem::file_size(scratch_ / "d/prepared-00000009.dat"), 100U);
}

TEST_F(StagesTest, an_interrupted_prepare_is_continued_from_its_marker) {
  const std::uint64_t all = 30'000;
  const model::RunPlan the_plan = plan({flat(base("d/"), all, 10)}, {prepare_});
  std::uint64_t written = 0;
  {
    TestRun run(the_plan);
    run.start(0);
    EXPECT_TRUE(TestRun::wait_for([&] { return run.context().activity.progress.done.load() > 500; }));
    run.host().stop(base::now() + 5000 * kMs);
    EXPECT_EQ(run.answer().status, RunStatus::Interrupted);
    written = run.blocks().total(OpKind::Put).count;
    EXPECT_LT(written, all);
  }
  const auto marker = dataset::parse_marker(scratch_.read(std::string("d/") + kMarker), "test");
  ASSERT_TRUE(marker);
  EXPECT_FALSE(marker->is_complete());
  EXPECT_EQ(marker->finished_objects(), written) << "what was written before the stop is known, to the last object";

  TestRun again(the_plan, "r2");
  const StageResult result = again.run(0);
  EXPECT_COMPLETED(result);
  EXPECT_NE(result.note.find("continued"), std::string::npos) << result.note;
  EXPECT_EQ(again.blocks().total(OpKind::Put).count, all - written) << "nothing is written twice";
  EXPECT_EQ(count_ending(scratch_.files(), ".dat"), all);
}

TEST_F(StagesTest, a_full_target_ends_a_prepare_instead_of_failing_object_by_object) {
  for (const int errnum : {ENOSPC, EDQUOT}) {
    auto rules = std::make_shared<FakeRules>();  // shared because the backend and the test both ask it
    rules->outcome = [errnum](const storage::OpSlot& slot) { return slot.index < 1000 ? 0 : errnum; };
    model::RunPlan the_plan = plan({flat("fake://x/", 1'000'000, 100)}, {stage(StageType::Prepare)});
    the_plan.target = "fake://x/";
    TestRun run(the_plan, "r1", opener({{"fake://x/", [rules] { return std::make_unique<FakeBackend>(rules); }}}));
    const StageResult result = run.run(0);
    EXPECT_EQ(result.status, RunStatus::Failed);
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->code, base::Code::ResourceExhausted);
    // Those that had room, but for what other workers had not begun when the first one was told.
    const std::uint64_t written = run.blocks().total(OpKind::Put).count;
    EXPECT_EQ(result.error->what,
              "the target is full: " + base::format_count(written) + " of 1,000,000 objects were written");
    EXPECT_LE(written, 1000U);
    EXPECT_LT(rules->started.load(), 5000U) << "a portion of each worker at the most, and none is tried again";
  }
}

TEST_F(StagesTest, objects_too_large_for_what_is_left_do_not_end_a_prepare_while_others_fit) {
  auto rules = std::make_shared<FakeRules>();  // shared because the backend and the test both ask it
  rules->outcome = [](const storage::OpSlot& slot) { return slot.index % 3 == 0 ? ENOSPC : 0; };
  model::RunPlan the_plan = plan({flat("fake://x/", 1000, 100)}, {stage(StageType::Prepare)});
  the_plan.target = "fake://x/";
  TestRun run(the_plan, "r1", opener({{"fake://x/", [rules] { return std::make_unique<FakeBackend>(rules); }}}));
  const StageResult result = run.run(0);
  ASSERT_TRUE(result.error);
  EXPECT_GE(run.blocks().total(OpKind::Put).count, 666U);
}

TEST_F(StagesTest, force_overwrite_writes_everything_again) {
  model::RunPlan the_plan = plan({flat(base("d/"), 20, 100)}, {prepare_});
  EXPECT_COMPLETED(TestRun(the_plan).run(0));
  the_plan.prepare.force_overwrite = true;
  TestRun again(the_plan, "r2");
  EXPECT_COMPLETED(again.run(0));
  EXPECT_EQ(again.blocks().total(OpKind::Put).count, 20U);
}

TEST_F(StagesTest, skip_verification_touches_nothing) {
  model::RunPlan the_plan = plan({flat(base("d/"), 20, 100)}, {prepare_});
  the_plan.prepare.skip_verification = true;
  TestRun run(the_plan);
  EXPECT_COMPLETED(run.run(0));
  EXPECT_TRUE(scratch_.files().empty());
}

TEST_F(StagesTest, several_datasets_are_prepared_one_by_one_or_side_by_side) {
  for (const auto strategy : {model::PrepareStrategy::Sequential, model::PrepareStrategy::Parallel}) {
    const ScratchDirectory scratch;
    model::RunPlan the_plan = plan_for(scratch.uri());
    the_plan.prepare.strategy = strategy;
    the_plan.prepare.datasets = {flat(scratch.uri() + "a/", 30, 100), tree(scratch.uri() + "b/", 2, 2, 3, 200),
                                 flat(scratch.uri() + "c/", 5, 0)};
    the_plan.stages = {prepare_};
    TestRun run(the_plan);
    EXPECT_COMPLETED(run.run(0));
    EXPECT_EQ(count_ending(scratch.files(), ".dat"), 30U + 12 + 5);
    EXPECT_EQ(count_ending(scratch.files(), kMarker), 3U);
  }
}

TEST_F(StagesTest, looking_for_what_is_there_counts_no_errors) {
  scratch_.write("d/unrelated", "x");
  TestRun run(plan({flat(base("d/"), 40, 100)}, {prepare_}));
  EXPECT_COMPLETED(run.run(0));
  EXPECT_EQ(run.blocks().total(OpKind::Stat).error_count(), 0U);
  EXPECT_EQ(run.context().budget.total(), 0U);
}

TEST_F(StagesTest, cleanup_removes_what_the_run_made_and_the_base_stays) {
  model::RunPlan the_plan =
      plan({tree(base("t/"), 3, 2, 5, 100), flat(base("f/"), 10, 100)}, {prepare_, execute_, cleanup_});
  the_plan.workload = {operation(OpKind::Get, "t/", 4),      operation(OpKind::Put, "new/deep/", 2),
                       operation(OpKind::Put, "t/d*/", 1),   operation(OpKind::Delete, "f/*", 1),
                       operation(OpKind::Mkdir, "dirs/", 1), operation(OpKind::Copy, "f/*", 1)};
  the_plan.workload.back().destination = "copies/";
  TestRun run(the_plan);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_COMPLETED(run.run(i));
  for (const OpKind kind : {OpKind::Get, OpKind::Put, OpKind::Mkdir, OpKind::Copy}) {
    EXPECT_GT(run.blocks().total(kind).count, 0U) << name_of(kind);
    EXPECT_EQ(run.blocks().total(kind).error_count(), 0U) << name_of(kind);
  }
  EXPECT_EQ(scratch_.files(), std::vector<std::string>{});
  EXPECT_EQ(scratch_.directories(), (std::vector<std::string>{"f/", "t/"})) << "base directories stay, all others go";
}

TEST_F(StagesTest, sharded_puts_leave_no_directories_behind) {
  model::RunPlan the_plan = plan({flat(base("f/"), 20, 100)}, {prepare_, execute_, cleanup_});
  the_plan.prepare.key_prefix_shards = 4;
  the_plan.workload = {operation(OpKind::Put, "p/"), operation(OpKind::Get, "f/")};
  TestRun run(the_plan);
  EXPECT_COMPLETED(run.run(0));
  EXPECT_EQ(scratch_.directories().size(), 5U);
  EXPECT_COMPLETED(run.run(1));
  EXPECT_EQ(run.blocks().total(OpKind::Get).error_count(), 0U);
  EXPECT_COMPLETED(run.run(2));
  EXPECT_EQ(scratch_.directories(), std::vector<std::string>{"f/"});
  EXPECT_TRUE(scratch_.files().empty());
}

TEST_F(StagesTest, an_object_that_a_put_on_one_name_made_goes_and_one_that_was_there_stays) {
  scratch_.write("mine", "mine");
  model::RunPlan the_plan = plan({}, {execute_, cleanup_});
  the_plan.workload = {operation(OpKind::Put, "made/here"), operation(OpKind::Put, "mine")};
  TestRun run(the_plan);
  EXPECT_COMPLETED(run.run(0));
  EXPECT_EQ(scratch_.files(), (std::vector<std::string>{"made/here", "mine"}));
  EXPECT_COMPLETED(run.run(1));
  EXPECT_EQ(scratch_.files(), std::vector<std::string>{"mine"});
  EXPECT_TRUE(scratch_.directories().empty());
}

TEST_F(StagesTest, foreign_files_are_never_deleted) {
  scratch_.write("t/d1_w1.dir/precious", "precious");
  scratch_.write("t/also precious", "precious");
  scratch_.write("new/mine", "precious");
  model::RunPlan the_plan = plan({tree(base("t/"), 2, 2, 3, 100)}, {prepare_, execute_, cleanup_});
  the_plan.prepare.cleanup_mode = model::CleanupMode::BestEffort;
  the_plan.workload = {operation(OpKind::Put, "new/"), operation(OpKind::Get, "t/")};
  TestRun run(the_plan);
  EXPECT_COMPLETED(run.run(0));
  EXPECT_COMPLETED(run.run(1));
  const StageResult cleaned = run.run(2);
  EXPECT_COMPLETED(cleaned);
  const std::vector<std::string> left = scratch_.files();
  for (const char* mine : {"t/d1_w1.dir/precious", "t/also precious", "new/mine"}) {
    EXPECT_TRUE(std::ranges::find(left, mine) != left.end()) << mine;
  }
  EXPECT_EQ(count_ending(left, ".dat"), 0U);
}

TEST_F(StagesTest, objects_that_were_there_without_a_marker_are_used_and_stay) {
  scratch_.write("d/prepared-00000003.dat", std::string(100, 'x'));
  TestRun run(plan({flat(base("d/"), 10, 100)}, {prepare_, cleanup_}));
  EXPECT_COMPLETED(run.run(0));
  EXPECT_EQ(count_ending(scratch_.files(), ".dat"), 10U);
  EXPECT_EQ(scratch_.read("d/prepared-00000003.dat"), std::string(100, 'x')) << "not written over";
  EXPECT_COMPLETED(run.run(1));
  EXPECT_EQ(scratch_.files(), std::vector<std::string>{"d/prepared-00000003.dat"});
}

TEST_F(StagesTest, objects_of_other_sizes_without_a_marker_are_not_written_over) {
  scratch_.write("d/prepared-00000003.dat", "precious");
  TestRun run(plan({flat(base("d/"), 10, 100)}, {prepare_}));
  const StageResult result = run.run(0);
  EXPECT_EQ(result.status, RunStatus::Failed);
  EXPECT_EQ(result.error->code, base::Code::InvalidArgument);
  EXPECT_NE(result.error->where.find("prepared-00000003.dat"), std::string::npos) << result.error->where;
  EXPECT_EQ(scratch_.files(), std::vector<std::string>{"d/prepared-00000003.dat"});
  EXPECT_EQ(scratch_.read("d/prepared-00000003.dat"), "precious");
}

TEST_F(StagesTest, a_tree_without_files_is_marked_and_cleaned_up_by_another_process) {
  const model::RunPlan the_plan = plan({tree(base("t/"), 4, 2, 0, 0)}, {prepare_, cleanup_});
  EXPECT_COMPLETED(TestRun(the_plan).run(0));
  EXPECT_EQ(scratch_.directories().size(), 1U + 4 + 16);
  EXPECT_EQ(scratch_.files(), std::vector<std::string>{std::string("t/") + kMarker});
  EXPECT_COMPLETED(TestRun(the_plan, "r2").run(1));
  EXPECT_EQ(scratch_.directories(), std::vector<std::string>{"t/"});
}

TEST_F(StagesTest, directories_that_an_interrupted_prepare_made_are_known_for_ours) {
  const model::RunPlan the_plan = plan({tree(base("t/"), 30, 3, 1, 10)}, {prepare_, cleanup_});
  {
    TestRun run(the_plan);
    run.start(0);
    EXPECT_TRUE(TestRun::wait_for([&] { return run.context().activity.progress.done.load() > 0; }));
    run.host().stop(base::now() + 5000 * kMs);
    EXPECT_EQ(run.answer().status, RunStatus::Interrupted);
  }
  EXPECT_COMPLETED(TestRun(the_plan, "r2").run(1));
  EXPECT_EQ(scratch_.directories(), std::vector<std::string>{"t/"});
  EXPECT_TRUE(scratch_.files().empty());
}

TEST_F(StagesTest, cleanup_in_another_process_goes_by_the_marker) {
  const model::RunPlan the_plan = plan({flat(base("d/"), 10, 100)}, {prepare_, cleanup_});
  EXPECT_COMPLETED(TestRun(the_plan).run(0));
  model::RunPlan other = the_plan;
  other.prepare.datasets[0].size = model::SizeSpec::fixed(200);
  TestRun not_ours(other, "r2");
  const StageResult refused = not_ours.run(1);
  EXPECT_EQ(refused.status, RunStatus::Failed);
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, base::Code::PermissionDenied);
  EXPECT_EQ(count_ending(scratch_.files(), ".dat"), 10U) << "nothing of another plan's is removed";

  TestRun ours(the_plan, "r3");
  EXPECT_COMPLETED(ours.run(1));
  EXPECT_TRUE(scratch_.files().empty());
  EXPECT_COMPLETED(TestRun(the_plan, "r4").run(1));  // a second time nothing is there, which is no failure
}

TEST_F(StagesTest, yes_delete_foreign_removes_the_plans_names_without_a_marker) {
  scratch_.write("d/prepared-00000001.dat", "x");
  scratch_.write("d/other", "x");
  model::RunPlan the_plan = plan({flat(base("d/"), 10, 100)}, {cleanup_});
  the_plan.delete_foreign = true;
  EXPECT_COMPLETED(TestRun(the_plan).run(0));
  EXPECT_EQ(scratch_.files(), std::vector<std::string>{"d/other"});
}

TEST_F(StagesTest, cleanup_modes_differ_in_what_is_a_failure) {
  struct Case {
    model::CleanupMode mode;
    bool missing_fails, foreign_fails;
  };
  for (const Case& one : {Case{model::CleanupMode::Strict, true, true}, Case{model::CleanupMode::Tolerant, false, true},
                          Case{model::CleanupMode::BestEffort, false, false}}) {
    for (const bool foreign : {false, true}) {
      const ScratchDirectory scratch;
      model::RunPlan the_plan = plan_for(scratch.uri());
      the_plan.prepare.datasets = {tree(scratch.uri() + "t/", 2, 1, 3, 10)};
      the_plan.prepare.cleanup_mode = one.mode;
      the_plan.stages = {prepare_, cleanup_};
      TestRun run(the_plan);
      EXPECT_COMPLETED(run.run(0));
      if (foreign) {
        scratch.write("t/d1_w1.dir/foreign", "x");
      } else {
        std::filesystem::remove(scratch / "t/d1_w1.dir/file_00000001.dat");
      }
      const StageResult result = run.run(1);
      const bool fails = foreign ? one.foreign_fails : one.missing_fails;
      EXPECT_EQ(result.status, fails ? RunStatus::Failed : RunStatus::Completed)
          << static_cast<int>(one.mode) << (foreign ? " foreign" : " missing");
      EXPECT_EQ(count_ending(scratch.files(), ".dat"), 0U) << "everything that can go is gone in any mode";
      if (fails) EXPECT_FALSE(result.error->try_next.empty());
    }
  }
}

TEST_F(StagesTest, an_execute_stage_runs_its_mix_and_counts_its_window) {
  model::RunPlan the_plan = plan({flat(base("d/"), 100, 4096)}, {prepare_, stage(StageType::Execute, 300 * kMs)});
  the_plan.workload = {operation(OpKind::Get, "d/*", 6), operation(OpKind::Stat, "d/*", 2),
                       operation(OpKind::List, "d/", 1)};
  TestRun run(the_plan);
  EXPECT_COMPLETED(run.run(0));
  const StageResult result = run.run(1);
  EXPECT_COMPLETED(result);
  EXPECT_EQ(result.window_ns, 300'000'000);
  const model::OpStats gets = run.blocks().total(OpKind::Get);
  EXPECT_GT(gets.count, 0U);
  EXPECT_EQ(gets.bytes, gets.count * 4096);
  EXPECT_EQ(gets.error_count(), 0U);
  EXPECT_EQ(gets.response().count(), 0U) << "a closed loop has no response time of its own";
  std::uint64_t expected_seq = 0;
  for (const model::Interval& interval : run.blocks().intervals()) EXPECT_EQ(interval.party_seq, expected_seq++);
}

TEST_F(StagesTest, putting_over_members_while_they_are_read_makes_no_errors) {
  model::RunPlan the_plan = plan({flat(base("d/"), 4, 200'000)}, {prepare_, stage(StageType::Execute, 300 * kMs)});
  the_plan.workload = {operation(OpKind::Get, "d/*"), operation(OpKind::Put, "d/*")};
  TestRun run(the_plan);
  EXPECT_COMPLETED(run.run(0));
  EXPECT_COMPLETED(run.run(1));
  EXPECT_GT(run.blocks().total(OpKind::Get).count, 0U);
  EXPECT_EQ(run.blocks().total(OpKind::Get).error_count(), 0U);
}

TEST_F(StagesTest, a_hybrid_stage_ends_after_exactly_its_operations) {
  for (const std::uint32_t concurrency : {1U, 16U}) {
    model::RunPlan the_plan = plan({}, {stage(StageType::Hybrid, 3'600'000 * kMs)});
    the_plan.target = "null://x/";
    the_plan.concurrency = concurrency;
    the_plan.stages[0].completion = model::Completion::DurationOrTasks;
    the_plan.stages[0].expected_tasks = 12'345;
    the_plan.workload = {operation(OpKind::Get, "a/*"), operation(OpKind::Put, "b/")};
    TestRun run(the_plan);
    EXPECT_COMPLETED(run.run(0));
    EXPECT_EQ(run.blocks().total(OpKind::Get).count + run.blocks().total(OpKind::Put).count, 12'345U);
  }
}

TEST_F(StagesTest, a_starved_operation_is_noted_once) {
  model::RunPlan the_plan = plan({flat(base("d/"), 10, 10)}, {prepare_, execute_});
  the_plan.workload = {operation(OpKind::Get, "nothing*"), operation(OpKind::Stat, "d/*")};
  TestRun run(the_plan);
  EXPECT_COMPLETED(run.run(0));
  EXPECT_COMPLETED(run.run(1));
  ASSERT_EQ(run.blocks().notes().size(), 1U);
  EXPECT_NE(run.blocks().notes()[0].find("get found nothing to work on"), std::string::npos) << run.blocks().notes()[0];
}

TEST_F(StagesTest, a_stage_without_anything_to_work_on_fails) {
  model::RunPlan the_plan = plan({}, {execute_});
  the_plan.workload = {operation(OpKind::Get, "nothing*")};
  TestRun run(the_plan);
  const StageResult result = run.run(0);
  EXPECT_EQ(result.status, RunStatus::Failed);
  EXPECT_EQ(result.error->code, base::Code::NotFound);
}

TEST_F(StagesTest, the_error_budget_fails_the_stage_and_keeps_what_was_measured) {
  model::RunPlan the_plan = plan({flat(base("d/"), 10, 10)}, {stage(StageType::Execute, 3'600'000 * kMs)});
  the_plan.errors.max_total_errors = 10;
  the_plan.workload = {operation(OpKind::Get, "d/*")};  // was never prepared
  scratch_.write("x", "");
  TestRun run(the_plan);
  const StageResult result = run.run(0);
  EXPECT_EQ(result.status, RunStatus::Failed);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->code, base::Code::ResourceExhausted);
  const model::OpStats gets = run.blocks().total(OpKind::Get);
  EXPECT_GT(gets.errors[static_cast<std::size_t>(model::ErrorKind::NotFound)], 10U);
  EXPECT_LE(gets.error_count(), 11U + 4) << "those in flight, and no more";
}

namespace {

void expect_blocks_read_and_written(TestRun& run) {
  for (const OpKind kind : {OpKind::Read, OpKind::Write}) {
    const model::OpStats stats = run.blocks().total(kind);
    EXPECT_GT(stats.count, 0U);
    EXPECT_EQ(stats.bytes, stats.count * 4096);
    EXPECT_EQ(stats.error_count(), 0U);
  }
}

}  // namespace

TEST_F(StagesTest, blocks_in_a_large_file_are_read_and_written) {
  for (const std::uint32_t concurrency : {1U, 8U}) {
    const ScratchDirectory scratch;
    model::RunPlan the_plan = plan_for(scratch.uri());
    the_plan.concurrency = concurrency;
    the_plan.prepare.datasets = {flat(scratch.uri() + "big/", 2, 1 << 20)};
    the_plan.workload = {operation(OpKind::Read, "big/*"), operation(OpKind::Write, "big/*")};
    the_plan.workload[1].fsync = model::Fsync::End;
    the_plan.stages = {prepare_, execute_, cleanup_};
    TestRun run(the_plan);
    for (std::uint32_t i = 0; i < 3; ++i) EXPECT_COMPLETED(run.run(i));
    expect_blocks_read_and_written(run);
  }
}

TEST_F(StagesTest, blocks_of_a_pattern_on_null_are_read_and_written) {
  using Kind = model::Access::Kind;
  for (const Kind access : {Kind::Random, Kind::Sequential}) {
    model::RunPlan the_plan = plan({}, {execute_});
    the_plan.target = "null://x/?size=1MiB";
    the_plan.workload = {operation(OpKind::Read, "data/*"), operation(OpKind::Write, "one")};
    the_plan.workload[0].access.kind = access;
    TestRun run(the_plan);
    EXPECT_COMPLETED(run.run(0));
    expect_blocks_read_and_written(run);
  }
}

TEST_F(StagesTest, blocks_of_empty_objects_on_null_are_refused_with_the_way_to_give_them_a_size) {
  model::RunPlan the_plan = plan({}, {execute_});
  the_plan.target = "null://x/";
  the_plan.workload = {operation(OpKind::Read, "data/*")};
  TestRun run(the_plan);
  const StageResult result = run.run(0);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->try_next.front(), "null://x/?size=1GiB");
}

TEST_F(StagesTest, a_slow_null_store_leaves_arrivals_unstarted_and_says_so) {
  model::RunPlan the_plan = plan({}, {stage(StageType::Execute, 300 * kMs)});
  the_plan.target = "null://x/?latency=50ms";
  the_plan.io_rate = {.iops = 1000, .distribution = model::IoRate::Distribution::Deterministic};
  the_plan.workload = {operation(OpKind::Get, "a/*")};
  TestRun run(the_plan);
  EXPECT_COMPLETED(run.run(0));
  const model::OpStats gets = run.blocks().total(OpKind::Get);
  // Four in flight, each for 50 ms: about 24 of 300 begin.
  EXPECT_EQ(gets.count + gets.unstarted, 300U);
  EXPECT_GT(gets.unstarted, 250U);
  // The store's 50 ms begin when it gets an operation, the service time when the loop has handed over all of its lot.
  EXPECT_GE(gets.service().min(), 49'000'000U);
  EXPECT_GE(gets.response().max(), 200'000'000U);
  EXPECT_LE(gets.unstarted_wait.max(), 300'000'000U);
}

TEST_F(StagesTest, a_dataset_on_a_slow_null_store_is_prepared_by_a_loop) {
  model::RunPlan the_plan = plan({flat("null://x/?latency=1ms", 50, 100)}, {prepare_, cleanup_});
  the_plan.target = "null://x/?latency=1ms";
  TestRun run(the_plan);
  EXPECT_COMPLETED(run.run(0));
  EXPECT_COMPLETED(run.run(1));
}

TEST_F(StagesTest, a_stop_interrupts_an_execute_stage_and_keeps_its_results) {
  model::RunPlan the_plan = plan({}, {stage(StageType::Execute, 3'600'000 * kMs)});
  the_plan.target = "null://x/";
  the_plan.workload = {operation(OpKind::Get, "a/*")};
  TestRun run(the_plan);
  run.start(0);
  EXPECT_TRUE(TestRun::wait_for([&] { return run.context().activity.progress.done.load() > 10'000; }));
  run.host().stop(base::now() + 1000 * kMs);
  const StageResult result = run.answer();
  EXPECT_EQ(result.status, RunStatus::Interrupted);
  EXPECT_GT(result.window_ns, 0);
  EXPECT_GT(run.blocks().total(OpKind::Get).count, 10'000U);
}

TEST_F(StagesTest, operations_that_never_return_fail_the_stage_after_the_drain_and_are_noted) {
  auto rules = std::make_shared<FakeRules>();  // shared because abandoned workers still ask them
  rules->outcome = [](const storage::OpSlot& slot) { return slot.index >= 40 ? FakeRules::kNever : 0; };
  model::RunPlan the_plan = plan({}, {stage(StageType::Execute, 100 * kMs)});
  the_plan.target = "fake://x/";
  the_plan.drain_timeout = 100 * kMs;
  the_plan.workload = {operation(OpKind::Put, "a/")};
  TestRun run(the_plan, "r1", opener({{"fake://x/", [rules] { return std::make_unique<FakeBackend>(rules); }}}));
  const base::Instant began = base::now();
  const StageResult result = run.run(0);
  EXPECT_LT(base::now() - began, 3000 * kMs);
  EXPECT_EQ(result.status, RunStatus::Failed);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->code, base::Code::DeadlineExceeded);
  EXPECT_EQ(run.context().abandoned, 4U);
  EXPECT_FALSE(run.blocks().notes().empty());
  rules->release();
}

TEST_F(StagesTest, after_an_abort_no_callback_is_called) {
  auto rules = std::make_shared<FakeRules>();  // shared because abandoned workers still ask them
  rules->outcome = [](const storage::OpSlot&) { return FakeRules::kNever; };
  model::RunPlan the_plan = plan({}, {stage(StageType::Execute, 3'600'000 * kMs)});
  the_plan.target = "fake://x/";
  the_plan.workload = {operation(OpKind::Put, "a/")};
  KeptBlocks blocks;
  // shared because abandoned operations may still touch the context
  auto context = std::make_shared<RunContext>(
      the_plan, "r1", opener({{"fake://x/", [rules] { return std::make_unique<FakeBackend>(rules); }}}), blocks);
  ASSERT_TRUE(open_targets(*context));
  std::atomic<int> ended{0};
  const auto runtime = async::make_runtime();
  {
    StageHost host(context, *runtime, {.ready = [](auto, auto) {}, .ended = [&](auto, auto) { ++ended; }});
    host.start(0);
    EXPECT_TRUE(TestRun::wait_for([&] { return rules->stuck.load() == 4; }));
    host.abort();
  }
  // The stage's call lets go of the context when it has ended; the abandoned workers have one share together.
  rules->release();
  EXPECT_TRUE(TestRun::wait_for([&] { return context.use_count() <= 2; }));
  EXPECT_EQ(ended.load(), 0);
}

TEST_F(StagesTest, a_validation_looks_at_what_is_prepared) {
  model::RunPlan the_plan = plan({flat(base("d/"), 20, 100)}, {prepare_, stage(StageType::Validation)});
  the_plan.stages[1].expected_objects = 20;
  TestRun run(the_plan);
  EXPECT_COMPLETED(run.run(0));
  EXPECT_COMPLETED(run.run(1));
  std::filesystem::remove(scratch_ / "d/prepared-00000005.dat");
  const StageResult result = run.run(1);
  EXPECT_EQ(result.status, RunStatus::Failed);
  EXPECT_EQ(result.error->code, base::Code::NotFound);
}

}  // namespace sluice::load
