#include "config/plan_writer.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "config/default_plan.hpp"
#include "config/plan_reader.hpp"

namespace sluice::config {
namespace {

const std::filesystem::path kSource = SLUICE_SOURCE_DIR;

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> plans_in(const std::filesystem::path& folder) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(kSource / folder)) {
    if (entry.path().extension() == ".yaml") found.push_back((folder / entry.path().filename()).string());
  }
  std::ranges::sort(found);
  return found;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = std::filesystem::path(info.param).stem().string();
  std::ranges::replace(name, '-', '_');
  return name;
}

/// What is written resolves to the same thing: text and all figures.
void expect_round_trip(const model::RunPlan& plan) {
  const std::string text = write_resolved(plan);
  const auto again = read_plan(text, {.file = "resolved.yaml", .name = plan.name});
  ASSERT_TRUE(again) << to_text(again.error()) << "\n" << text;
  EXPECT_EQ(write_resolved(*again), text);
  EXPECT_TRUE(again->warnings.empty()) << again->warnings.front();
  EXPECT_EQ(again->stages.size(), plan.stages.size());
  EXPECT_EQ(again->workload.size(), plan.workload.size());
  EXPECT_EQ(again->prepare.datasets.size(), plan.prepare.datasets.size());
  EXPECT_EQ(again->seed, plan.seed);
  ASSERT_EQ(again->unbuilt.size(), plan.unbuilt.size());
}

class EveryPlan : public testing::TestWithParam<std::string> {};

TEST_P(EveryPlan, is_accepted_and_resolves_to_itself) {
  const auto plan = read_plan(content(kSource / GetParam()), {.file = GetParam(), .default_seed = 42});
  ASSERT_TRUE(plan) << to_text(plan.error());
  EXPECT_TRUE(plan->warnings.empty()) << plan->warnings.front();
  expect_round_trip(*plan);
}

INSTANTIATE_TEST_SUITE_P(OfTheField, EveryPlan, testing::ValuesIn(plans_in("src/config/tests/field")), test_name);
INSTANTIATE_TEST_SUITE_P(OfTheExamples, EveryPlan, testing::ValuesIn(plans_in("examples")), test_name);

TEST(Examples, run_with_this_version) {
  for (const std::string& path : plans_in("examples")) {
    const auto plan = read_plan(content(kSource / path), {.file = path});
    ASSERT_TRUE(plan) << to_text(plan.error());
    EXPECT_TRUE(plan->unbuilt.empty()) << path << " needs " << plan->unbuilt.front().feature;
  }
}

TEST(PlansOfTheField, list_what_is_not_built_yet) {
  const auto features = [](std::string_view name) {
    const auto plan = read_plan(content(kSource / "src/config/tests/field" / name), {});
    std::vector<std::string> found;
    for (const model::Unbuilt& unbuilt : plan.value_or(model::RunPlan{}).unbuilt) found.push_back(unbuilt.feature);
    return found;
  };
  using Features = std::vector<std::string>;
  EXPECT_EQ(features("blocks.yaml"), Features{});
  EXPECT_EQ(features("large-tree.yaml"), Features{});
  EXPECT_EQ(features("million-file-glob.yaml"), Features{"distributed agents"});
  EXPECT_EQ(features("million-object-prepare.yaml"), Features{"distributed agents"});
  EXPECT_EQ(features("four-hosts-stages.yaml"),
            (Features{"distributed agents", "dedup_factor above 1", "compress_factor above 1"}));
  EXPECT_EQ(features("mixed-objects.yaml"), (Features{"s3:// targets", "range_engine", "multi_endpoint"}));
}

