#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/units.hpp"
#include "config/reading.hpp"
#include "config/uri.hpp"
#include "config/yaml_writer.hpp"

namespace sluice::config {

namespace {

using model::Stage;
using model::StageType;

constexpr base::Nanos kLeaseMargin{1'000'000'000};

void check_stages_have_work(const Reading& reading) {
  const model::RunPlan& plan = reading.plan;
  Problems& problems = reading.problems;
  if (plan.stages.empty()) {
    problems.add(Position{1, 1}, "", "the plan does nothing: it has no workload, no prepare and no stages")
        .add_likely("workload is left out, or its indentation puts it into another section")
        .add_try("workload: [{op: get, path: \"data/*\", weight: 100}]");
  }
  for (const Stage& stage : plan.stages) {
    const Position at{stage.line, 1};
    const std::string path = "stage " + stage.name;
    if (is_load(stage.type) && plan.workload.empty()) {
      problems.add(at, path, fmt::format("stage {} is to execute, and the plan has no workload", quoted(stage.name)))
          .add_likely("workload is left out, or its indentation puts it into another section")
          .add_try("workload: [{op: get, path: \"data/*\", weight: 100}]");
    }
    if (stage.type == StageType::Prepare && plan.prepare.datasets.empty()) {
      problems.add(at, path, fmt::format("stage {} is to prepare, and the plan prepares nothing", quoted(stage.name)))
          .add_try("prepare: {ensure_objects: [...]}, or remove the stage");
    }
  }
}

void warn_of_left_over(const Reading& reading) {
  const model::RunPlan& plan = reading.plan;
  const auto has = [&](StageType type) {
    return std::ranges::any_of(plan.stages, [&](const Stage& stage) { return stage.type == type; });
  };
  if (reading.cleanup && !has(StageType::Cleanup)) {
    reading.problems.warn(reading.cleanup_at,
                          "cleanup is true, but no stage of the list cleans up: what is prepared stays");
  }
  if (!plan.workload.empty() && std::ranges::none_of(plan.stages, model::is_load, &model::Stage::type)) {
    reading.problems.warn(reading.workload_at, "no stage of the list executes the workload");
  }
  for (const Stage& stage : plan.stages) {
    const base::Nanos lasts = stage.duration + plan.warmup;
    if (stage.type != StageType::Execute || !stage.timeout || *stage.timeout >= lasts) continue;
    reading.problems.warn(
        {stage.line, 1}, fmt::format("stage {} is to last {}, warm-up included, and its timeout_secs fails it after {}",
                                     quoted(stage.name), exact_duration(lasts), exact_duration(*stage.timeout)));
  }
  for (const model::Operation& operation : plan.workload) {
    const std::uint32_t cap = operation.concurrency.value_or(0);
    if (cap <= plan.concurrency) continue;
    reading.problems.warn({operation.line, 1},
                          fmt::format("concurrency {} of {} is above the plan's {} and caps nothing", cap,
                                      model::name_of(operation.kind), plan.concurrency));
  }
}

bool uses_local_files(const model::RunPlan& plan, const model::Distributed& distributed) {
  const auto local = [](const auto& uri) { return is_local_files(uri); };
  return local(plan.target) || std::ranges::any_of(plan.workload, local, &model::Operation::path) ||
         std::ranges::any_of(plan.prepare.datasets, local, &model::Dataset::base_uri) ||
         std::ranges::any_of(distributed.agents, local, &model::AgentSpec::target_override);
}

void check_lease(const Reading& reading, base::Nanos lease, std::string_view what, base::Nanos lost_after) {
  if (lease + kLeaseMargin < lost_after) return;
  reading.problems
      .add(
          reading.lease_at, "distributed.controller_lease",
          fmt::format(
              "controller_lease {} plus 1 s is not below {}, {}: a lost agent must have stopped before the run goes on",
              exact_duration(lease), what, exact_duration(lost_after)))
      .add_try(fmt::format("make controller_lease shorter than {}, or agents count as lost later",
                           exact_duration(std::max(lost_after - kLeaseMargin, base::Nanos{0}))));
}

/// The effective times inside each kind of stage: barrier figures take the place of the agent_* keys there.
void check_barriers(const Reading& reading, const model::Distributed& distributed) {
  const model::BarrierSync& sync = distributed.barrier_sync;
  if (!sync.enabled || !reading.has_explicit_stages) return;
  const std::array<std::pair<std::string_view, const model::BarrierFigures*>, 5> phases = {{
      {"prepare", &sync.prepare},
      {"execute", &sync.execute},
      {"cleanup", &sync.cleanup},
      {"validation", &sync.validation},
      {"custom", &sync.custom},
  }};
  for (const auto& [name, figures] : phases) {
    check_lease(reading, distributed.controller_lease,
                fmt::format("the lost-after of {} stages (heartbeat_interval x missed_threshold + query_timeout x "
                            "(query_retries + 1))",
                            name),
                figures->lost_after());
    if (!reading.problems.empty()) return;
  }
  for (const Stage& stage : reading.plan.stages) {
    if (stage.barrier)
      check_lease(reading, distributed.controller_lease, "the lost-after of stage " + quoted(stage.name),
                  stage.barrier->lost_after());
  }
}

void check_distributed(const Reading& reading, const model::Distributed& distributed) {
  if (distributed.agents.size() >= 2 && !reading.says_shared_filesystem &&
      uses_local_files(reading.plan, distributed)) {
    reading.problems
        .add(reading.distributed_at, "distributed.shared_filesystem",
             "shared_filesystem is missing: with two or more agents on file:// or direct:// it must be said")
        .add_likely("the line was left out; a wrong guess would prepare too little or delete too much")
        .add_try("shared_filesystem: true where all agents see the same files, false where each has its own");
  }
  if (distributed.agent_silent_after >= distributed.agent_lost_after) {
    reading.problems.add(
        reading.distributed_at, "distributed.agent_silent_after",
        fmt::format("agent_silent_after {} is not below agent_lost_after {}",
                    exact_duration(distributed.agent_silent_after), exact_duration(distributed.agent_lost_after)));
  }
  check_lease(reading, distributed.controller_lease, "agent_lost_after", distributed.agent_lost_after);
  if (reading.problems.empty()) check_barriers(reading, distributed);
}

}  // namespace

void check_whole(Reading& reading) {
  check_stages_have_work(reading);
  if (reading.plan.distributed) check_distributed(reading, *reading.plan.distributed);
  if (reading.problems.empty()) warn_of_left_over(reading);
}

}  // namespace sluice::config
