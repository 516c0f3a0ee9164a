#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "config/reading.hpp"
#include "config/threshold.hpp"
#include "config/uri.hpp"

namespace sluice::config {

namespace {

constexpr double kRateMax = 1e9;
constexpr std::uint64_t kErrorsMax = 1'000'000'000'000;
constexpr std::uint32_t kRetriesMax = 1000;
constexpr std::size_t kEndpointsMax = 1000;
constexpr std::size_t kStepsMax = 1000;
constexpr std::size_t kThresholdsMax = 1000;
constexpr base::Nanos kMillisecond{1'000'000};
constexpr base::Nanos kSecond{1'000'000'000};
constexpr base::Nanos kHour = 3600 * kSecond;
constexpr base::Nanos kDay = 24 * kHour;
constexpr Range<base::Nanos> kUpToDay{base::Nanos{0}, kDay};

/// A number above 0; or "max", and 0 as other tools have it: 0, a closed loop.
bool read_iops(const YamlNode& node, Problems& problems, double& out) {
  if (node.is_scalar() && node.text == "max") {
    out = 0;
    return true;
  }
  if (node.is_scalar() && parse_number(node.text)) return read_number(node, problems, out, {0, kRateMax});
  problems.add(node, fmt::format("iops must be a number of operations a second or max, not {}", describe(node)))
      .add_likely("the value is misspelt, or belongs to another key")
      .add_try("iops: 2000, or iops: max");
  return false;
}

void read_steps(const Section& section, Reading& reading, model::IoRate& out) {
  const std::span<const YamlNode> steps = section.list("steps");
  if (steps.size() > kStepsMax) {
    reading.problems.add(*section.find("steps"),
                         fmt::format("steps must be at most {}, not {}", kStepsMax, steps.size()));
    return;
  }
  for (const YamlNode& node : steps) {
    const Section step(node, kIoStepKeys, reading.problems);
    model::IoRate::Step& read = out.steps.emplace_back();
    for (const char* key : {"iops", "duration"}) {
      if (node.is_map() && !step.has(key)) reading.problems.add_missing(node, fmt::format("{} is missing", key));
    }
    if (const YamlNode* iops = step.find("iops")) read_iops(*iops, reading.problems, read.iops);
    step.read("duration", read.duration, {kMillisecond, kYear});
  }
  if (!steps.empty()) reading.unbuilt("io_rate steps", section.find("steps")->at);
}

void read_io_rate(const YamlNode& node, Reading& reading) {
  const Section section(node, kIoRateKeys, reading.problems);
  if (!node.is_map()) return;
  model::IoRate& rate = reading.plan.io_rate;
  if (section.has("iops") == section.has("steps")) {
    reading.problems.add(node, section.has("iops") ? "io_rate takes iops or steps, not both" : "io_rate needs iops")
        .add_try("iops: 2000, or iops: max for as fast as possible");
  }
  if (const YamlNode* iops = section.find("iops")) read_iops(*iops, reading.problems, rate.iops);
  section.choose("distribution", rate.distribution, kRateDistributions);
  read_steps(section, reading, rate);
}

void read_error_handling(const YamlNode& node, Reading& reading) {
  const Section section(node, kErrorHandlingKeys, reading.problems);
  model::ErrorHandling& errors = reading.plan.errors;
  section.count("max_total_errors", errors.max_total_errors, {0, kErrorsMax});
  section.read("error_rate_threshold", errors.error_rate_threshold, {0, kRateMax});
  section.read("error_rate_window", errors.error_rate_window, {kMillisecond, kHour});
  section.read("backoff_duration", errors.backoff_duration, {base::Nanos{0}, kHour});
  section.read("retry_on_error", errors.retry_on_error);
  section.count("max_retries", errors.max_retries, {0, kRetriesMax});
  const Range<base::Nanos> delays{base::Nanos{0}, kHour};
  if (const YamlNode* delay = section.find("initial_retry_delay_ms")) {
    read_milliseconds(*delay, reading.problems, errors.initial_retry_delay, delays);
  }
  if (const YamlNode* delay = section.find("max_retry_delay_ms")) {
    read_milliseconds(*delay, reading.problems, errors.max_retry_delay, delays);
    if (reading.problems.empty() && errors.max_retry_delay < errors.initial_retry_delay) {
      reading.problems.add(*delay, "max_retry_delay_ms is below initial_retry_delay_ms");
    }
  }
  section.read("retry_backoff_multiplier", errors.retry_backoff_multiplier, {1, 1000});
  section.read("retry_jitter_factor", errors.retry_jitter_factor, {0, 1});
  section.read("operation_timeout", errors.operation_timeout, {kMillisecond, kDay});
}

/// Is this the name of a file that every run writes into its results, or of one beside it (journal.db-wal)?
bool is_taken(std::string_view name) {
  constexpr auto kTaken =
      std::to_array<std::string_view>({"plan.yaml", "plan.resolved.yaml", "summary.json", "errors.tsv",
                                       "histograms.hlog", "log", "journal.db", "discards.tsv"});
  const std::string_view first = name.substr(0, name.find('/'));
  const auto is_or_lies_beside = [first](std::string_view taken) {
    return first == taken || (taken.contains('.') && first.starts_with(taken));
  };
  return std::ranges::any_of(kTaken, is_or_lies_beside) || name.ends_with("_results.tsv") || name.starts_with('.');
}

/// "a/b" of "./a//b": one name for one file.
std::string without_detours(std::string_view path) {
  std::string straight;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    if (!part.empty() && part != ".") (straight += straight.empty() ? "" : "/") += part;
    at = end + 1;
  }
  if (path.ends_with('/')) straight += '/';
  return straight;
}

/// What a file system would refuse of a name, only after the run; "" where nothing.
std::string_view unusable(std::string_view path) {
  constexpr std::size_t kPathMax = 1024, kComponentMax = 200;  // a temporary name beside it is a little longer
  if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return "has characters that cannot be seen";
  }
  if (path.size() > kPathMax) return "is longer than 1,024 bytes";
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t slash = rest.find('/');
    if (std::min(slash, rest.size()) > kComponentMax) return "has a part longer than 200 bytes";
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  }
  return {};
}

