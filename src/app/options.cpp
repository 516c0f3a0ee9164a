#include "app/options.hpp"

#include <algorithm>
#include <charconv>
#include <span>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/completion.hpp"
#include "app/journal_backends.hpp"
#include "app/version.hpp"
#include "base/units.hpp"

namespace sluice::app {

namespace {

/// Commands of the design that this version does not have yet; refused by name, so that nobody takes them for a typo.
constexpr const char* kUnbuiltCommands[] = {"agent",  "ping",   "abort", "status", "object", "certs",
                                            "report", "replay", "mount", "broker", "up",     "serve"};

/// The same below `sluice results`.
constexpr const char* kUnbuiltResults[] = {"compare", "sort", "merge"};

/// The same for options of `run`.
constexpr const char* kUnbuiltOptions[] = {"--agents", "--token-file", "--tls-cert", "--tls-key",
                                           "--tls-ca", "--insecure",   "--resume"};

/// "0,2-5" -> 0 2 3 4 5.
base::Result<std::vector<int>> parse_cpus(const std::string& text) {
  std::vector<int> cpus;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string item(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    int first = 0;
    const char* const item_end = item.data() + item.size();
    std::from_chars_result parsed = std::from_chars(item.data(), item_end, first);
    int last = first;
    if (parsed.ec == std::errc{} && parsed.ptr != item_end && *parsed.ptr == '-') {
      parsed = std::from_chars(parsed.ptr + 1, item_end, last);
    }
    if (parsed.ec != std::errc{} || parsed.ptr != item_end || first < 0 || last < first || last > 8191) {
      base::Error bad{.code = base::Code::InvalidArgument,
                      .what = "'" + item + "' is neither a CPU nor a range of CPUs",
                      .where = "--cpus " + text};
      return base::fail(std::move(bad).add_likely("it is misspelt").add_try("write numbers and ranges: --cpus 0,2-5"));
    }
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

/// What CLI11 fills in as text before it is checked.
struct RawOptions {
  std::string progress = "auto", progress_interval, duration, cpus, seed, errors = "long";
};

/// A check whose words stand in the option's description, not in the name of its type.
template <class Check>
Check silent(Check check) {
  check.description("");
  return check;
}

void add_concurrency(CLI::App& command, RunOptions& run) {
  command.add_option("--concurrency", run.concurrency, "Operations in flight, 1 to 100,000 [the plan's, else 16]")
      ->check(silent(CLI::Range(1, 100000)))
      ->type_name("N");
}

void add_progress(CLI::App& command, RawOptions& raw) {
  command.add_option("--progress", raw.progress, "Live display on stderr: auto, tty, plain, json or none")
      ->check(silent(CLI::IsMember({"auto", "tty", "plain", "json", "none"})))
      ->type_name("MODE")
      ->capture_default_str();
}

/// What every command that reads a plan takes.
void add_plan_options(CLI::App& command, RunOptions& run, RawOptions& raw) {
  command.add_option("--set", run.sets, "Override a key of the plan: --set concurrency=32 --set workload[0].weight=5")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command.add_flag("--allow-unknown-keys", run.allow_unknown_keys,
                   "Keys that sluice does not know are warnings, not errors");
  command.add_option("--errors", raw.errors, "How much an error says: long or short")
      ->check(silent(CLI::IsMember({"long", "short"})))
      ->type_name("FORM")
      ->capture_default_str();
}

void add_delete_foreign(CLI::App& command, RunOptions& run) {
  command.add_flag("--yes-delete-foreign", run.delete_foreign,
                   "Cleanup also removes datasets that this plan did not make");
}

void add_load_options(CLI::App& command, RunOptions& run, RawOptions& raw) {
  command.add_option("--results", run.results, "Where each run makes its own folder")
      ->type_name("DIR")
      ->capture_default_str();
  command
      .add_option(
          "--journal", run.journal,
          "Where the results can be asked: sqlite:PATH, postgres://..., or none [journal.db in the run's folder]")
      ->type_name("URI");
  command.add_flag("--json", run.json, "Print the summary as one JSON document on stdout, and nothing else there");
  add_progress(command, raw);
  command
      .add_option("--progress-interval", raw.progress_interval, "How often it is refreshed [1s; 250ms on a terminal]")
      ->type_name("TIME");
  command.add_option("--workers", run.workers, "Loop threads, 1 to 1024 [number of cores]")
      ->check(silent(CLI::Range(1, 1024)))
      ->type_name("N");
  add_concurrency(command, run);
  command.add_option("--duration", raw.duration, "Of every execute and hybrid stage: 30s, 5m, 1h30m")
      ->type_name("TIME");
  command.add_option("--seed", raw.seed, "Same seed, same plan: same names, sizes and order")->type_name("N");
  command.add_option("--cpus", raw.cpus, "Pin the workers to these CPUs: 0,2-5")->type_name("LIST");
  command.add_option("--only", run.only, "Run only these stages")->type_name("STAGE")->expected(1)->take_all();
  command.add_option("--skip", run.skip, "Leave these stages out")->type_name("STAGE")->expected(1)->take_all();
}

/// A duration from the command line, within bounds; absent where the option was not given.
base::Result<std::optional<base::Nanos>> parse_time(const std::string& text, const char* option, base::Nanos min,
                                                    base::Nanos max) {
  if (text.empty()) return std::nullopt;
  base::Result<base::Nanos> parsed = base::parse_duration(text);
  if (!parsed) {
    parsed.error().where = std::string(option) + " " + text;
    return base::fail(
        std::move(parsed.error().add_likely("it is misspelt, or the unit is not one of ns, us, ms, s, m, h, d")));
  }
  if (*parsed >= min && *parsed <= max) return *parsed;
  const std::string range = "from " + base::format_duration(min) + " to " + base::format_duration(max);
  base::Error error{.code = base::Code::InvalidArgument,
                    .what = std::string(option) + " must be " + range + ", not " + text,
                    .where = "the command line"};
  return base::fail(std::move(error).add_likely("another unit is meant").add_try("give a value within the range"));
}

base::Error not_built(const std::string& what) {
  base::Error error{.code = base::Code::Unsupported,
                    .what = "this version does not have '" + what + "' yet",
                    .where = "the command line"};
  return std::move(error).add_likely("it is described, but not built yet").add_try("sluice --help lists what there is");
}

base::Result<void> check_journal(const std::string& uri) {
  if (uri.empty() || uri == "none") return {};
  return check_journal_uri(uri);
}

base::Result<void> check(RawOptions& raw, RunOptions& run) {
  const std::pair<const char*, ProgressMode> modes[] = {{"auto", ProgressMode::Auto},
                                                        {"tty", ProgressMode::Tty},
                                                        {"plain", ProgressMode::Plain},
                                                        {"json", ProgressMode::Json},
                                                        {"none", ProgressMode::None}};
  for (const auto& [name, mode] : modes) {
    if (raw.progress == name) run.progress = mode;
  }
  run.brief_errors = raw.errors == "short";
  if (run.results.empty()) {
    base::Error error{
        .code = base::Code::InvalidArgument, .what = "--results names no directory", .where = "the command line"};
    return base::fail(
        std::move(error).add_likely("a variable of the shell is empty").add_try("--results DIR, or leave it out"));
  }
  SLUICE_CHECK(check_journal(run.journal));
  SLUICE_TRY(run.duration,
             parse_time(raw.duration, "--duration", base::Nanos{1'000'000}, base::Nanos{31'536'000'000'000'000}));
  SLUICE_TRY(run.progress_interval, parse_time(raw.progress_interval, "--progress-interval", base::Nanos{50'000'000},
                                               base::Nanos{3'600'000'000'000}));
  SLUICE_TRY(run.cpus, parse_cpus(raw.cpus));
  if (raw.seed.empty()) return {};
  base::Result<std::uint64_t> seed = base::parse_count(raw.seed);
  if (!seed) {
    seed.error().where = "--seed " + raw.seed;
    return base::fail(std::move(seed.error().add_likely("it is misspelt, below 0, or has more than 64 bits")));
  }
  run.seed = *seed;
  return {};
}

/// "sluice results rebuild": the command as far as it was understood.
std::string command_of(const CLI::App& app) {
  std::string words = app.get_name();
  for (const auto* below = &app; !below->get_subcommands().empty();) {
    below = below->get_subcommands().front();
    words += " " + below->get_name();
  }
  return words;
}

base::Error usage_error(std::string what, std::string likely, const CLI::App& app) {
  while (what.ends_with('\n') || what.ends_with('.')) what.pop_back();
  base::Error error{.code = base::Code::InvalidArgument, .what = std::move(what), .where = "the command line"};
  return std::move(error).add_likely(std::move(likely)).add_try(command_of(app) + " --help");
}

base::Error not_understood(const std::vector<std::string>& rest, const CLI::App& app) {
  std::string words;
  for (const std::string& word : rest) words += " " + word;
  return usage_error("this was not understood:" + words,
                     "an option or a command is misspelt, or stands where another one takes it for its value", app);
}

/// What CLI11 says of something that is missing, by what it was.
base::Error missing(const CLI::RequiredError& error, const CLI::App& app) {
  const std::vector<std::string> rest = app.remaining(true);
  if (!rest.empty()) return not_understood(rest, app);
  std::string what = error.what();
  if (app.get_subcommands().empty()) what = "a command is missing";
  if (what == "A subcommand is required")
    what = command_of(app) + " needs a command below it: list, show, query, follow, ...";
  return usage_error(std::move(what), "the command line ends too early, or an option has taken the word for its value",
                     app);
}

/// CLI11 takes an unknown command for a missing one.
base::Error no_such_command(const std::string& name, const CLI::App& app) {
  base::Error error{
      .code = base::Code::InvalidArgument, .what = "there is no command '" + name + "'", .where = "the command line"};
  std::string commands;
  for (const CLI::App* command : app.get_subcommands({}))
    commands += (commands.empty() ? "" : ", ") + command->get_name();
  return std::move(error)
      .add_likely("it is misspelt")
      .add_try("the commands are: " + commands)
      .add_try("sluice --help");
}

constexpr const char* kFooter = R"(Examples:
  sluice run /mnt/nas/scratch            a safe mixed run in its own folder below that directory
  sluice run plan.yaml --duration 5m     a benchmark as the plan says, for five minutes
  sluice validate plan.yaml              check everything, touch nothing
  sluice cleanup plan.yaml               remove what the plan prepared
  sluice results list                    what there is; sluice results --help for what can be asked
Exit codes: 0 done, 1 failed, 2 bad usage or plan, 3 threshold missed, 4 a host was lost,
129 SIGHUP, 130 Ctrl-C, 143 SIGTERM)";

/// The commands as CLI11 knows them, and where it puts what they were given.
struct Grammar {
  Grammar();

  CommandLine line;
  RawOptions raw;
  std::string shell = "bash";
  CLI::App app{"sluice: a storage benchmark that never stalls", "sluice"};
  CLI::App* run = nullptr;
  CLI::App* validate = nullptr;
  CLI::App* cleanup = nullptr;
  CLI::App* results = nullptr;
  ResultsGrammar results_grammar;
  CLI::App* completion = nullptr;

 private:
  void add_run();
  void add_validate();
  void add_cleanup();
  void add_results();
  void add_completion();
};

Grammar::Grammar() {
  app.set_help_flag("-h,--help", "Show this text");
  app.set_version_flag("--version", std::string("sluice ") + kVersion, "Show the version");
  app.require_subcommand(1);
  add_run();
  add_validate();
  add_cleanup();
  add_results();
  add_completion();
  app.footer(kFooter);  // last: the commands would inherit it
}

void Grammar::add_run() {
  run = app.add_subcommand("run", "Run a benchmark: a plan, or a directory or URI without one");
  run->add_option("PLAN|URI", line.run.subject, "plan.yaml, a directory, file://, direct:// or null:// URI")
      ->required()
      ->type_name("");
  add_load_options(*run, line.run, raw);
  add_plan_options(*run, line.run, raw);
  add_delete_foreign(*run, line.run);
  run->add_flag("--yes-overwrite-device", line.run.overwrite_device,
                "Write to a block device that is mounted, partitioned or holds data");
}

void Grammar::add_validate() {
  validate = app.add_subcommand("validate", "Parse and check a plan, say what would happen, touch nothing");
  validate->add_option("PLAN", line.run.subject, "plan.yaml")->required()->type_name("");
  validate->add_flag("--json", line.run.json, "Print the findings as JSON on stdout");
  add_plan_options(*validate, line.run, raw);
}

void Grammar::add_cleanup() {
  cleanup = app.add_subcommand("cleanup", "Remove what a plan prepared, and what its runs put");
  cleanup->add_option("PLAN", line.run.subject, "plan.yaml")->required()->type_name("");
  cleanup->add_option("--results", line.run.results, "Where its runs left their results")
      ->type_name("DIR")
      ->capture_default_str();
  add_concurrency(*cleanup, line.run);
  add_progress(*cleanup, raw);
  add_plan_options(*cleanup, line.run, raw);
  add_delete_foreign(*cleanup, line.run);
}

void Grammar::add_results() {
  results = app.add_subcommand("results", "Work with what runs have left");
  results->require_subcommand(1);
  results_grammar.add_to(*results);
}

void Grammar::add_completion() {
  completion = app.add_subcommand("completion", "Print a completion script: source <(sluice completion bash)");
  completion->add_option("SHELL", shell, "bash, the only one so far")
      ->check(silent(CLI::IsMember({"bash"})))
      ->type_name("");
}

/// What CLI11 cannot tell well: commands and options of later versions, and commands that do not exist.
base::Result<void> check_words(std::span<char*> words, const CLI::App& app) {
  if (words.empty()) return {};
  const std::string command = words.front();
  if (std::ranges::find(kUnbuiltCommands, command) != std::end(kUnbuiltCommands)) {
    return base::fail(not_built("sluice " + command));
  }
  if (command == "results" && words.size() > 1 &&
      std::ranges::find(kUnbuiltResults, std::string_view(words[1])) != std::end(kUnbuiltResults)) {
    return base::fail(not_built("sluice results " + std::string(words[1])));
  }
  const auto named = [&](const CLI::App* known) { return known->get_name() == command; };
  if (!command.starts_with('-') && std::ranges::none_of(app.get_subcommands({}), named)) {
    return base::fail(no_such_command(command, app));
  }
  for (const std::string word : words) {
    if (command == "results") break;  // it has some of them
    const std::string option = word.substr(0, word.find('='));
    if (std::ranges::find(kUnbuiltOptions, option) != std::end(kUnbuiltOptions)) {
      return base::fail(not_built(fmt::format("sluice {} {}", command, option)));
    }
  }
  return {};
}

}  // namespace

base::Result<CommandLine> read_command_line(int argc, char** argv) {
  Grammar grammar;
  CommandLine& line = grammar.line;
  SLUICE_CHECK(check_words({argv + 1, static_cast<std::size_t>(std::max(argc - 1, 0))}, grammar.app));
  try {
    grammar.app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    line.text = grammar.app.help();
    return std::move(line);
  } catch (const CLI::CallForVersion&) {
    line.text = std::string("sluice ") + kVersion + "\n";
    return std::move(line);
  } catch (const CLI::ExtrasError&) {
    return base::fail(not_understood(grammar.app.remaining(true), grammar.app));
  } catch (const CLI::RequiredError& error) {
    return base::fail(missing(error, grammar.app));
  } catch (const CLI::ParseError& error) {
    return base::fail(usage_error(error.what(), "the value is misspelt, or meant for another option", grammar.app));
  }
  SLUICE_CHECK(check(grammar.raw, line.run));
  if (grammar.run->parsed()) line.kind = CommandKind::Run;
  if (grammar.validate->parsed()) line.kind = CommandKind::Validate;
  if (grammar.cleanup->parsed()) line.kind = CommandKind::Cleanup;
  if (grammar.results->parsed()) {
    line.kind = CommandKind::Results;
    SLUICE_TRY(line.results, grammar.results_grammar.finish());
  }
  if (grammar.completion->parsed()) line.text = completion_script();
  return std::move(line);
}

}  // namespace sluice::app
