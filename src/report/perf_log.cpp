#include "report/perf_log.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "report/plain_text.hpp"

namespace sluice::report {

namespace {

constexpr std::array<std::string_view, 3> kGroupNames = {"get", "put", "meta"};

double us(double ns) { return ns / 1e3; }
double us(std::uint64_t ns) { return us(static_cast<double>(ns)); }

}  // namespace

PerfLog::PerfLog(const std::string& agent_id, base::Nanos interval)
    : agent_id_(one_line(agent_id)), interval_ns_(interval.count()) {
  SLUICE_ASSERT(interval_ns_ > 0);
}

std::string PerfLog::header() {
  std::string text = "agent_id\ttimestamp_epoch_ms\telapsed_s\tstage";
  for (const std::string_view group : kGroupNames) {
    text +=
        fmt::format("\t{0}_ops\t{0}_bytes\t{0}_iops\t{0}_mbps\t{0}_mean_us\t{0}_p50_us\t{0}_p90_us\t{0}_p99_us", group);
  }
  return text + "\tcpu_user_pct\tcpu_system_pct\tcpu_iowait_pct\terrors\tis_warmup\n";
}

std::string PerfLog::add(const model::Block& block) {
  if (const auto* run = std::get_if<model::RunStarted>(&block)) {
    run_at_ = run->at;
  } else if (const auto* started = std::get_if<model::StageStarted>(&block)) {
    OpenStage& stage = stages_[started->stage];
    stage.name = one_line(started->name);
    stage.at_ns = started->at_ns;
  } else if (const auto* interval = std::get_if<model::Interval>(&block)) {
    return add(*interval);
  } else if (const auto* ended = std::get_if<model::StageEnded>(&block)) {
    const auto stage = stages_.find(ended->stage);
    if (stage != stages_.end()) return flush(stage->second, INT64_MAX);
  }
  return {};
}

std::string PerfLog::finish() {
  std::string text;
  for (auto& [index, stage] : stages_) text += flush(stage, INT64_MAX);
  return text;
}

std::string PerfLog::add(const model::Interval& interval) {
  OpenStage& stage = stages_[interval.stage];
  // The last nanosecond decides: an interval that ends on the boundary belongs to the second before it.
  const std::int64_t second = std::max<std::int64_t>(0, interval.to_ns - 1) / interval_ns_;
  std::string complete = flush(stage, second);

  const bool warmup = interval.phase == model::Phase::Warmup;
  Row& row = stage.rows[{second, !warmup}];
  row.warmup = warmup;
  row.from_ns = std::min(row.from_ns, interval.from_ns);
  row.to_ns = std::max(row.to_ns, interval.to_ns);
  row.cpu_user_s += interval.cpu_user_s;
  row.cpu_system_s += interval.cpu_system_s;
  row.iowait_share = std::max(row.iowait_share, interval.iowait_share);
  for (std::size_t i = 0; i < model::kOpKinds; ++i) {
    const model::OpStats& stats = interval.ops[i];
    if (stats.empty()) continue;
    const model::Direction direction = direction_of(static_cast<model::OpKind>(i));
    const Group group = direction == model::Direction::In ? kGet : (direction == model::Direction::Out ? kPut : kMeta);
    row.groups[group].ops += stats.count;
    row.groups[group].bytes += stats.bytes;
    row.groups[group].service.merge(stats.service());
    row.errors += stats.error_count();
  }
  return complete;
}

std::string PerfLog::flush(OpenStage& stage, std::int64_t before_second) {
  std::string text;
  const auto end = stage.rows.lower_bound({before_second, false});
  for (auto row = stage.rows.begin(); row != end; row = stage.rows.erase(row)) text += text_of(stage, row->second);
  return text;
}

std::string PerfLog::text_of(const OpenStage& stage, const Row& row) const {
  const double seconds = static_cast<double>(std::max<std::int64_t>(1, row.to_ns - row.from_ns)) / 1e9;
  const std::int64_t end_ns = stage.at_ns + row.to_ns;
  std::string text = fmt::format("{}\t{}\t{:.3f}\t{}", agent_id_, (run_at_.ns + end_ns) / 1'000'000,
                                 static_cast<double>(end_ns) / 1e9, stage.name);
  for (const GroupStats& group : row.groups) {
    text +=
        fmt::format("\t{}\t{}\t{:.1f}\t{:.2f}\t{:.3f}\t{:.3f}\t{:.3f}\t{:.3f}", group.ops, group.bytes,
                    static_cast<double>(group.ops) / seconds, static_cast<double>(group.bytes) / seconds / 1048576.0,
                    us(group.service.mean()), us(group.service.quantile(0.50)), us(group.service.quantile(0.90)),
                    us(group.service.quantile(0.99)));
  }
  return text + fmt::format("\t{:.1f}\t{:.1f}\t{:.1f}\t{}\t{}\n", 100 * row.cpu_user_s / seconds,
                            100 * row.cpu_system_s / seconds, 100 * row.iowait_share, row.errors, row.warmup ? 1 : 0);
}

std::string perf_log(std::span<const model::Block> blocks, const std::string& agent_id, base::Nanos interval) {
  PerfLog log(agent_id, interval);
  std::string text = PerfLog::header();
  for (const model::Block& block : blocks) text += log.add(block);
  return text + log.finish();
}

}  // namespace sluice::report