/// The name of a file in the results directory. Other tools take a path of the host: its last part counts.
void read_results_path(const Section& section, std::string_view key, std::string_view example, std::string& out) {
  std::string path;
  if (!section.read(key, path)) return;
  const YamlNode& node = *section.find(key);
  if (path.starts_with('/') || climbs(path)) {
    path.erase(0, path.find_last_of('/') + 1);
    section.problems().warn(node.at, fmt::format("{} is relative to the results directory of the run: {} goes there",
                                                 label(node), quoted(path)));
  }
  path = without_detours(path);
  if (path.empty() || path.ends_with('/') || path == ".." || path == ".") {
    section.problems().add(node, fmt::format("{} must name a file", label(node))).add_try(std::string(example));
  } else if (const std::string_view problem = unusable(path); !problem.empty()) {
    section.problems().add(node, fmt::format("{} {}", label(node), problem)).add_try(std::string(example));
  } else if (is_taken(path)) {
    section.problems()
        .add(node, fmt::format("{} {} is the name of a file that every run writes", label(node), quoted(path)))
        .add_likely("the name is taken from another tool, whose results have no such file")
        .add_try(std::string(example));
  } else {
    out = path;
  }
}

void read_perf_log(const YamlNode& node, Reading& reading) {
  const Section section(node, kPerfLogKeys, reading.problems);
  read_results_path(section, "path", "path: perf_log.tsv", reading.plan.perf_log_path);
  section.read("interval", reading.plan.perf_interval, {kSecond, kHour});
}