TEST(PlanWriter, keeps_every_corner_of_the_language) {
  const auto plan =
      read_plan(content(kSource / "src/config/tests/whole_language.yaml"), {.file = "whole_language.yaml"});
  ASSERT_TRUE(plan) << to_text(plan.error());
  expect_round_trip(*plan);
  const auto again = read_plan(write_resolved(*plan), {});
  ASSERT_TRUE(again) << to_text(again.error());
  EXPECT_EQ(again->errors.retry_jitter_factor, plan->errors.retry_jitter_factor);
  EXPECT_EQ(again->errors.initial_retry_delay, plan->errors.initial_retry_delay);
  EXPECT_EQ(again->distributed->agents[0].env, plan->distributed->agents[0].env);
  EXPECT_EQ(again->distributed->connect_retry_for, plan->distributed->connect_retry_for);
  EXPECT_EQ(again->distributed->barrier_sync.execute.lost_after(),
            plan->distributed->barrier_sync.execute.lost_after());
  EXPECT_EQ(again->io_rate.steps.size(), plan->io_rate.steps.size());
  for (std::size_t i = 0; i < plan->workload.size(); ++i) {
    const model::Operation& is = again->workload[i];
    const model::Operation& was = plan->workload[i];
    EXPECT_EQ(is.kind, was.kind);
    EXPECT_EQ(is.path, was.path);
    EXPECT_EQ(is.destination, was.destination);
    EXPECT_EQ(is.concurrency, was.concurrency);
    EXPECT_EQ(is.access.stride, was.access.stride);
    EXPECT_EQ(is.access.theta, was.access.theta);
    EXPECT_EQ(is.range_bytes, was.range_bytes);
    EXPECT_EQ(is.size.std_dev, was.size.std_dev);
    EXPECT_EQ(is.size.bins.size(), was.size.bins.size());
    EXPECT_EQ(is.verify, was.verify);
  }
  for (std::size_t i = 0; i < plan->stages.size(); ++i) {
    const model::Stage& is = again->stages[i];
    const model::Stage& was = plan->stages[i];
    EXPECT_EQ(is.name, was.name);
    EXPECT_EQ(is.duration, was.duration);
    EXPECT_EQ(is.timeout, was.timeout);
    EXPECT_EQ(is.args, was.args);
    EXPECT_EQ(is.barrier.has_value(), was.barrier.has_value());
  }
}

/// A round trip cannot see a value that the writer always loses; a person can, in this text.
TEST(PlanWriter, writes_the_whole_language_like_this) {
  const std::filesystem::path folder = kSource / "src/config/tests";
  const auto plan = read_plan(content(folder / "whole_language.yaml"), {.file = "whole_language.yaml"});
  ASSERT_TRUE(plan) << to_text(plan.error());
  EXPECT_EQ(write_resolved(*plan), content(folder / "whole_language.resolved.yaml"));
}

TEST(DefaultPlan, stays_within_a_gibibyte_and_five_percent) {
  for (const std::uint64_t free :
       {std::uint64_t{20} << 20, std::uint64_t{100} << 20, std::uint64_t{1} << 40, UINT64_MAX}) {
    const auto plan = plan_for_uri("file:///mnt/x", {.run_id = "abc", .free_bytes = free, .seed = 9});
    ASSERT_TRUE(plan) << to_text(plan.error());
    double expected = 0;
    std::uint64_t largest = 0;
    for (const model::Dataset& dataset : plan->prepare.datasets) {
      double bytes = 0, weight = 0;
      for (const model::SizeSpec::Bin& bin : dataset.size.bins) {
        bytes += static_cast<double>(bin.size) * bin.weight;
        weight += bin.weight;
        largest = std::max(largest, bin.size);
      }
      expected += bytes / weight * static_cast<double>(dataset.count);
    }
    const auto budget = static_cast<double>(std::min(std::uint64_t{1} << 30, free / 20));
    EXPECT_LE(expected, 0.76 * budget) << free;
    EXPECT_GE(expected, 0.1 * budget) << free;
    EXPECT_LE(static_cast<double>(largest), 0.01 * budget);
  }
}

TEST(DefaultPlan, mixes_sizes_and_operations_in_a_folder_of_its_own_and_cleans_up) {
  const auto plan = plan_for_uri("file:///mnt/x", {.run_id = "abc", .free_bytes = std::uint64_t{1} << 40});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->target, "file:///mnt/x/sluice-abc/");
  EXPECT_TRUE(plan->remove_everything);
  ASSERT_EQ(plan->workload.size(), 4U);
  EXPECT_EQ(plan->workload[1].size.bins.front().size, 4096U);
  EXPECT_EQ(plan->workload[1].size.bins.back().size, 4U << 20);
  EXPECT_EQ(plan->stages.back().type, model::StageType::Cleanup);
  for (const model::Dataset& dataset : plan->prepare.datasets) EXPECT_TRUE(dataset.base_uri.starts_with(plan->target));
  expect_round_trip(*plan);
}

TEST(DefaultPlan, prepares_nothing_on_the_null_store) {
  const auto plan = plan_for_uri("null://x/?size=4KiB", {.run_id = "abc"});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->target, "null://x/?size=4KiB");
  EXPECT_TRUE(plan->prepare.datasets.empty());
}

TEST(DefaultPlan, refuses_what_it_cannot_use) {
  EXPECT_EQ(plan_for_uri("fiel:///x", {.run_id = "a"}).error().code, base::Code::InvalidArgument);
  EXPECT_EQ(plan_for_uri("file:///x", {.run_id = "a", .free_bytes = 1000}).error().code, base::Code::ResourceExhausted);
  EXPECT_EQ(plan_for_uri("s3://b/p", {.run_id = "a"})->unbuilt.front().feature, "s3:// targets");
}

}  // namespace
}  // namespace sluice::config
