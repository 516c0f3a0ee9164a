#include "app/results/run_list.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "app/results/run_choice.hpp"
#include "app/results_dir.hpp"
#include "journal/run_log.hpp"
#include "report/stats.hpp"

namespace sluice::app {

namespace {

using Json = nlohmann::json;

/// A field of a document that somebody may have edited.
template <class Value>
Value field(const Json& object, const char* name, Value otherwise) {
  if (!object.is_object()) return otherwise;
  const auto at = object.find(name);
  if (at == object.end()) return otherwise;
  if constexpr (std::is_same_v<Value, std::string>) {
    return at->is_string() ? at->template get<std::string>() : otherwise;
  } else {
    return at->is_number() ? at->template get<Value>() : otherwise;
  }
}

const Json& child(const Json& object, const char* name) {
  static const Json kNothing;
  if (!object.is_object()) return kNothing;
  const auto at = object.find(name);
  return at == object.end() ? kNothing : *at;
}

/// What a stage's rates and percentiles add to the run's.
struct LoadFold {
  double window_s = 0, count = 0, bytes = 0;
  std::uint64_t busiest = 0;

  void add_window(double seconds) { window_s += seconds; }
  void add(ListedRun& run, const std::string& operation, std::uint64_t ops, std::uint64_t p99_ns) {
    if (ops <= busiest) return;
    busiest = ops;
    run.operation = operation;
    run.p99_ns = p99_ns;
  }
  void finish(ListedRun& run) const {
    if (window_s <= 0) return;
    run.ops_per_s = count / window_s;
    run.bytes_per_s = bytes / window_s;
  }
};

bool is_load(const std::string& type) { return type == "execute" || type == "hybrid"; }

void add_stages(ListedRun& run, const Json& stages) {
  LoadFold fold;
  for (const Json& stage : stages) {
    run.duration_s = std::max(run.duration_s, field(stage, "started_s", 0.0) + field(stage, "wall_s", 0.0));
    if (!is_load(field<std::string>(stage, "type", ""))) continue;
    fold.add_window(field(stage, "window_s", 0.0));
    for (const Json& operation : child(stage, "operations")) {
      fold.count += field(operation, "window_count", 0.0);
      fold.bytes += field(operation, "window_bytes", 0.0);
      fold.add(run, field<std::string>(operation, "operation", ""), field(operation, "count", std::uint64_t{0}),
               field(child(operation, "service_ns"), "p99", std::uint64_t{0}));
    }
  }
  fold.finish(run);
}

std::optional<ListedRun> from_document(const std::string& text) {
  const Json document = Json::parse(text, nullptr, false);
  const Json& said = child(document, "run");
  if (field<std::string>(document, "schema", "") != "sluice.summary/1" || !said.is_object()) return std::nullopt;
  ListedRun run{.plan = field<std::string>(said, "plan", ""),
                .id = field<std::string>(said, "id", ""),
                .target = field<std::string>(said, "target", ""),
                .status = field<std::string>(said, "status", "unreadable")};
  run.started = parse_utc(field<std::string>(said, "started", "")).value_or(base::WallTime{});
  add_stages(run, child(document, "stages"));
  if (const auto ended = parse_utc(field<std::string>(said, "ended", ""))) {
    run.duration_s = static_cast<double>(ended->ns - run.started.ns) / 1e9;
  }
  for (const Json& error : child(document, "errors")) run.errors += field(error, "count", std::uint64_t{0});
  return run;
}

std::optional<ListedRun> from_log(const std::string& dir) {
  model::Summary summary;
  const auto read =
      journal::read_run_log(dir, [&](std::string_view, model::Block&& block) { report::fold(summary, block); });
  if (!read || read->blocks == 0) return std::nullopt;
  return listed_run(summary, report::LogState::Open);
}

}  // namespace

ListedRun listed_run(const model::Summary& summary, report::LogState log) {
  ListedRun run{.started = summary.run.at,
                .plan = summary.run.plan_name,
                .id = summary.run.run_id,
                .target = summary.run.target,
                .status = std::string(name_of(report::status_of(summary, log)))};
  LoadFold fold;
  for (const model::StageSummary& stage : summary.stages) {
    run.duration_s = std::max(run.duration_s, static_cast<double>(stage.started.at_ns + stage.wall_ns) / 1e9);
    if (!model::is_load(stage.started.type)) continue;
    fold.add_window(static_cast<double>(stage.window_ns) / 1e9);
    for (std::size_t i = 0; i < model::kOpKinds; ++i) {
      const model::OpStats& stats = stage.ops[i];
      fold.count += static_cast<double>(stats.window_count);
      fold.bytes += static_cast<double>(stats.window_bytes);
      if (stats.count > fold.busiest) {
        fold.add(run, std::string(name_of(static_cast<model::OpKind>(i))), stats.count, stats.service().quantile(0.99));
      }
    }
  }
  fold.finish(run);
  if (summary.ended) run.duration_s = static_cast<double>(summary.ended->at_ns) / 1e9;
  for (const model::ErrorSummary& errors : summary.errors) run.errors += errors.count;
  return run;
}

ListedRun listed_run(const std::string& dir) {
  const auto text = read_file(dir + "/summary.json");
  std::optional<ListedRun> run = text ? from_document(*text) : std::nullopt;
  if (!run) run = from_log(dir);
  if (!run) run = ListedRun{.id = run_id_of(dir), .status = "unreadable"};
  if (run->status == "running" && !is_being_written(dir)) run->status = "killed";
  run->dir = dir;
  return std::move(*run);
}

}  // namespace sluice::app
