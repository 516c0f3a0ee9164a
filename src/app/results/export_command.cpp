#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/results/commands.hpp"
#include "app/results/records_text.hpp"
#include "app/results/results_json.hpp"
#include "app/results/run_source.hpp"
#include "journal/block_codec.hpp"
#include "report/plain_text.hpp"

namespace sluice::app {

namespace {

/// Rows of named cells in one of the formats. A cell is a number or a text; numbers are never quoted.
class RowWriter {
 public:
  RowWriter(ExportFormat format, Output& out) : format_(format), out_(out) {}

  RowWriter& cell(const char* name, const std::string& text) { return add(name, text, Json(text)); }
  RowWriter& cell(const char* name, std::string_view text) { return cell(name, std::string(text)); }
  template <class Number>
    requires std::is_arithmetic_v<Number>
  RowWriter& cell(const char* name, Number number) {
    return add(name, fmt::format("{}", number), Json(number));
  }
  /// The end of a row; before the first one comes the line of names, where the format has one.
  void end() {
    if (format_ == ExportFormat::Json) {
      out_.put(line_text(object_));
      object_ = Json::object();
      return;
    }
    if (!std::exchange(has_header_, true)) put(names_);
    put(texts_);
    names_.clear();
    texts_.clear();
  }
  /// For a table without a row.
  void header(const std::vector<std::string>& names) {
    if (format_ != ExportFormat::Json && !std::exchange(has_header_, true)) put(names);
  }

 private:
  RowWriter& add(const char* name, std::string text, Json value) {
    if (format_ == ExportFormat::Json) {
      object_[name] = std::move(value);
      return *this;
    }
    if (!has_header_) names_.emplace_back(name);
    texts_.push_back(std::move(text));
    return *this;
  }
  std::string in_format(const std::string& text) const {
    if (format_ == ExportFormat::Tsv) return report::one_line(text);
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
    return quoted + "\"";
  }
  void put(const std::vector<std::string>& cells) {
    std::string line;
    for (const std::string& text : cells) {
      if (&text != cells.data()) line += format_ == ExportFormat::Tsv ? '\t' : ',';
      line += in_format(text);
    }
    out_.put(line + "\n");
  }

  const ExportFormat format_;
  Output& out_;
  Json object_ = Json::object();
  bool has_header_ = false;
  std::vector<std::string> names_, texts_;
};

/// What rows need to know of the blocks before theirs.
struct Context {
  std::map<std::uint32_t, std::string> stages;  ///< names
  std::int64_t began_ns = 0;                    ///< since 1970; 0: not known
  std::uint64_t undecodable = 0;

  std::string name_of_stage(std::uint32_t stage) const {
    const auto at = stages.find(stage);
    return at == stages.end() ? std::string() : at->second;
  }
  double since_start(std::int64_t at_ns) const {
    return began_ns == 0 ? 0 : static_cast<double>(at_ns - began_ns) / 1e9;
  }
};

void put_interval(const journal::BlockHeader& header, const model::Interval& interval, const Context& context,
                  RowWriter& rows) {
  for (std::size_t i = 0; i < model::kOpKinds; ++i) {
    const model::OpStats& stats = interval.ops[i];
    if (stats.empty()) continue;
    const model::Histogram service = stats.service();
    rows.cell("from_utc", base::to_iso8601({header.from_ns}))
        .cell("from_s", context.since_start(header.from_ns))
        .cell("to_s", context.since_start(header.to_ns))
        .cell("party", header.party.party)
        .cell("attempt", header.party.attempt)
        .cell("stage_index", interval.stage + 1)
        .cell("stage", context.name_of_stage(interval.stage))
        .cell("phase", name_of(interval.phase))
        .cell("operation", name_of(static_cast<model::OpKind>(i)))
        .cell("count", stats.count)
        .cell("bytes", stats.bytes)
        .cell("errors", stats.error_count())
        .cell("mean_ns", std::llround(service.mean()))
        .cell("p50_ns", service.quantile(0.5))
        .cell("p90_ns", service.quantile(0.9))
        .cell("p99_ns", service.quantile(0.99))
        .cell("max_ns", service.max())
        .end();
  }
}

void put_records(const journal::StoredBlock& block, const Context& context, RowWriter& rows) {
  for (const journal::NotableRecord& record : block.notable) {
    const std::uint32_t stage = block.header.stage.value_or(0);
    rows.cell("at_utc", base::to_iso8601({record.end_ns}))
        .cell("at_s", context.since_start(record.end_ns))
        .cell("party", block.header.party.party)
        .cell("attempt", block.header.party.attempt)
        .cell("stage_index", stage + 1)
        .cell("stage", context.name_of_stage(stage))
        .cell("operation", name_of(record.operation))
        .cell("status", status_words(record.status))
        .cell("latency_ns", record.latency_ns)
        .cell("bytes", record.bytes)
        .cell("target", record.target)
        .cell("detail", record.detail)
        .end();
  }
}

const std::vector<std::string> kIntervalColumns = {
    "from_utc", "from_s", "to_s",   "party",   "attempt", "stage_index", "stage",  "phase", "operation",
    "count",    "bytes",  "errors", "mean_ns", "p50_ns",  "p90_ns",      "p99_ns", "max_ns"};
const std::vector<std::string> kOperationColumns = {"at_utc",      "at_s",  "party",     "attempt",
                                                    "stage_index", "stage", "operation", "status",
                                                    "latency_ns",  "bytes", "target",    "detail"};

base::Result<void> write_rows(RunSource& source, ExportSubject subject, RowWriter& rows, const Output& out) {
  Context context;
  IndexProgress progress("exporting");
  std::uint64_t blocks = 0;
  if (const auto began = source.began_ns()) context.began_ns = *began;
  journal::Filter filter{
      .kinds = {journal::BlockKind::StageStarted, journal::BlockKind::Interval, journal::BlockKind::Records}};
  SLUICE_CHECK(source.visit(filter, [&](const journal::StoredBlock& stored) {
    progress.at(++blocks, 0, "blocks");
    if (subject == ExportSubject::Operations) put_records(stored, context, rows);
    if (stored.header.kind == journal::BlockKind::Records) return !out.is_over();
    const auto block = journal::decode_block(stored.payload);
    if (!block) {
      ++context.undecodable;
    } else if (const auto* stage = std::get_if<model::StageStarted>(&*block)) {
      context.stages[stage->stage] = stage->name;
    } else if (const auto* interval = std::get_if<model::Interval>(&*block)) {
      if (subject == ExportSubject::Intervals) put_interval(stored.header, *interval, context, rows);
    }
    return !out.is_over();
  }));
  rows.header(subject == ExportSubject::Intervals ? kIntervalColumns : kOperationColumns);
  if (context.undecodable > 0) {
    std::fprintf(stderr, "warning: %llu blocks are of a newer version and were left out\n",
                 static_cast<unsigned long long>(context.undecodable));
  }
  return {};
}

}  // namespace

int export_command(const ResultsOptions& options) {
  const auto source = RunSource::open(options);
  if (!source) return report_failure(source.error(), options);
  auto out = options.output.empty() || options.output == "-" ? base::Result<Output>(std::in_place)
                                                             : Output::to_file(options.output);
  if (!out) return report_failure(out.error(), options);
  RowWriter rows(options.format, *out);
  if (auto written = write_rows(**source, options.subject, rows, *out); !written) {
    if (options.output.empty() || options.output == "-") out->flush();
    return report_failure(written.error(), options);
  }
  return finish_output(*out);
}

}  // namespace sluice::app
