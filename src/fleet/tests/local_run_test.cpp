#include "fleet/local_run.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "async/tests/executors.hpp"
#include "fleet/tests/simulated_host.hpp"
#include "journal/run_log.hpp"

namespace sluice::fleet {
namespace {

using base::operator""s;
using model::RunStatus;
using model::StageType;
using Calls = std::vector<std::string>;

protocol::RunRules three_stages() {
  return {.stages = {{.name = "prepare", .type = StageType::Prepare},
                     {.name = "measure"},
                     {.name = "cleanup", .type = StageType::Cleanup}}};
}

base::Error disk_full() { return base::from_errno(28, "cannot append to the log of results", "log/local.seg"); }

/// The outcome of a run; one that ends by an error, which only a mistake in the driver brings about, fails the test.
Outcome outcome_of(async::Runtime& runtime, LocalRun& run) {
  auto outcome = runtime.executor().block_on(run.run());
  if (!outcome) throw std::runtime_error(base::to_text(outcome.error()));
  return std::move(*outcome);
}

/// A run on a simulated host.
struct World {
  std::unique_ptr<async::Runtime> runtime = async::make_runtime();
  SimulatedHost host;
  LocalRun run;

  explicit World(protocol::RunRules rules, LocalRun::Options options = {})
      : run(std::move(rules), host, host, host, std::move(options)) {
    host.run = &run;
  }
  Outcome outcome() { return outcome_of(*runtime, run); }
};

bool called(const World& world, std::string_view call) {
  return std::ranges::find(world.host.calls, call) != world.host.calls.end();
}

TEST(LocalRun, every_stage_is_in_the_log_for_good_before_it_starts) {
  World world(three_stages());
  for (std::uint32_t stage = 0; stage < 3; ++stage) world.host.plan_stage(stage, 60);
  const Outcome outcome = world.outcome();
  EXPECT_EQ(outcome.status, RunStatus::Completed);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(world.host.calls, (Calls{"append started 0", "sync", "start 0",                              //
                                     "append ended 0 completed", "append started 1", "sync", "start 1",  //
                                     "append ended 1 completed", "append started 2", "sync", "start 2",  //
                                     "append ended 2 completed", "sync"}));
}

TEST(LocalRun, a_stage_is_stopped_when_its_timeout_has_passed) {
  World world({.stages = {{.name = "measure", .timeout = 3600s}}});
  const Outcome outcome = world.outcome();
  EXPECT_EQ(outcome.status, RunStatus::Failed);
  EXPECT_EQ(outcome.exit_code, 1);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code, base::Code::DeadlineExceeded);
  EXPECT_EQ(world.host.calls[3], "stop 0 timed out until 3630");
  EXPECT_EQ(world.host.now(), base::Instant{} + 3601s);
}

TEST(LocalRun, a_stage_that_never_answers_does_not_keep_the_run) {
  World world({.stages = {{.name = "measure", .timeout = 10s}}});
  world.host.stops_after_s = -1;
  const Outcome outcome = world.outcome();
  EXPECT_EQ(outcome.status, RunStatus::Failed);
  EXPECT_EQ(world.host.now(), base::Instant{} + 50s);
  EXPECT_TRUE(called(world, "abort"));
}

TEST(LocalRun, an_interrupt_stops_the_stage_and_skips_cleanup) {
  World world(three_stages());
  world.host.plan_stage(0, 1);
  world.host.plan(5, [&] { world.run.post(protocol::Interrupt{.signal = 2, .count = 1}); });
  const Outcome outcome = world.outcome();
  EXPECT_EQ(outcome.status, RunStatus::Interrupted);
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_TRUE(called(world, "stop 1 interrupted until 10"));
  EXPECT_FALSE(called(world, "start 2"));
  EXPECT_EQ(world.host.notes.size(), 2u);
}

TEST(LocalRun, an_abort_waits_for_nothing) {
  World world({.stages = {{.name = "measure"}}});
  world.host.plan(5, [&] { world.run.post(protocol::Interrupt{.signal = 2, .count = 2}); });
  EXPECT_EQ(world.outcome().exit_code, 130);
  EXPECT_EQ(world.host.calls,
            (Calls{"append started 0", "sync", "start 0", "abort", "append ended 0 interrupted", "sync"}));
}

TEST(LocalRun, a_log_that_fails_ends_the_run_as_failed) {
  World world(three_stages());
  world.host.plan_stage(0, 1);
  world.host.plan_stage(1, 1000);
  world.host.plan(0.5, [&] { world.host.append_error = disk_full(); });
  const Outcome outcome = world.outcome();
  EXPECT_EQ(outcome.status, RunStatus::Failed);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code, base::Code::ResourceExhausted);
  EXPECT_TRUE(called(world, "stop 1 results cannot be written until 31"));
}