void read_range_engine(const YamlNode& node, Reading& reading) {
  const Section section(node, kRangeEngineKeys, reading.problems);
  if (!node.is_map()) return;
  model::RangeEngine& engine = reading.plan.range_engine;
  section.read("enabled", engine.enabled);
  section.read_bytes("chunk_size", engine.chunk_size, {1024, kTebibyte});
  section.count("max_concurrent_ranges", engine.max_concurrent_ranges, {1, 10'000});
  section.read_bytes("min_split_size", engine.min_split_size, {1024, kObjectBytesMax});
  section.read("range_timeout_secs", engine.range_timeout, {kMillisecond, kDay});
  if (engine.enabled) {
    reading.unbuilt("range_engine", node.at);
  } else if (!section.has("enabled") && !node.entries.empty()) {
    reading.problems.warn(node.at, "range_engine is off: it has no enabled: true");
  }
}

void read_cleanup(const Section& top, Reading& reading) {
  if (top.read("cleanup", reading.cleanup)) reading.cleanup_at = top.find("cleanup")->at;
}

/// operation_timeout may stand here or in error_handling.
void read_operation_timeout(const Section& top, Reading& reading) {
  const YamlNode* errors = top.find("error_handling");
  if (!top.read("operation_timeout", reading.plan.errors.operation_timeout, {kMillisecond, kDay})) return;
  if (errors == nullptr || errors->find("operation_timeout") == nullptr) return;
  reading.problems
      .add(*top.find("operation_timeout"), fmt::format("operation_timeout stands here and in error_handling (line {})",
                                                       errors->find("operation_timeout")->at.line))
      .add_try("keep one of the two");
}

void read_logs(const Section& top, Reading& reading) {
  if (const YamlNode* log = top.find("perf_log")) read_perf_log(*log, reading);
  read_results_path(top, "op_log_path", "op_log_path: ops.tsv.zst", reading.plan.op_log_path);
  const std::string& ops = reading.plan.op_log_path;
  const std::string& perf = reading.plan.perf_log_path;
  if (!ops.empty() && (ops == perf || ops.starts_with(perf + '/') || perf.starts_with(ops + '/'))) {
    reading.problems
        .add(*top.find("op_log_path"), "op_log_path is the file that perf_log writes, or one above or below")
        .add_try("op_log_path: ops.tsv.zst");
  }
}

}  // namespace

void read_multi_endpoint(const YamlNode& node, Problems& problems, model::MultiEndpoint& out) {
  const Section section(node, kMultiEndpointKeys, problems);
  if (!node.is_map()) return;
  section.choose("strategy", out.strategy, kEndpointStrategies);
  const std::span<const YamlNode> endpoints = section.list("endpoints");
  if (endpoints.empty() || endpoints.size() > kEndpointsMax) {
    problems.add_missing(node, fmt::format("multi_endpoint needs a list of 1 to {} endpoints", kEndpointsMax))
        .add_try("endpoints: [\"s3://10.0.0.1:9000/bucket/\", \"s3://10.0.0.2:9000/bucket/\"]");
    return;
  }
  for (const YamlNode& endpoint : endpoints) read_base_uri(endpoint, problems, out.endpoints.emplace_back());
}

void read_tuning(const Section& top, Reading& reading) {
  model::RunPlan& plan = reading.plan;
  if (const YamlNode* target = top.find("target")) {
    reading.has_wrong_target = !read_base_uri(*target, reading.problems, plan.target);
    reading.unbuilt_scheme(plan.target, target->at);
  }
  top.read("duration", reading.duration, {kMillisecond, kYear});
  top.count("concurrency", plan.concurrency, {1, kConcurrencyMax});
  top.count("seed", plan.seed, {0, UINT64_MAX});
  top.choose("page_cache_mode", plan.page_cache_mode, kPageCacheModes);
  top.read("warmup_period", plan.warmup, {base::Nanos{0}, kYear});
  top.read("drain_timeout", plan.drain_timeout, kUpToDay);
  top.read("dynamic_put_pool", plan.dynamic_put_pool);
  top.read("verify", plan.verify);
  read_cleanup(top, reading);
  read_operation_timeout(top, reading);
  read_logs(top, reading);
  if (const YamlNode* rate = top.find("io_rate")) read_io_rate(*rate, reading);
  if (const YamlNode* errors = top.find("error_handling")) read_error_handling(*errors, reading);
  if (const YamlNode* engine = top.find("range_engine")) read_range_engine(*engine, reading);
  if (const YamlNode* endpoints = top.find("multi_endpoint")) {
    read_multi_endpoint(*endpoints, reading.problems, plan.multi_endpoint.emplace());
    reading.unbuilt("multi_endpoint", endpoints->at);
  }
}

void read_thresholds(const Section& top, Reading& reading) {
  const YamlNode* node = top.find("thresholds");
  if (node == nullptr) return;
  const std::span<const YamlNode> items = node->is_scalar() ? std::span(node, 1) : top.list("thresholds");
  if (items.size() > kThresholdsMax) {
    reading.problems.add(*node, fmt::format("thresholds must be at most {}, not {}", kThresholdsMax, items.size()));
    return;
  }
  for (const YamlNode& item : items) {
    std::string text;
    if (!read_text(item, reading.problems, text)) continue;
    auto threshold = parse_threshold(text);
    const std::size_t quote = item.quoted ? 1 : 0;
    if (!threshold) {
      reading.problems
          .add(item.at.moved(threshold.error().at + quote), item.path, "bad threshold: " + threshold.error().what)
          .add_likely("a name or a unit is misspelt")
          .add_try(threshold.error().try_next);
      continue;
    }
    const std::optional<model::OpKind> kind = threshold->kind;
    const auto drawn = [&](const model::Operation& op) { return op.kind == kind; };
    if (reading.problems.empty() && kind && std::ranges::none_of(reading.plan.workload, drawn)) {
      reading.problems
          .add(item.at.moved(quote), item.path,
               fmt::format("the threshold {} names {}, and the workload has no such operation", quoted(text),
                           model::name_of(*kind)))
          .add_try("remove the threshold, or add the operation to the workload");
      continue;
    }
    reading.plan.thresholds.push_back(std::move(*threshold));
  }
}

}  // namespace sluice::config
