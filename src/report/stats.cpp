#include "report/stats.hpp"

namespace sluice::report {

namespace {

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Rates rates_of(const model::OpStats& stats, std::int64_t window_ns) {
  if (window_ns <= 0) return {};
  const double seconds = static_cast<double>(window_ns) / 1e9;
  return {.ops_per_s = static_cast<double>(stats.window_count) / seconds,
          .bytes_per_s = static_cast<double>(stats.window_bytes) / seconds};
}

Rates class_rates_of(const model::OpStats& stats, const model::SizeClassStats& in_class, std::int64_t window_ns) {
  const Rates all = rates_of(stats, window_ns);
  return {.ops_per_s = all.ops_per_s * share(in_class.count, stats.count),
          .bytes_per_s = all.bytes_per_s * share(in_class.bytes, stats.bytes)};
}

model::OpStats load_stats(const model::Summary& summary, std::optional<model::OpKind> kind) {
  model::OpStats merged;
  for (const model::StageSummary& stage : summary.stages) {
    if (!model::is_load(stage.started.type)) continue;
    for (std::size_t i = 0; i < model::kOpKinds; ++i) {
      if (!kind || static_cast<std::size_t>(*kind) == i) merged.merge(stage.ops[i]);
    }
  }
  return merged;
}

std::int64_t load_window_ns(const model::Summary& summary) {
  std::int64_t window_ns = 0;
  for (const model::StageSummary& stage : summary.stages) {
    if (model::is_load(stage.started.type)) window_ns += stage.window_ns;
  }
  return window_ns;
}

model::OpStats all_operations(const model::OpStatsSet& set) {
  model::OpStats merged;
  for (const model::OpStats& stats : set) merged.merge(stats);
  return merged;
}

}  // namespace sluice::report
