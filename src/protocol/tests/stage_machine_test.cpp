#include "protocol/stage_machine.hpp"

#include <algorithm>
#include <variant>

#include <gtest/gtest.h>

namespace sluice::protocol {
namespace {

using base::operator""s;

constexpr base::Instant at(double seconds) { return {static_cast<std::int64_t>(seconds * 1e9)}; }

template <class T>
const T* find(const Effects& effects) {
  for (const Effect& effect : effects) {
    if (const T* found = std::get_if<T>(&effect)) return found;
  }
  return nullptr;
}

void expect_four_parts(const base::Error& error) {
  EXPECT_FALSE(error.what.empty());
  EXPECT_FALSE(error.where.empty());
  EXPECT_FALSE(error.likely.empty());
  EXPECT_FALSE(error.try_next.empty());
}

TEST(StageMachine, a_timeout_error_says_what_where_why_and_what_to_try) {
  StageMachine machine({.stages = {{.name = "measure", .timeout = 600s}}});
  Effects out;
  machine.step(at(0), Start{}, out);
  machine.step(at(599), StageProgress{.done = 45'000, .total = 346'200}, out);
  machine.step(at(600), DeadlineTick{}, out);
  machine.step(at(601), StageEnded{.status = model::RunStatus::Interrupted}, out);
  const Finish* finish = find<Finish>(out);
  ASSERT_NE(finish, nullptr);
  ASSERT_TRUE(finish->error);
  EXPECT_EQ(finish->error->code, base::Code::DeadlineExceeded);
  expect_four_parts(*finish->error);
  EXPECT_NE(finish->error->what.find("'measure'"), std::string::npos);
  EXPECT_NE(finish->error->where.find("45,000 of 346,200 done"), std::string::npos) << finish->error->where;
}

TEST(StageMachine, an_error_says_nothing_of_what_was_done_where_nobody_told) {
  StageMachine machine({.stages = {{.name = "measure", .timeout = 600s}}});
  Effects out;
  machine.step(at(0), Start{}, out);
  machine.step(at(600), DeadlineTick{}, out);
  machine.step(at(601), StageEnded{.status = model::RunStatus::Interrupted}, out);
  const Finish* finish = find<Finish>(out);
  ASSERT_NE(finish, nullptr);
  ASSERT_TRUE(finish->error);
  EXPECT_EQ(finish->error->where.find("done"), std::string::npos) << finish->error->where;
}

TEST(StageMachine, every_error_that_the_rules_find_has_its_four_parts) {
  StageMachine budget({.stages = {{.name = "measure"}}, .errors_max = 2});
  Effects out;
  budget.step(at(0), Start{}, out);
  budget.step(at(1), StageProgress{.done = 9, .errors = 3}, out);
  budget.step(at(99), DeadlineTick{}, out);
  ASSERT_NE(find<Finish>(out), nullptr);
  const base::Error& stuck = *find<Finish>(out)->error;
  expect_four_parts(stuck);
  ASSERT_EQ(stuck.chain.size(), 1u) << "what the stage was stopped for is not forgotten";
  EXPECT_NE(stuck.chain[0].find("3 operations failed, 2 are allowed"), std::string::npos);

  StageMachine silent({.stages = {{.name = "measure"}}});
  out.clear();
  silent.step(at(0), Start{}, out);
  silent.step(at(1), StageEnded{.status = model::RunStatus::Interrupted}, out);
  ASSERT_NE(find<Finish>(out), nullptr);
  expect_four_parts(*find<Finish>(out)->error);
}

TEST(StageMachine, the_rules_of_a_plan_keep_timeouts_delay_and_budget) {
  model::RunPlan plan;
  plan.prepare.post_prepare_delay = 5s;
  plan.errors.max_total_errors = 7;
  plan.drain_timeout = 12s;
  plan.stages = {{.name = "p", .type = model::StageType::Prepare},
                 {.name = "c", .type = model::StageType::Custom},
                 {.name = "d", .type = model::StageType::Custom, .timeout = 3s, .optional = true}};
  const RunRules rules = rules_of(plan);
  ASSERT_EQ(rules.stages.size(), 3u);
  EXPECT_EQ(rules.stages[0].delay_after, 5s);
  EXPECT_FALSE(rules.stages[0].timeout);
  EXPECT_EQ(rules.stages[1].timeout, 615s);  // the stage itself ends the command at 600 s
  EXPECT_EQ(rules.stages[1].delay_after, 0s);
  EXPECT_EQ(rules.stages[2].timeout, 18s);
  EXPECT_TRUE(rules.stages[2].optional);
  EXPECT_EQ(rules.errors_max, 7u);
  EXPECT_EQ(rules.drain_timeout, 12s);
  EXPECT_EQ(rules.agent_count, 1u);
}

TEST(StageMachine, blocks_carry_times_since_the_start_of_the_run) {
  StageMachine machine({.stages = {{.name = "measure"}}});
  Effects out;
  machine.step(at(1000), Start{}, out);
  machine.step(at(1002), StageReady{.workers = {{.kind = "ring"}}}, out);
  machine.step(at(1007), StageEnded{.window_ns = 4'000'000'000, .note = "n", .output = "o"}, out);
  ASSERT_EQ(out.size(), 5u);
  const auto& again = std::get<model::StageStarted>(std::get<Journal>(out[2]).block);
  EXPECT_EQ(again.at_ns, 0) << "the stage began when it was started, not when its workers were known";
  EXPECT_EQ(again.workers.size(), 1u);
  const auto& ended = std::get<model::StageEnded>(std::get<Journal>(out[3]).block);
  EXPECT_EQ(ended.at_ns, 7'000'000'000);
  EXPECT_EQ(ended.window_ns, 4'000'000'000);
  EXPECT_EQ(ended.note, "n");
  EXPECT_EQ(ended.output, "o");
}

}  // namespace
}  // namespace sluice::protocol
