#include "protocol/exit_code.hpp"

#include <csignal>

#include <gtest/gtest.h>

namespace sluice::protocol {
namespace {

using model::RunStatus;

TEST(ExitCode, each_fact_has_its_code_and_status) {
  const auto expect = [](RunFacts facts, RunStatus status, int code) {
    EXPECT_EQ(verdict(facts).exit_code, code);
    EXPECT_EQ(verdict(facts).status, status);
  };
  expect({}, RunStatus::Completed, 0);
  expect({.failed = true}, RunStatus::Failed, 1);
  expect({.bad_usage = true}, RunStatus::Failed, 2);
  expect({.threshold_missed = true}, RunStatus::ThresholdMissed, 3);
  expect({.host_lost = true}, RunStatus::Partial, 4);
  expect({.signal = SIGHUP}, RunStatus::Interrupted, 129);
  expect({.signal = SIGINT}, RunStatus::Interrupted, 130);
  expect({.signal = SIGTERM}, RunStatus::Interrupted, 143);
}

TEST(ExitCode, where_several_apply_the_order_is_signal_usage_failed_host_threshold) {
  RunFacts facts{.signal = SIGINT, .bad_usage = true, .failed = true, .host_lost = true, .threshold_missed = true};
  EXPECT_EQ(verdict(facts).exit_code, 130);
  facts.signal = SIGTERM;
  EXPECT_EQ(verdict(facts).exit_code, 143);
  facts.signal = 0;
  EXPECT_EQ(verdict(facts).exit_code, 2);
  facts.bad_usage = false;
  EXPECT_EQ(verdict(facts).exit_code, 1);
  facts.failed = false;
  EXPECT_EQ(verdict(facts).exit_code, 4);
  facts.host_lost = false;
  EXPECT_EQ(verdict(facts).exit_code, 3);
}

}  // namespace
}  // namespace sluice::protocol
