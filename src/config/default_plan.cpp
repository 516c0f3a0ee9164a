#include "config/default_plan.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/units.hpp"
#include "config/problems.hpp"
#include "config/uri.hpp"

namespace sluice::config {

namespace {

constexpr std::uint64_t kKibibyte = 1024;
constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 30;
constexpr std::uint64_t kBytesMin = std::uint64_t{1} << 20;
constexpr std::uint64_t kFreeDivisor = 20;  // 5 %
constexpr base::Nanos kDuration{30'000'000'000};
/// Shares of the budget that the two sets are expected to take; the rest is for sizes drawn larger than expected.
constexpr double kReadShare = 0.5;
constexpr double kOverwriteShare = 0.25;
/// No object may be larger than this part of the budget, so that a few large draws cannot exceed it.
constexpr std::uint64_t kLargestDivisor = 128;
constexpr std::uint64_t kObjectsMax = 10'000;

constexpr model::SizeSpec::Bin kSizes[] = {
    {4 * kKibibyte, 40}, {64 * kKibibyte, 30}, {256 * kKibibyte, 20}, {1024 * kKibibyte, 8}, {4096 * kKibibyte, 2},
};

model::SizeSpec sizes_within(std::uint64_t budget) {
  model::SizeSpec spec{.kind = model::SizeSpec::Kind::Histogram};
  for (const model::SizeSpec::Bin& bin : kSizes) {
    if (bin.size <= budget / kLargestDivisor || spec.bins.empty()) spec.bins.push_back(bin);
  }
  return spec;
}

double mean_of(const model::SizeSpec& spec) {
  double bytes = 0;
  double weight = 0;
  for (const model::SizeSpec::Bin& bin : spec.bins) {
    bytes += static_cast<double>(bin.size) * bin.weight;
    weight += bin.weight;
  }
  return bytes / weight;
}

model::Dataset dataset(std::string base_uri, const model::SizeSpec& size, double bytes) {
  const auto count = static_cast<std::uint64_t>(bytes / mean_of(size));
  return {.base_uri = std::move(base_uri), .count = std::clamp<std::uint64_t>(count, 1, kObjectsMax), .size = size};
}

model::Stage stage(model::StageType type, std::string name, model::Completion completion, base::Nanos duration) {
  return {.name = std::move(name), .type = type, .completion = completion, .duration = duration};
}

base::Result<std::string> target_of(std::string_view uri, const std::string& run_id) {
  std::string target;
  const PlanOptions names{.file = "URI"};
  Problems problems(names);
  YamlNode node{.kind = YamlNode::Kind::Scalar, .path = "target"};
  node.text = uri;
  if (!read_base_uri(node, problems, target)) {
    const base::Error fault = problems.take_error();
    base::Error error{.code = fault.code, .what = fmt::format("cannot run on {}", quoted(uri)), .where = "the target"};
    error.likely.push_back(fault.what.substr(fault.what.find(": ") + 2));
    error.try_next = fault.try_next;
    return base::fail(
        std::move(error).add_try("sluice run /some/dir, or a URI with a known scheme and an absolute path"));
  }
  const bool has_parameters = target.find('?') != std::string::npos;
  return has_parameters ? target : target + "sluice-" + run_id + "/";
}

void add_datasets(model::RunPlan& plan, const model::SizeSpec& sizes, std::uint64_t budget) {
  const auto bytes = static_cast<double>(budget);
  plan.prepare.datasets.push_back(dataset(plan.target + "data/", sizes, bytes * kReadShare));
  plan.prepare.datasets.push_back(dataset(plan.target + "overwrite/", sizes, bytes * kOverwriteShare));
}

}  // namespace

base::Result<model::RunPlan> plan_for_uri(std::string_view uri, const DefaultPlanOptions& options) {
  using model::Completion;
  using model::OpKind;
  using model::StageType;
  model::RunPlan plan;
  plan.name = "sluice-" + options.run_id;
  plan.seed = options.seed;
  plan.remove_everything = true;
  SLUICE_TRY(plan.target, target_of(uri, options.run_id));
  if (is_unbuilt(plan.target)) plan.unbuilt.push_back({.feature = scheme_of(plan.target) + ":// targets"});

  const std::uint64_t budget = std::min(kBytesMax, options.free_bytes / kFreeDivisor);
  if (budget < kBytesMin) {
    base::Error error{.code = base::Code::ResourceExhausted,
                      .what = fmt::format("only {} are free, and a run without a plan takes 5 % of that at most",
                                          base::format_size(options.free_bytes)),
                      .where = std::string(uri)};
    return base::fail(std::move(error)
                          .add_likely("the file system is full, or is one that keeps no files, as /proc")
                          .add_try("make room, or write a plan that says how much it may take"));
  }
  const model::SizeSpec sizes = sizes_within(budget);
  // null:// has no objects to prepare: every key exists there.
  if (scheme_of(plan.target) != "null") {
    add_datasets(plan, sizes, budget);
    plan.stages.push_back(stage(StageType::Prepare, "prepare", Completion::TasksDone, base::Nanos{0}));
  }
  plan.workload.push_back({.kind = OpKind::Get, .path = "data/*", .weight = 60});
  plan.workload.push_back({.kind = OpKind::Put, .path = "overwrite/*", .weight = 25, .size = sizes});
  plan.workload.push_back({.kind = OpKind::Stat, .path = "data/*", .weight = 10});
  plan.workload.push_back({.kind = OpKind::List, .path = "data/", .weight = 5});
  plan.stages.push_back(stage(StageType::Execute, "execute", Completion::Duration, kDuration));
  plan.stages.push_back(stage(StageType::Cleanup, "cleanup", Completion::TasksDone, base::Nanos{0}));
  return plan;
}

}  // namespace sluice::config
