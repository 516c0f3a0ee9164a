#include "report/fold.hpp"

#include <algorithm>
#include <tuple>

namespace sluice::report {

namespace {

using model::Interval;
using model::OpStatsSet;
using model::StageSummary;
using model::Summary;

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

StageSummary& stage_of(Summary& summary, std::uint32_t stage) {
  // From the back: intervals nearly always belong to the newest stage.
  for (auto it = summary.stages.rbegin(); it != summary.stages.rend(); ++it) {
    if (it->started.stage == stage) return *it;
  }
  StageSummary& fresh = summary.stages.emplace_back();
  fresh.started.stage = stage;
  return fresh;
}

void merge(OpStatsSet& to, const OpStatsSet& from) {
  for (std::size_t i = 0; i < model::kOpKinds; ++i) {
    if (!from[i].empty()) to[i].merge(from[i]);
  }
}

model::ErrorSummary& errors_of(Summary& summary, model::ErrorKind kind, std::int64_t first_ns) {
  for (model::ErrorSummary& errors : summary.errors) {
    if (errors.kind == kind) return errors;
  }
  return summary.errors.emplace_back(model::ErrorSummary{.kind = kind, .first_ns = first_ns, .last_ns = first_ns});
}

std::uint64_t errors_of_kind(const OpStatsSet& ops, std::size_t kind) {
  std::uint64_t count = 0;
  for (const model::OpStats& op : ops) count += op.errors[kind];
  return count;
}

/// The times of one kind's errors in one interval: the samples' own where they are all of them, else its edges too.
void fold_errors_of_kind(Summary& summary, const Interval& interval, std::int64_t stage_at_ns, model::ErrorKind kind,
                         std::uint64_t count) {
  std::int64_t first = INT64_MAX;
  std::int64_t last = INT64_MIN;
  std::uint64_t sampled = 0;
  for (const model::ErrorSample& sample : interval.samples) {
    if (sample.kind != kind) continue;
    first = std::min(first, sample.at_ns);
    last = std::max(last, sample.at_ns);
    ++sampled;
  }
  if (sampled == 0) first = stage_at_ns + interval.from_ns;
  if (sampled < count) last = std::max(last, stage_at_ns + interval.to_ns);
  model::ErrorSummary& errors = errors_of(summary, kind, first);
  errors.count += count;
  errors.first_ns = std::min(errors.first_ns, first);
  errors.last_ns = std::max(errors.last_ns, last);
  for (const model::ErrorSample& sample : interval.samples) {
    if (sample.kind == kind && errors.examples.size() < kExamplesMax) errors.examples.push_back(sample);
  }
}

void fold_errors(Summary& summary, const Interval& interval, std::int64_t stage_at_ns) {
  for (std::size_t i = 0; i < model::kErrorKinds; ++i) {
    const std::uint64_t count = errors_of_kind(interval.ops, i);
    if (count == 0) continue;
    fold_errors_of_kind(summary, interval, stage_at_ns, static_cast<model::ErrorKind>(i), count);
  }
}

void widen_window(StageSummary& stage, const Interval& interval) {
  const std::int64_t to =
      std::max(interval.to_ns, stage.window_from_ns < 0 ? 0 : stage.window_from_ns + stage.window_ns);
  if (stage.window_from_ns < 0 || interval.from_ns < stage.window_from_ns) stage.window_from_ns = interval.from_ns;
  if (!stage.ended) stage.window_ns = to - stage.window_from_ns;
}

void fold_end(Summary& summary, const model::StageEnded& ended) {
  StageSummary& stage = stage_of(summary, ended.stage);
  stage.ended = ended;
  if (ended.window_ns > 0) stage.window_ns = ended.window_ns;
  stage.wall_ns = std::max<std::int64_t>(0, ended.at_ns - stage.started.at_ns);
}

}  // namespace

void fold(model::Summary& summary, const model::Interval& interval) {
  StageSummary& stage = stage_of(summary, interval.stage);
  if (interval.phase == model::Phase::Warmup) {
    merge(stage.warmup, interval.ops);
  } else {
    merge(stage.ops, interval.ops);
    merge_slowest(stage.slowest, interval.slowest);
  }
  if (interval.phase == model::Phase::Measured) {
    widen_window(stage, interval);
    stage.measured_cpu_s += interval.cpu_user_s + interval.cpu_system_s;
  }
  if (!stage.ended) stage.wall_ns = std::max(stage.wall_ns, interval.to_ns);
  stage.cpu_user_s += interval.cpu_user_s;
  stage.cpu_system_s += interval.cpu_system_s;
  stage.max_stall_ns = std::max(stage.max_stall_ns, interval.max_stall_ns);
  // A stage may do one thing after the other, and each begins at 0: the last one stands, with its own total.
  stage.done = interval.total == stage.total ? std::max(stage.done, interval.done) : interval.done;
  stage.total = interval.total;
  fold_errors(summary, interval, stage.started.at_ns);
}

void fold(model::Summary& summary, const model::Block& block) {
  std::visit(Overloaded{
                 [&](const model::RunStarted& run) {
                   summary.run = run;
                   summary.ended.reset();
                 },
                 [&](const model::StageStarted& started) {
                   StageSummary& stage = stage_of(summary, started.stage);
                   stage.started = started;
                   stage.ended.reset();
                 },
                 [&](const model::Interval& interval) { fold(summary, interval); },
                 [&](const model::StageEnded& ended) { fold_end(summary, ended); },
                 [&](const model::Note& note) { summary.notes.push_back(note.text); },
                 [&](const model::RunEnded& ended) { summary.ended = ended; },
                 [&](const model::OperationRecords& records) {
                   summary.op_log.records += records.records;
                   summary.op_log.bytes += records.chunk.size();
                   summary.op_log.lost += records.lost;
                 },
                 [](const model::TargetNames&) {},
             },
             block);
}

void merge_slowest(std::vector<model::SlowOp>& kept, const std::vector<model::SlowOp>& more) {
  if (more.empty()) return;
  kept.insert(kept.end(), more.begin(), more.end());
  std::sort(kept.begin(), kept.end(), [](const model::SlowOp& a, const model::SlowOp& b) {
    return std::tie(b.service_ns, a.at_ns, a.key) < std::tie(a.service_ns, b.at_ns, b.key);
  });
  if (kept.size() > kSlowestMax) kept.resize(kSlowestMax);
}

model::ClientCost client_cost(const model::Summary& summary) {
  if (summary.ended) return summary.ended->client;
  model::ClientCost cost;
  for (const StageSummary& stage : summary.stages) {
    cost.cpu_user_s += stage.cpu_user_s;
    cost.cpu_system_s += stage.cpu_system_s;
    cost.max_stall_ns = std::max(cost.max_stall_ns, stage.max_stall_ns);
  }
  return cost;
}

model::RunStatus status_of(const model::Summary& summary, LogState log) {
  if (summary.ended) return summary.ended->status;
  return log == LogState::Open ? model::RunStatus::Running : model::RunStatus::Interrupted;
}

model::RunStatus status_of(const model::StageSummary& stage, LogState log) {
  if (stage.ended) return stage.ended->status;
  return log == LogState::Open ? model::RunStatus::Running : model::RunStatus::Interrupted;
}

}  // namespace sluice::report
