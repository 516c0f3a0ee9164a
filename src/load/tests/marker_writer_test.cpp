#include "load/marker_writer.hpp"

#include <gtest/gtest.h>

#include "load/tests/bench.hpp"
#include "load/tests/fake_backend.hpp"

namespace sluice::load {

namespace {

constexpr base::Nanos kMs{1'000'000};

/// A plan of one dataset on storage whose small writes hang.
class HungMarker : public testing::Test {
 protected:
  HungMarker() { rules_->hangs_in_write_small = true; }
  ~HungMarker() override { rules_->release(); }

  TestRun make_run(base::Nanos drain_timeout) {
    model::RunPlan plan = plan_for("fake://x/");
    plan.prepare.datasets = {flat("fake://x/", 1000, 100)};
    plan.stages = {stage(model::StageType::Prepare)};
    plan.drain_timeout = drain_timeout;
    return TestRun(plan, "r1",
                   opener({{"fake://x/", [rules = rules_] { return std::make_unique<FakeBackend>(rules); }}}));
  }
  bool is_stuck() const { return rules_->stuck.load() > 0; }

  // shared because abandoned calls still ask them
  std::shared_ptr<FakeRules> rules_ = std::make_shared<FakeRules>();
};

TEST_F(HungMarker, does_not_keep_a_prepare_beyond_the_drain_of_a_stop) {
  TestRun run = make_run(3'600'000 * kMs);
  run.start(0);
  ASSERT_TRUE(TestRun::wait_for([&] { return is_stuck(); }));
  run.host().stop(base::now() + 100 * kMs);
  const StageResult result = run.answer();
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->code, base::Code::DeadlineExceeded) << "the next prepare writes again: that is to be told";
  EXPECT_EQ(run.context().abandoned, 1U) << "the process leaves without it";
  EXPECT_FALSE(rules_->is_released());
}

TEST_F(HungMarker, fails_a_prepare_after_the_drain_timeout_and_says_what_hangs) {
  TestRun run = make_run(50 * kMs);
  const StageResult result = run.run(0);
  EXPECT_EQ(result.status, model::RunStatus::Failed);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->code, base::Code::DeadlineExceeded);
  EXPECT_NE(result.error->what.find("marker of dataset fake://x/"), std::string::npos) << result.error->what;
}

TEST_F(HungMarker, is_not_waited_for_while_objects_are_written) {
  TestRun run = make_run(3'600'000 * kMs);
  StageControl control;
  MarkerWriter writer(run.shared_context(), control);
  const Place base = *run.context().targets.locate("");
  EXPECT_TRUE(writer.begin(base, "marker", "1"));
  EXPECT_FALSE(writer.begin(base, "marker", "2")) << "one at a time";
  ASSERT_TRUE(TestRun::wait_for([&] { return is_stuck(); }));
  rules_->release();
  EXPECT_TRUE(writer.write(base, "marker", "3")) << "the first one has ended";
  EXPECT_EQ(rules_->stuck.load(), 2U);
  EXPECT_EQ(run.context().abandoned, 0U);
}

}  // namespace

}  // namespace sluice::load