TEST(LocalRun, a_failed_sync_ends_the_run_as_failed) {
  World world(three_stages());
  world.host.sync_error = base::from_errno(5, "cannot sync", "log/local.seg");
  const Outcome outcome = world.outcome();
  EXPECT_EQ(outcome.status, RunStatus::Failed);
  EXPECT_TRUE(called(world, "stop 0 results cannot be written until 30"));
}

TEST(LocalRun, a_log_that_fails_in_the_last_step_still_fails_the_run) {
  World world({.stages = {{.name = "measure"}}});
  world.host.plan_stage(0, 60);
  world.host.plan(30, [&] { world.host.append_error = disk_full(); });
  const Outcome outcome = world.outcome();
  EXPECT_EQ(outcome.status, RunStatus::Failed);
  EXPECT_EQ(outcome.exit_code, 1);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->what, disk_full().what);
}

TEST(LocalRun, a_log_that_is_only_slow_is_noted_once_and_not_waited_for) {
  World world(three_stages());
  for (std::uint32_t stage = 0; stage < 3; ++stage) world.host.plan_stage(stage, 60);
  world.host.sync_error = base::Error{.code = base::Code::DeadlineExceeded, .what = "slow"};
  EXPECT_EQ(world.outcome().status, RunStatus::Completed);
  ASSERT_EQ(world.host.notes.size(), 1u);
  EXPECT_NE(world.host.notes[0].find("not durable within 2"), std::string::npos) << world.host.notes[0];
}

TEST(LocalRun, the_display_sees_every_event_before_it_is_taken) {
  std::vector<std::size_t> seen;
  World world({.stages = {{.name = "measure"}}},
              {.on_event = [&](const protocol::Event& event) { seen.push_back(event.index()); }});
  world.host.plan_stage(0, 60);
  world.host.plan(1, [&] { world.run.post(protocol::StageProgress{.done = 1}); });
  world.outcome();
  EXPECT_EQ(seen, (std::vector<std::size_t>{protocol::Event(protocol::Start{}).index(),
                                            protocol::Event(protocol::StageProgress{}).index(),
                                            protocol::Event(protocol::StageEnded{}).index()}));
}

TEST(LocalRun, events_that_come_before_the_start_and_after_the_end_do_no_harm) {
  World world({.stages = {{.name = "measure"}}});
  world.run.post(protocol::StageEnded{.stage = 3});
  world.host.plan_stage(0, 1);
  EXPECT_EQ(world.outcome().status, RunStatus::Completed);
  world.run.post(protocol::StageEnded{});
  world.run.post(protocol::Interrupt{});
}

/// Stages that run for real on threads of their own, and write into a real log.
class ThreadHost final : public StageHost {
 public:
  explicit ThreadHost(journal::BlockLog& log) : log_(log) {}
  ~ThreadHost() override {
    for (std::thread& thread : threads_) thread.join();
  }

  void start_stage(std::uint32_t stage) override {
    threads_.emplace_back([this, stage] {
      for (std::uint64_t i = 0; i < 100; ++i) {
        run->post(protocol::StageProgress{.stage = stage, .done = i});
        EXPECT_TRUE(log_.append(model::Interval{.stage = stage, .party_seq = i}));
      }
      run->post(protocol::StageEnded{.stage = stage});
    });
  }
  void stop_stage(std::uint32_t, protocol::StopReason, base::Instant) override {}
  void abort() override {}

  LocalRun* run = nullptr;

 private:
  journal::BlockLog& log_;
  std::vector<std::thread> threads_;
};

TEST(LocalRun, a_run_on_real_threads_leaves_a_whole_log) {
  std::string folder = (std::filesystem::temp_directory_path() / "sluice-fleet-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  {
    const auto runtime = async::make_runtime();
    auto log = journal::RunLog::create(*runtime, folder);
    ASSERT_TRUE(log) << log.error().what;
    SystemClock clock;
    ThreadHost host(**log);
    LocalRun run(three_stages(), host, **log, clock);
    host.run = &run;
    EXPECT_EQ(outcome_of(*runtime, run).status, RunStatus::Completed);
  }
  const auto content = journal::read_run_log(folder);
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(content);
  EXPECT_TRUE(content->report.flaws.empty());
  ASSERT_EQ(content->blocks.size(), 3u * 102u);
  std::uint32_t started = 0, ended = 0;
  for (const model::Block& block : content->blocks) {
    if (const auto* interval = std::get_if<model::Interval>(&block)) {
      EXPECT_EQ(interval->stage + 1, started) << "intervals lie between their stage's start and end";
      EXPECT_EQ(ended, started - 1);
    }
    started += std::holds_alternative<model::StageStarted>(block) ? 1 : 0;
    ended += std::holds_alternative<model::StageEnded>(block) ? 1 : 0;
  }
}

}  // namespace
}  // namespace sluice::fleet
