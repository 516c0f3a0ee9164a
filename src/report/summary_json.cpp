#include "report/summary_json.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

#include "report/error_json.hpp"
#include "report/stats.hpp"

namespace sluice::report {

namespace {

using Json = nlohmann::ordered_json;
using model::StageSummary;
using model::Summary;

double seconds(std::int64_t ns) { return static_cast<double>(ns) / 1e9; }
double milliseconds(std::int64_t ns) { return static_cast<double>(ns) / 1e6; }
double finite(double value) { return std::isfinite(value) ? value : 0.0; }
/// Processor time is counted in microseconds; sums of it have digits that mean nothing.
double to_microsecond(double seconds) { return finite(std::round(seconds * 1e6) / 1e6); }
double rounded(double value) { return finite(std::round(value * 1000) / 1000); }

std::string utc(const Summary& summary, std::int64_t at_ns) { return base::to_iso8601({summary.run.at.ns + at_ns}); }

Json percentiles_json(const model::Histogram& histogram) {
  Json entry;
  entry["min"] = histogram.min();
  entry["mean"] = rounded(histogram.mean());
  entry["p50"] = histogram.quantile(0.50);
  entry["p90"] = histogram.quantile(0.90);
  entry["p95"] = histogram.quantile(0.95);
  entry["p99"] = histogram.quantile(0.99);
  entry["p999"] = histogram.quantile(0.999);
  entry["p9999"] = histogram.quantile(0.9999);
  entry["max"] = histogram.max();
  return entry;
}

Json errors_by_kind(const model::OpStats& stats) {
  Json kinds = Json::object();
  for (std::size_t i = 0; i < model::kErrorKinds; ++i) {
    if (stats.errors[i] != 0) kinds[std::string(name_of(static_cast<model::ErrorKind>(i)))] = stats.errors[i];
  }
  return kinds;
}

Json size_classes(const model::OpStats& stats) {
  Json classes = Json::array();
  for (std::size_t i = 0; i < model::kSizeClasses; ++i) {
    const auto& in_class = stats.classes[i];
    if (in_class == nullptr || in_class->count == 0) continue;
    Json entry;
    entry["size_class"] = model::size_class_name(i);
    entry["count"] = in_class->count;
    entry["bytes"] = in_class->bytes;
    entry["service_ns"] = percentiles_json(in_class->service);
    if (in_class->response.count() > 0) entry["response_ns"] = percentiles_json(in_class->response);
    classes.push_back(std::move(entry));
  }
  return classes;
}

Json counts_json(model::OpKind kind, const model::OpStats& stats) {
  Json entry;
  entry["operation"] = name_of(kind);
  entry["count"] = stats.count;
  entry["bytes"] = stats.bytes;
  entry["errors"] = stats.error_count();
  entry["errors_by_kind"] = errors_by_kind(stats);
  entry["retries"] = stats.retries;
  entry["starved"] = stats.starved;
  entry["unstarted"] = stats.unstarted;
  return entry;
}

void add_latencies(Json& entry, const model::OpStats& stats) {
  entry["service_ns"] = percentiles_json(stats.service());
  const model::Histogram response = stats.response();
  if (response.count() > 0) entry["response_ns"] = percentiles_json(response);
  if (stats.unstarted > 0) entry["percentiles_are_lower_bounds"] = true;
}

Json operation_json(model::OpKind kind, const model::OpStats& stats, std::int64_t window_ns) {
  Json entry = counts_json(kind, stats);
  const Rates rates = rates_of(stats, window_ns);
  entry["window_count"] = stats.window_count;
  entry["window_bytes"] = stats.window_bytes;
  entry["ops_per_s"] = rounded(rates.ops_per_s);
  entry["bytes_per_s"] = rounded(rates.bytes_per_s);
  add_latencies(entry, stats);
  entry["size_classes"] = size_classes(stats);
  return entry;
}

Json warmup_operation_json(model::OpKind kind, const model::OpStats& stats) {
  Json entry = counts_json(kind, stats);
  add_latencies(entry, stats);
  return entry;
}

/// The run's error; where its end does not give one, that of the last stage that failed.
std::optional<base::Error> run_error(const Summary& summary) {
  if (!summary.ended) return std::nullopt;
  if (summary.ended->error || summary.ended->status != model::RunStatus::Failed) return summary.ended->error;
  for (auto stage = summary.stages.rbegin(); stage != summary.stages.rend(); ++stage) {
    if (const auto& ended = stage->ended; ended && ended->error) return ended->error;
  }
  return std::nullopt;
}

Json run_json(const Summary& summary, LogState log) {
  const model::RunStarted& run = summary.run;
  Json host;
  host["hostname"] = run.host.hostname;
  host["kernel"] = run.host.kernel;
  host["cpu_model"] = run.host.cpu_model;
  host["cores"] = run.host.cores;
  host["memory_bytes"] = run.host.memory_bytes;
  Json entry;
  entry["id"] = run.run_id;
  entry["plan"] = run.plan_name;
  entry["target"] = run.target;
  entry["started"] = base::to_iso8601(run.at);
  entry["ended"] = summary.ended ? Json(base::to_iso8601(summary.ended->at)) : Json(nullptr);
  entry["status"] = name_of(status_of(summary, log));
  entry["seed"] = run.seed;
  entry["version"] = run.version;
  entry["host"] = std::move(host);
  return entry;
}

Json workers_json(const std::vector<model::WorkerInfo>& workers) {
  Json entries = Json::array();
  for (const model::WorkerInfo& worker : workers) {
    Json entry;
    entry["kind"] = worker.kind;
    entry["threads"] = worker.threads;
    entry["in_flight"] = worker.in_flight;
    entry["why"] = worker.why;
    entries.push_back(std::move(entry));
  }
  return entries;
}

Json slowest_json(const Summary& summary, const StageSummary& stage) {
  Json entries = Json::array();
  for (const model::SlowOp& slow : stage.slowest) {
    Json entry;
    entry["operation"] = name_of(slow.kind);
    entry["key"] = slow.key;
    entry["host"] = summary.run.host.hostname;
    entry["service_ns"] = slow.service_ns;
    entry["bytes"] = slow.bytes;
    entry["at"] = utc(summary, slow.at_ns);
    entries.push_back(std::move(entry));
  }
  return entries;
}

Json operations_json(const StageSummary& stage) {
  Json entries = Json::array();
  for (std::size_t i = 0; i < model::kOpKinds; ++i) {
    if (stage.ops[i].empty()) continue;
    entries.push_back(operation_json(static_cast<model::OpKind>(i), stage.ops[i], stage.window_ns));
  }
  return entries;
}

Json warmup_json(const StageSummary& stage) {
  Json operations = Json::array();
  for (std::size_t i = 0; i < model::kOpKinds; ++i) {
    if (stage.warmup[i].empty()) continue;
    operations.push_back(warmup_operation_json(static_cast<model::OpKind>(i), stage.warmup[i]));
  }
  return {{"operations", std::move(operations)}};
}

Json stage_json(const Summary& summary, const StageSummary& stage, LogState log) {
  Json entry;
  entry["name"] = stage.started.name;
  entry["type"] = name_of(stage.started.type);
  entry["status"] = name_of(status_of(stage, log));
  entry["started_s"] = seconds(stage.started.at_ns);
  entry["wall_s"] = seconds(stage.wall_ns);
  entry["window_s"] = seconds(stage.window_ns);
  entry["cpu_user_s"] = to_microsecond(stage.cpu_user_s);
  entry["cpu_system_s"] = to_microsecond(stage.cpu_system_s);
  entry["done"] = stage.done;
  entry["total"] = stage.total ? Json(*stage.total) : Json(nullptr);
  entry["workers"] = workers_json(stage.started.workers);
  entry["operations"] = operations_json(stage);
  entry["warmup"] = warmup_json(stage);
  entry["slowest"] = slowest_json(summary, stage);
  entry["note"] = stage.ended ? stage.ended->note : std::string();
  if (stage.ended && !stage.ended->output.empty()) entry["output"] = stage.ended->output;
  entry["error"] = error_json(stage.ended ? stage.ended->error : std::nullopt);
  return entry;
}

Json errors_json(const Summary& summary) {
  Json entries = Json::array();
  for (const model::ErrorSummary& errors : summary.errors) {
    Json examples = Json::array();
    for (const model::ErrorSample& sample : errors.examples) {
      Json example;
      example["operation"] = name_of(sample.op);
      example["key"] = sample.key;
      example["detail"] = sample.detail;
      example["at"] = utc(summary, sample.at_ns);
      examples.push_back(std::move(example));
    }
    Json entry;
    entry["kind"] = name_of(errors.kind);
    entry["count"] = errors.count;
    entry["first"] = utc(summary, errors.first_ns);
    entry["last"] = utc(summary, errors.last_ns);
    entry["examples"] = std::move(examples);
    entries.push_back(std::move(entry));
  }
  return entries;
}

Json thresholds_json(const Summary& summary) {
  Json entries = Json::array();
  if (!summary.ended) return entries;
  for (const model::ThresholdVerdict& verdict : summary.ended->thresholds) {
    Json entry;
    entry["threshold"] = verdict.text;
    entry["met"] = verdict.met;
    entry["measured"] = finite(verdict.measured);
    entry["measured_text"] = verdict.measured_text;
    entries.push_back(std::move(entry));
  }
  return entries;
}

Json client_json(const Summary& summary) {
  const model::ClientCost cost = client_cost(summary);
  Json workers = Json::array();
  for (const StageSummary& stage : summary.stages) {
    for (Json& worker : workers_json(stage.started.workers)) {
      worker["stage"] = stage.started.name;
      workers.push_back(std::move(worker));
    }
  }
  Json entry;
  entry["cpu_user_s"] = to_microsecond(cost.cpu_user_s);
  entry["cpu_system_s"] = to_microsecond(cost.cpu_system_s);
  entry["max_rss_bytes"] = cost.max_rss_bytes;
  entry["max_stall_ms"] = milliseconds(cost.max_stall_ns);
  entry["max_preempted_ms"] = milliseconds(cost.max_preempted_ns);
  entry["hold_p999_ms"] = milliseconds(cost.hold_p999_ns);
  entry["page_cache_share"] = cost.page_cache_share ? Json(finite(*cost.page_cache_share)) : Json(nullptr);
  entry["workers"] = std::move(workers);
  entry["abandoned_calls"] = cost.abandoned_calls;
  entry["permit_wait_ms"] = milliseconds(cost.permit_wait_ns);
  entry["queue_high_water"] = cost.queue_high_water;
  entry["limited_by"] = cost.limited_by.empty() ? Json(nullptr) : Json(cost.limited_by);
  return entry;
}

/// null where the run has none.
Json op_log_json(const Summary& summary) {
  if (!summary.run.keeps_operations) return nullptr;
  const model::OpLogSummary& op_log = summary.op_log;
  return {{"records", op_log.records}, {"bytes", op_log.bytes}, {"lost", op_log.lost}};
}

}  // namespace

std::string summary_json(const model::Summary& summary, LogState log, const std::optional<base::Error>& afterwards) {
  Json document;
  document["schema"] = "sluice.summary/1";
  document["run"] = run_json(summary, log);
  document["stages"] = Json::array();
  for (const StageSummary& stage : summary.stages) document["stages"].push_back(stage_json(summary, stage, log));
  const std::optional<base::Error> error = run_error(summary);
  document["error"] = error_json(error ? error : afterwards);
  document["errors"] = errors_json(summary);
  document["thresholds"] = thresholds_json(summary);
  document["endpoints"] = Json::array();
  document["agents"] = Json::array();
  document["notes"] = summary.notes;
  document["op_log"] = op_log_json(summary);
  document["client"] = client_json(summary);
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::report
