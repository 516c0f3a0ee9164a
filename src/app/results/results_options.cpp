#include "app/results/results_options.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/units.hpp"
#include "model/operation.hpp"

namespace sluice::app {

namespace {

/// A check whose words stand in the option's description, not in the name of its type.
template <class Check>
Check silent(Check check) {
  check.description("");
  return check;
}

constexpr std::size_t kLimitMax = 1'000'000;

base::Error bad_value(const char* option, const std::string& text, std::string likely, std::string try_next) {
  return {.code = base::Code::InvalidArgument,
          .what = std::string(option) + " cannot be understood",
          .where = std::string(option) + " " + text,
          .likely = {std::move(likely)},
          .try_next = {std::move(try_next)}};
}

/// A size or a duration, where it was given.
template <class Parse, class Value>
base::Result<void> take(const char* option, const std::string& text, Parse parse, Value& into) {
  if (text.empty()) return {};
  auto parsed = parse(text);
  if (!parsed) {
    parsed.error().where = std::string(option) + " " + text;
    return base::fail(std::move(parsed.error().add_likely("it is misspelt, or its unit is")));
  }
  if constexpr (requires { parsed->count(); }) {
    into = parsed->count();
  } else {
    into = *parsed;
  }
  return {};
}

/// An empty text would mean the same as none: what was to be a filter would let everything pass.
base::Result<void> check_nothing_is_empty(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() == 0 || option->get_items_expected_max() == 0) continue;
    if (std::ranges::none_of(option->results(), &std::string::empty)) continue;
    return base::fail(bad_value(option->get_name().c_str(), "''", "a variable of the shell is empty",
                                "leave it out, or give it a value"));
  }
  for (const CLI::App* below : app.get_subcommands()) SLUICE_CHECK(check_nothing_is_empty(*below));
  return {};
}

/// The larger bound is not below the smaller one.
base::Result<void> check_order(const char* smaller, const std::string& min, const char* larger, const std::string& max,
                               bool is_ordered) {
  if (is_ordered) return {};
  return base::fail(bad_value(smaller, fmt::format("{} {} {}", min, larger, max),
                              fmt::format("{} is more than {}: the two are swapped", min, max),
                              "give the smaller value first, and leave out what is not meant"));
}

base::Result<std::optional<Moment>> take_moment(const char* option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  if (const auto utc = parse_utc(text)) return Moment{.is_offset = false, .ns = utc->ns};
  if (const auto offset = base::parse_duration(text)) return Moment{.is_offset = true, .ns = offset->count()};
  return base::fail(bad_value(option, text, "it is neither a time into the run nor one in UTC",
                              "write 90s or 5m for a time into the run, or 2026-11-21T03:44:21Z"));
}

}  // namespace

