#include "app/validate_command.hpp"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "app/backends.hpp"
#include "app/plan_loading.hpp"
#include "app/run_sink.hpp"
#include "app/session.hpp"
#include "base/units.hpp"
#include "load/preflight.hpp"
#include "load/stage_host.hpp"
#include "protocol/exit_code.hpp"
#include "report/validation_json.hpp"

namespace sluice::app {

namespace {

std::string describe(const model::Stage& stage) {
  std::string text = fmt::format("  {:<20} {}", stage.name, name_of(stage.type));
  if (stage.type == model::StageType::Execute || stage.type == model::StageType::Hybrid) {
    text += stage.expected_tasks ? fmt::format(", {} operations or {}", base::format_count(*stage.expected_tasks),
                                               base::format_duration(stage.duration))
                                 : fmt::format(", {}", base::format_duration(stage.duration));
  }
  if (stage.type == model::StageType::Custom) text += ", " + stage.command;
  if (stage.optional) text += ", optional";
  return text + "\n";
}

std::string describe(const load::PreparedSet& set) {
  std::string text = fmt::format("  {}: {} objects, {} on average", set.uri(), base::format_count(set.files().count()),
                                 base::format_size(static_cast<std::uint64_t>(set.sizes().mean())));
  if (const auto& tree = set.spec().tree) {
    text += fmt::format(", in {} directories (width {}, depth {}, {} files in each)",
                        base::format_count(set.directories()->count()), tree->width, tree->depth,
                        base::format_count(tree->files_per_dir));
  }
  return text + "\n";
}

std::string describe(const model::RunPlan& plan, const load::RunContext& context) {
  std::string text =
      fmt::format("plan {}: target {}, concurrency {}, seed {}\n", plan.name,
                  plan.target.empty() ? "(each path its own)" : plan.target, plan.concurrency, plan.seed);
  if (!context.sets.empty()) text += "datasets:\n";
  for (const auto& set : context.sets) text += describe(*set);
  if (!plan.workload.empty()) text += "workload:\n";
  for (const model::Operation& operation : plan.workload) {
    text += fmt::format("  {:<6} {:<30} weight {}\n", name_of(operation.kind), operation.path, operation.weight);
  }
  text += "stages:\n";
  for (const model::Stage& stage : plan.stages) text += describe(stage);
  return text;
}

std::string in_one_line(const base::Error& error) {
  return error.where.empty() ? error.what : fmt::format("{} ({})", error.what, error.where);
}

/// Looks at the targets where they can be had; what is wrong with them is a warning, for the plan may be for another
/// host.
report::Validation look(load::RunContext& context) {
  report::Validation found{.warnings = context.plan.warnings};
  auto warn = [&found](const base::Error& error) { found.warnings.push_back(in_one_line(error)); };
  if (auto targets = load::open_targets(context); !targets) {
    if (targets.error().code == base::Code::InvalidArgument) {
      found.valid = false;
      found.problems.push_back(in_one_line(targets.error()));
    } else {
      warn(targets.error());
    }
    return found;
  }
  base::Result<load::Preflight> preflight = load::look_ahead(context);
  if (!preflight) {
    warn(preflight.error());
    return found;
  }
  found.headline = preflight->headline();
  for (const load::Preflight::Finding& finding : preflight->findings) warn(finding.detail);
  return found;
}

std::string to_text(const model::RunPlan& plan, const load::RunContext& context, const report::Validation& found) {
  std::string text = describe(plan, context);
  for (const std::string& problem : found.problems) text += "error: " + problem + "\n";
  for (const std::string& warning : found.warnings) text += "warning: " + warning + "\n";
  if (!found.headline.empty()) text += "preflight: " + found.headline + "\n";
  for (const model::Unbuilt& unbuilt : plan.unbuilt) {
    text += fmt::format("not run by this version: {}{}\n", unbuilt.feature,
                        unbuilt.line > 0 ? fmt::format(" (line {})", unbuilt.line) : "");
  }
  return text + (found.valid ? "the plan is valid\n" : "the plan is not valid\n");
}

/// A plan that could not be read: with --json the complaints are in a document of the same shape.
int refuse(const base::Error& error, RunOptions options) {
  if (std::exchange(options.json, false)) {
    report::Validation found{.valid = false, .problems = {error.what}};
    found.problems.insert(found.problems.end(), error.also.begin(), error.also.end());
    const std::string text = report::validation_json({}, found);
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  return report_error(error, options, protocol::kExitBadUsage);
}

}  // namespace

int validate_command(const RunOptions& options) {
  base::Result<LoadedPlan> loaded = load_plan(options, "validate", false);
  if (!loaded) return refuse(loaded.error(), options);
  const model::RunPlan& plan = loaded->plan;
  RunSink sink(nullptr, plan.perf_interval, nullptr);
  load::RunContext context(plan, "validate", [](const std::string& uri) { return open_backend(uri, false); }, sink);
  const report::Validation found = look(context);
  const std::string text = options.json ? report::validation_json(plan, found) : to_text(plan, context, found);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return found.valid ? protocol::kExitDone : protocol::kExitBadUsage;
}

}  // namespace sluice::app
