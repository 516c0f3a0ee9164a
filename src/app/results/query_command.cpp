#include <algorithm>
#include <cstdio>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "app/results/commands.hpp"
#include "app/results/op_log_query.hpp"
#include "app/results/records_text.hpp"
#include "app/results/results_json.hpp"
#include "app/results/run_source.hpp"
#include "app/terminal.hpp"
#include "base/held_sum.hpp"
#include "base/units.hpp"
#include "report/plain_text.hpp"
#include "report/text_grid.hpp"

namespace sluice::app {

namespace {

struct Answer {
  std::string run;
  std::optional<std::int64_t> began_ns;  ///< since 1970; absent where nothing says it
  std::vector<journal::FoundRecord> records;
};

base::Result<std::int64_t> absolute(const Moment& moment, const std::optional<std::int64_t>& began_ns,
                                    RunSource& source) {
  if (!moment.is_offset) return moment.ns;
  std::int64_t began = 0;
  if (began_ns) {
    began = *began_ns;
  } else {
    SLUICE_TRY(began, source.began_ns());  // says why not
  }
  return base::held_sum(began, moment.ns);
}

base::Result<journal::Filter> filter_of(const QueryOptions& query, const std::optional<std::int64_t>& began_ns,
                                        RunSource& source) {
  journal::Filter filter{
      .runs = {source.run().id}, .operations = query.operations, .statuses = query.errors ? all_errors() : 0};
  if (query.latency_ns.min > INT64_MIN) filter.latency_ns.min = query.latency_ns.min;
  if (query.latency_ns.max < INT64_MAX) filter.latency_ns.max = query.latency_ns.max;
  if (query.bytes.min > 0) filter.bytes.min = query.bytes.min;
  if (query.bytes.max < UINT64_MAX) filter.bytes.max = query.bytes.max;
  if (query.target) filter.targets = {*query.target};
  if (query.from) {
    SLUICE_TRY(filter.time_ns.min, absolute(*query.from, began_ns, source));
  }
  if (query.to) {
    SLUICE_TRY(filter.time_ns.max, absolute(*query.to, began_ns, source));
  }
  return filter;
}

bool is_earlier(const journal::FoundRecord& a, const journal::FoundRecord& b) {
  return std::tie(a.record.end_ns, a.block.seq, a.record.index) <
         std::tie(b.record.end_ns, b.block.seq, b.record.index);
}

base::Error too_many(const std::string& run, std::size_t records_max) {
  return {
      .code = base::Code::ResourceExhausted,
      .what = fmt::format("more than {} match, and only all or none are shown", base::format_count(records_max)),
      .where = "run " + shown(run),
      .likely = {"the question is wide"},
      .try_next = {"narrow it: --op, --errors, --min-latency, --from and --to",
                   "--slowest 100 gives the slowest of them", fmt::format("--limit {} gives more", records_max * 10)}};
}

base::Result<std::vector<journal::FoundRecord>> find(const ResultsOptions& options, RunSource& source,
                                                     journal::Filter filter) {
  const QueryOptions& query = options.query;
  const std::size_t records_max = query.slowest.value_or(query.limit);
  if (options.is_op_log) return find_in_op_log(source, std::move(filter), records_max, query.slowest.has_value());
  SLUICE_TRY(const bool has_more, has_op_log(source));
  if (has_more) {
    std::fprintf(
        stderr,
        "note: asked were the slowest and the failed operations, of a chunk 1,000 of these at most; --op-log asks "
        "every one\n");
  }
  return source.host().wait(
      source.reader().notable(std::move(filter), records_max, query.slowest.has_value(), JournalHost::soon()));
}

base::Result<Answer> ask(const ResultsOptions& options) {
  SLUICE_TRY(const auto source, RunSource::open(options));
  Answer answer{.run = source->run().id};
  if (const auto began = source->began_ns()) answer.began_ns = *began;
  SLUICE_TRY(journal::Filter filter, filter_of(options.query, answer.began_ns, *source));
  if (auto sound = filter.check(); !sound) {
    return base::fail(
        std::move(sound.error().add_likely("a bound is larger than what can be asked, or the two are swapped")));
  }
  auto found = find(options, *source, std::move(filter));
  if (!found && found.error().code == base::Code::ResourceExhausted) {
    return base::fail(too_many(answer.run, options.query.slowest.value_or(options.query.limit)));
  }
  if (!found) return base::fail(std::move(found).error());
  answer.records = std::move(*found);
  if (!options.query.slowest) std::ranges::sort(answer.records, is_earlier);
  return answer;
}

std::string to_document(const Answer& answer) {
  Json document{{"schema", "sluice.query/1"},
                {"run", answer.run},
                {"started", answer.began_ns ? Json(base::to_iso8601({*answer.began_ns})) : Json(nullptr)},
                {"records", Json::array()},
                {"error", nullptr}};
  for (const journal::FoundRecord& found : answer.records) {
    const journal::NotableRecord& record = found.record;
    Json entry;
    entry["at"] = base::to_iso8601({record.end_ns});
    entry["t_s"] = answer.began_ns ? Json(static_cast<double>(record.end_ns - *answer.began_ns) / 1e9) : Json(nullptr);
    entry["party"] = found.block.party.party;
    entry["stage_index"] = found.block.stage ? Json(*found.block.stage + 1) : Json(nullptr);
    entry["operation"] = name_of(record.operation);
    entry["status"] = status_words(record.status);
    entry["latency_ns"] = record.latency_ns;
    entry["bytes"] = record.bytes;
    entry["target"] = record.target;
    entry["detail"] = record.detail;
    document["records"].push_back(std::move(entry));
  }
  return document_text(document);
}

std::string to_table(const Answer& answer, std::size_t width) {
  using enum report::TextGrid::Align;
  report::TextGrid grid({Right, Left, Right, Right, Left, Left}, 0);
  grid.add({"time", "operation", "latency", "size", "target", "error"});
  for (const journal::FoundRecord& found : answer.records) {
    const journal::NotableRecord& record = found.record;
    const bool failed = record.status != journal::kSucceeded;
    std::string error = failed ? status_words(record.status) : "";
    if (!record.detail.empty()) error += " " + report::one_line(record.detail);
    grid.add({answer.began_ns ? seconds_words(record.end_ns - *answer.began_ns) : base::to_iso8601({record.end_ns}),
              std::string(name_of(record.operation)),
              failed && record.latency_ns == 0 ? "-" : base::format_duration(base::Nanos{record.latency_ns}),
              failed && record.bytes == 0 ? "-" : base::format_size(record.bytes), report::one_line(record.target),
              std::move(error)});
  }
  std::string text;
  for (const std::string& line : grid.lines()) text += (width > 0 ? report::clip(line, width) : line) + "\n";
  return text;
}

}  // namespace

int query_command(const ResultsOptions& options, Signals& signals) {
  const auto answer = ask(options);
  if (!answer) return report_failure(answer.error(), options);
  begin_answer(signals);
  Output out;
  if (options.json) {
    out.put(to_document(*answer));
  } else if (answer->records.empty()) {
    std::fprintf(stderr, options.is_op_log ? "nothing matches\n"
                                           : "nothing matches; kept are the slowest operations of each stage and "
                                             "examples of each error\n");
  } else {
    out.put(to_table(*answer, terminal_columns(STDOUT_FILENO)));
  }
  return finish_output(out);
}

}  // namespace sluice::app