std::optional<base::WallTime> parse_utc(const std::string& text) {
  std::tm utc{};
  double second = 0;
  int used = 0;
  const char* const begin = text.c_str();
  const auto whole = [&] {
    return used > 0 && (text.substr(static_cast<std::size_t>(used)) == "Z" || begin[used] == 0);
  };
  char between = 0;
  const bool is_compact = std::sscanf(begin, "%4d%2d%2dT%2d%2d%2lf%n", &utc.tm_year, &utc.tm_mon, &utc.tm_mday,
                                      &utc.tm_hour, &utc.tm_min, &second, &used) == 6 &&
                          text.size() == 16;
  if (!is_compact) {
    utc = {};
    second = 0;
    used = 0;
    const int fields = std::sscanf(begin, "%4d-%2d-%2d%n%c%2d:%2d%n:%9lf%n", &utc.tm_year, &utc.tm_mon, &utc.tm_mday,
                                   &used, &between, &utc.tm_hour, &utc.tm_min, &used, &second, &used);
    const bool is_known = fields == 3 || ((fields == 6 || fields == 7) && (between == 'T' || between == ' '));
    if (!is_known) return std::nullopt;
  }
  if (!whole()) return std::nullopt;
  const bool is_sane = utc.tm_year >= 1970 && utc.tm_year <= 2200 && utc.tm_mon >= 1 && utc.tm_mon <= 12 &&
                       utc.tm_mday >= 1 && utc.tm_mday <= 31 && utc.tm_hour >= 0 && utc.tm_hour <= 23 &&
                       utc.tm_min >= 0 && utc.tm_min <= 59 && second >= 0 && second < 61;
  if (!is_sane) return std::nullopt;
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  const std::time_t minutes = timegm(&utc);
  return base::WallTime{std::int64_t{minutes} * 1'000'000'000 + std::llround(second * 1e9)};
}

ResultsCommand results_command_called(std::string_view name) {
  constexpr std::pair<std::string_view, ResultsCommand> kNames[] = {
      {"list", ResultsCommand::List},       {"show", ResultsCommand::Show},      {"query", ResultsCommand::Query},
      {"verify", ResultsCommand::Verify},   {"lag", ResultsCommand::Lag},        {"repair", ResultsCommand::Repair},
      {"follow", ResultsCommand::Follow},   {"export", ResultsCommand::Export},  {"import", ResultsCommand::Import},
      {"discard", ResultsCommand::Discard}, {"rebuild", ResultsCommand::Rebuild}};
  const auto* const at = std::ranges::find(kNames, name, &std::pair<std::string_view, ResultsCommand>::first);
  return at == std::end(kNames) ? ResultsCommand::None : at->second;
}

void ResultsGrammar::add_json(CLI::App& command, const char* words) {
  command.add_flag("--json", options_.json, words);
}

CLI::App* ResultsGrammar::add_command(CLI::App& results, const char* name, const char* words, ResultsCommand command) {
  CLI::App* app = results.add_subcommand(name, words);
  app->add_option("RUN", options_.run, "a run's results directory, or a run id or its beginning below --results")
      ->required()
      ->type_name("");
  app->add_option("--results", options_.results, "Where runs left their folders")
      ->type_name("DIR")
      ->capture_default_str();
  if (command != ResultsCommand::Rebuild && command != ResultsCommand::Import) {
    app->add_option("--journal", options_.journal, "Ask this database, not DIR/journal.db: sqlite:PATH, postgres://...")
        ->type_name("URI");
  }
  app->parse_complete_callback([this, command] { options_.command = command; });
  return app;
}

void ResultsGrammar::add_list(CLI::App& results) {
  CLI::App* list = results.add_subcommand("list", "List runs, the newest first");
  list->add_option("--results", options_.results, "Where runs left their folders")
      ->type_name("DIR")
      ->capture_default_str();
  list->add_option("--journal", options_.journal, "Also those of this database: sqlite:PATH, postgres://...")
      ->type_name("URI");
  list->add_option("--plan", options_.plan, "Only runs of this plan")->type_name("NAME");
  list->add_option("--status", options_.statuses,
                   "Only with this status: running, completed, failed, interrupted, partial, threshold_missed, killed")
      ->delimiter(',')
      ->check(silent(CLI::IsMember(
          {"running", "completed", "failed", "interrupted", "partial", "threshold_missed", "killed", "unreadable"})))
      ->type_name("STATUS,...");
  list->add_option("--since", raw_.since, "Only begun since then: 2026-11-21T03:44Z, or 24h for the last day")
      ->type_name("TIME");
  list->add_option("--limit", options_.limit, "At most so many")
      ->check(silent(CLI::Range(std::size_t{1}, kLimitMax)))
      ->type_name("N");
  add_json(*list, "Print one JSON document");
  list->parse_complete_callback([this] { options_.command = ResultsCommand::List; });
}

void ResultsGrammar::add_query(CLI::App& results) {
  CLI::App* query = add_command(results, "query", "Find slow and failed operations of a run", ResultsCommand::Query);
  query->add_option("--op", raw_.operations, "Only these operations: get,put")->delimiter(',')->type_name("OP,...");
  query->add_flag("--errors", options_.query.errors, "Only operations that failed");
  query->add_option("--min-latency", raw_.min_latency, "At least so long: 10ms")->type_name("TIME");
  query->add_option("--max-latency", raw_.max_latency, "At most so long")->type_name("TIME");
  query->add_option("--min-size", raw_.min_size, "At least so many bytes: 4KiB")->type_name("SIZE");
  query->add_option("--max-size", raw_.max_size, "At most so many bytes")->type_name("SIZE");
  CLI::Option* target = query->add_option("--target", raw_.target, "Only this target")->type_name("NAME");
  query->add_option("--prefix", raw_.prefix, "Only targets that begin so")->type_name("START")->excludes(target);
  query->add_option("--from", raw_.from, "Ended then or later: 30s into the run, or a time in UTC")->type_name("TIME");
  query->add_option("--to", raw_.to, "Ended then or before")->type_name("TIME");
  query->add_option("--slowest", raw_.slowest, "The N slowest, the slowest first")
      ->check(silent(CLI::Range(std::size_t{1}, kLimitMax)))
      ->type_name("N");
  query->add_option("--limit", raw_.limit, "All, or an error where more than N match [1000]")
      ->check(silent(CLI::Range(std::size_t{1}, kLimitMax)))
      ->type_name("N");
  query->add_flag("--op-log", options_.is_op_log,
                  "Look at every operation, of a run whose plan has op_log_path, not at the slowest and failed ones");
  add_json(*query, "Print one JSON document");
}

void ResultsGrammar::add_checks(CLI::App& results) {
  add_command(results, "verify", "Check log and journal of a run, block by block, and that they agree",
              ResultsCommand::Verify);
  add_command(results, "lag", "Say what the journal lacks of the log, or has beyond it", ResultsCommand::Lag);
  add_command(results, "repair", "Bring into the journal what it lacks of the log", ResultsCommand::Repair);
}

void ResultsGrammar::add_export(CLI::App& results) {
  CLI::App* app = add_command(results, "export", "Write intervals or operations as a table", ResultsCommand::Export);
  app->add_option("--format", raw_.format, "tsv, json (an object a line) or csv")
      ->check(silent(CLI::IsMember({"tsv", "json", "csv"})))
      ->type_name("FORMAT")
      ->capture_default_str();
  CLI::Option* what = app->add_option("--what", raw_.what, "intervals, or operations: the slowest and the failed")
                          ->check(silent(CLI::IsMember({"intervals", "operations"})))
                          ->type_name("WHAT")
                          ->capture_default_str();
  app->add_flag("--op-log", options_.is_op_log, "Every operation, by its start, of a run whose plan has op_log_path")
      ->excludes(what);
  app->add_option("-o,--output", options_.output,
                  "Write to this file, with --op-log packed where it ends in .zst [stdout, also -]")
      ->type_name("FILE");
}

void ResultsGrammar::add_changes(CLI::App& results) {
  CLI::App* import = add_command(results, "import", "Bring a run, or each run below a directory, into another journal",
                                 ResultsCommand::Import);
  import->add_option("--into", options_.into, "The journal: sqlite:PATH, made where it is missing, or postgres://...")
      ->required()
      ->type_name("URI");
  CLI::App* discard =
      add_command(results, "discard",
                  "Mark an attempt of a stage as no result. What is in the log stays; the mark is kept in "
                  "DIR/discards.tsv, so that a rebuild sets it again",
                  ResultsCommand::Discard);
  discard->add_option("--stage", options_.stage, "Its name, or its number as the tables have it")
      ->required()
      ->type_name("STAGE");
  discard->add_option("--attempt", options_.attempt, "Which attempt, from 0")->type_name("N")->capture_default_str();
  discard->add_flag("--yes", options_.is_sure, "Do not ask");
  add_command(results, "rebuild",
              "Make summary.json, the tables, journal.db and the op-log's file again from the log alone",
              ResultsCommand::Rebuild);
}

void ResultsGrammar::add_to(CLI::App& results) {
  app_ = &results;
  add_list(results);
  add_json(*add_command(results, "show", "Show the final table of a run again", ResultsCommand::Show),
           "Print the summary as one JSON document");
  add_query(results);
  add_json(
      *add_command(results, "follow", "Follow a run while it goes on, from another process", ResultsCommand::Follow),
      "Print a JSON object a line");
  add_export(results);
  add_checks(results);
  add_changes(results);
}

base::Result<void> ResultsGrammar::finish_query() {
  QueryOptions& query = options_.query;
  for (const std::string& name : raw_.operations) {
    const auto kind = model::parse_op_kind(name);
    if (!kind) {
      return base::fail(
          bad_value("--op", name, "there is no such operation",
                    "the operations are: get, put, list, stat, delete, mkdir, rmdir, copy, rename, read, write"));
    }
    query.operations |= journal::operation_bit(*kind);
  }
  SLUICE_CHECK(take("--min-latency", raw_.min_latency, base::parse_duration, query.latency_ns.min));
  SLUICE_CHECK(take("--max-latency", raw_.max_latency, base::parse_duration, query.latency_ns.max));
  SLUICE_CHECK(take("--min-size", raw_.min_size, base::parse_size, query.bytes.min));
  SLUICE_CHECK(take("--max-size", raw_.max_size, base::parse_size, query.bytes.max));
  SLUICE_CHECK(check_order("--min-latency", raw_.min_latency, "--max-latency", raw_.max_latency,
                           query.latency_ns.min <= query.latency_ns.max));
  SLUICE_CHECK(
      check_order("--min-size", raw_.min_size, "--max-size", raw_.max_size, query.bytes.min <= query.bytes.max));
  SLUICE_TRY(query.from, take_moment("--from", raw_.from));
  SLUICE_TRY(query.to, take_moment("--to", raw_.to));
  if (!raw_.target.empty()) query.target = journal::TargetMatch{.text = raw_.target, .is_prefix = false};
  if (!raw_.prefix.empty()) query.target = journal::TargetMatch{.text = raw_.prefix, .is_prefix = true};
  query.slowest = raw_.slowest;
  if (raw_.limit) query.limit = *raw_.limit;
  return {};
}

base::Result<ResultsOptions> ResultsGrammar::finish() {
  if (app_ != nullptr) SLUICE_CHECK(check_nothing_is_empty(*app_));
  SLUICE_CHECK(finish_query());
  if (!raw_.since.empty()) {
    options_.since = parse_utc(raw_.since);
    if (const auto ago = base::parse_duration(raw_.since); !options_.since && ago) {
      options_.since = base::WallTime{base::wall_now().ns - ago->count()};
    }
    if (!options_.since) {
      return base::fail(
          bad_value("--since", raw_.since, "it is misspelt", "write 2026-11-21T03:44Z, or 24h for the last day"));
    }
  }
  options_.format = raw_.format == "json"  ? ExportFormat::Json
                    : raw_.format == "csv" ? ExportFormat::Csv
                                           : ExportFormat::Tsv;
  options_.subject = raw_.what == "operations" ? ExportSubject::Operations : ExportSubject::Intervals;
  return std::move(options_);
}

}  // namespace sluice::app
