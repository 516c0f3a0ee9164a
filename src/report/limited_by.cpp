#include "report/limited_by.hpp"

#include <algorithm>

#include "report/stats.hpp"

namespace sluice::report {

namespace {

constexpr double kRateReached = 0.98;
constexpr double kCpuSpent = 0.90;
constexpr double kHeldBack = 0.10;

/// CPU seconds used in the windows, and those that could have been used.
struct CpuUse {
  double used_s = 0;
  double usable_s = 0;
};

CpuUse cpu_use(const model::Summary& summary) {
  CpuUse use;
  for (const model::StageSummary& stage : summary.stages) {
    if (!model::is_load(stage.started.type)) continue;
    std::uint32_t threads = 0;
    for (const model::WorkerInfo& worker : stage.started.workers) threads += worker.threads;
    const std::uint32_t cores = std::max(summary.run.host.cores, 1U);
    const std::uint32_t usable = threads == 0 ? cores : std::min(threads, cores);
    use.used_s += stage.measured_cpu_s;
    use.usable_s += usable * static_cast<double>(stage.window_ns) / 1e9;
  }
  return use;
}

}  // namespace

std::string limited_by(const model::Summary& summary, const LimitInputs& inputs) {
  const std::int64_t window_ns = load_window_ns(summary);
  if (inputs.error_budget_spent) return "error budget";
  if (window_ns <= 0) return "";
  const auto held_back_ns = static_cast<double>(inputs.held_back.count());
  if (held_back_ns >= kHeldBack * static_cast<double>(window_ns)) return "error budget";
  const double reached = rates_of(load_stats(summary, std::nullopt), window_ns).ops_per_s;
  if (inputs.iops_wanted > 0 && reached >= kRateReached * inputs.iops_wanted) return "rate";
  const std::string& target = summary.run.target;
  if (target.starts_with("null://") && target.find("latency=") == std::string::npos) return "client CPU";
  const CpuUse cpu = cpu_use(summary);
  return cpu.used_s >= kCpuSpent * cpu.usable_s ? "client CPU" : "storage";
}

}  // namespace sluice::report
