#include "app/results/follow_text.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/units.hpp"
#include "report/error_json.hpp"
#include "report/plain_text.hpp"

namespace sluice::app {

namespace {

double seconds(std::int64_t ns) { return static_cast<double>(ns) / 1e9; }

std::string duration(std::uint64_t ns) { return base::format_duration(base::Nanos{static_cast<std::int64_t>(ns)}); }

struct Rates {
  double ops = 0, bytes = 0;
};

Rates rates(const model::OpStats& stats, const model::Interval& interval) {
  const double window = seconds(interval.to_ns - interval.from_ns);
  if (window <= 0) return {};
  return {.ops = static_cast<double>(stats.count) / window, .bytes = static_cast<double>(stats.bytes) / window};
}

}  // namespace

std::string FollowText::name_of_stage(std::uint32_t stage) const {
  const auto at = stages_.find(stage);
  return at == stages_.end() ? fmt::format("stage {}", stage + 1) : at->second.name;
}

std::string FollowText::event(const char* name, std::int64_t at_ns, const std::string& words, const Json& more) const {
  if (json_) {
    Json line{{"event", name}, {"t_s", seconds(at_ns)}};
    line.update(more);
    return line_text(line);
  }
  return fmt::format("{:9.3f} s  {}\n", seconds(at_ns), words);
}

std::string FollowText::remark(const char* event_name, const std::string& words) const {
  return json_ ? line_text({{"event", event_name}, {"text", words}}) : "           " + words + "\n";
}

std::string FollowText::of(const model::Interval& interval) {
  std::string text;
  const auto at = stages_.find(interval.stage);
  const std::int64_t end_ns = (at == stages_.end() ? 0 : at->second.at_ns) + interval.to_ns;
  const std::string stage = name_of_stage(interval.stage);
  for (std::size_t i = 0; i < model::kOpKinds; ++i) {
    const model::OpStats& stats = interval.ops[i];
    if (stats.empty()) continue;
    const std::string_view operation = name_of(static_cast<model::OpKind>(i));
    const Rates per_second = rates(stats, interval);
    const model::Histogram service = stats.service();
    const std::uint64_t p50 = service.quantile(0.5), p99 = service.quantile(0.99);
    if (json_) {
      text += line_text({{"event", "interval"},
                         {"t_s", seconds(end_ns)},
                         {"stage", stage},
                         {"stage_index", interval.stage + 1},
                         {"phase", name_of(interval.phase)},
                         {"window_s", seconds(interval.to_ns - interval.from_ns)},
                         {"operation", operation},
                         {"count", stats.count},
                         {"bytes", stats.bytes},
                         {"ops_per_s", per_second.ops},
                         {"bytes_per_s", per_second.bytes},
                         {"p50_ns", p50},
                         {"p99_ns", p99},
                         {"errors", stats.error_count()}});
      continue;
    }
    const std::string bytes =
        stats.bytes == 0
            ? "-"
            : base::format_size(static_cast<std::uint64_t>(std::clamp(per_second.bytes, 0.0, 1e18))) + "/s";
    text += fmt::format("{:9.3f} s  {:<12} {:<7} {:>9} {:>12}  p50 {:>8}  p99 {:>8}  {} errors{}\n", seconds(end_ns),
                        report::one_line(stage), operation, base::format_si(per_second.ops) + "/s", bytes,
                        stats.count == 0 ? "-" : duration(p50), stats.count == 0 ? "-" : duration(p99),
                        base::format_count(stats.error_count()),
                        interval.phase == model::Phase::Measured ? "" : fmt::format("  ({})", name_of(interval.phase)));
  }
  return text;
}

std::string FollowText::of(const model::Block& block) {
  if (const auto* interval = std::get_if<model::Interval>(&block)) return of(*interval);
  if (const auto* run = std::get_if<model::RunStarted>(&block)) {
    ended_.reset();  // a run that was resumed goes on
    return event(
        "run_started", 0,
        fmt::format("run {} of {} begins: {}", report::one_line(run->run_id), report::one_line(run->plan_name),
                    report::one_line(run->target)),
        {{"run", run->run_id}, {"plan", run->plan_name}, {"target", run->target}, {"at", base::to_iso8601(run->at)}});
  }
  if (const auto* stage = std::get_if<model::StageStarted>(&block)) {
    // It comes a second time when its workers are known.
    const bool is_told = std::exchange(stages_[stage->stage], Stage{stage->name, stage->at_ns, true}).is_told;
    if (is_told) return {};
    return event("stage_started", stage->at_ns, "stage " + report::one_line(stage->name) + " begins",
                 {{"stage", stage->name}, {"stage_index", stage->stage + 1}, {"type", name_of(stage->type)}});
  }
  if (const auto* ended = std::get_if<model::StageEnded>(&block)) {
    const std::string name = name_of_stage(ended->stage);
    std::string words = fmt::format("stage {} ends: {}", report::one_line(name), name_of(ended->status));
    if (ended->error) words += ": " + report::one_line(ended->error->what);
    return event("stage_ended", ended->at_ns, words,
                 {{"stage", name},
                  {"stage_index", ended->stage + 1},
                  {"status", name_of(ended->status)},
                  {"error", report::error_json(ended->error)}});
  }
  if (const auto* note = std::get_if<model::Note>(&block)) {
    return event("note", note->at_ns, "note: " + report::one_line(note->text), {{"text", note->text}});
  }
  if (const auto* end = std::get_if<model::RunEnded>(&block)) return of(*end);
  return {};  // operation records: their figures are in the intervals
}

std::string FollowText::of(const model::RunEnded& end) {
  ended_ = end.status;
  return event("run_ended", end.at_ns, fmt::format("the run ends: {}", name_of(end.status)),
               {{"status", name_of(end.status)}, {"error", report::error_json(end.error)}});
}

}  // namespace sluice::app
