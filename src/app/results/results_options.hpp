#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/export_format.hpp"
#include "base/error.hpp"
#include "base/time.hpp"
#include "journal/tiers/filter.hpp"

namespace CLI {
class App;
}  // namespace CLI

namespace sluice::app {

enum class ResultsCommand : std::uint8_t {
  None,
  List,
  Show,
  Query,
  Verify,
  Lag,
  Repair,
  Follow,
  Export,
  Import,
  Discard,
  Rebuild
};

/// A time on the command line: on the wall clock, or since the run began.
struct Moment {
  bool is_offset = false;
  std::int64_t ns = 0;
};

/// What `sluice results query` asks for.
struct QueryOptions {
  journal::OperationSet operations = 0;
  bool errors = false;
  journal::Range<std::int64_t> latency_ns{.min = INT64_MIN, .max = INT64_MAX};
  journal::Range<std::uint64_t> bytes{.min = 0, .max = UINT64_MAX};
  std::optional<journal::TargetMatch> target;
  std::optional<Moment> from, to;
  std::optional<std::size_t> slowest;
  std::size_t limit = 1000;
};

enum class ExportSubject : std::uint8_t { Intervals, Operations };

/// What the command line said of results.
struct ResultsOptions {
  ResultsCommand command = ResultsCommand::None;
  std::string run;  ///< a results directory, or a run id or its beginning
  std::string results = "results";
  std::string journal;  ///< a URI; "": that of the results directory
  bool json = false;

  std::string plan;  ///< list: of this plan only
  std::vector<std::string> statuses;
  std::optional<base::WallTime> since;
  std::optional<std::size_t> limit;

  QueryOptions query;
  ExportFormat format = ExportFormat::Tsv;
  ExportSubject subject = ExportSubject::Intervals;
  bool is_op_log = false;  ///< export: every operation; query: of every operation
  std::string output;      ///< export: a file; "" and "-": stdout
  std::string into;        ///< import: a URI
  std::string stage;       ///< discard: a name, or a number as the tables have it
  std::uint32_t attempt = 0;
  bool is_sure = false;
};

/// The commands below `sluice results` and their options. One object for one parse of the command line, which it has to
/// outlive.
class ResultsGrammar {
 public:
  /// Adds them below `results`.
  void add_to(CLI::App& results);
  /// After the parse: the command and its options, as values. Errors: InvalidArgument, naming the option.
  base::Result<ResultsOptions> finish();

 private:
  struct Raw {
    std::string since, min_latency, max_latency, min_size, max_size, target, prefix, from, to, format = "tsv",
                                                                                               what = "intervals";
    std::vector<std::string> operations;
    std::optional<std::size_t> limit, slowest;
  };
  void add_list(CLI::App& results);
  void add_query(CLI::App& results);
  void add_checks(CLI::App& results);
  void add_export(CLI::App& results);
  void add_changes(CLI::App& results);
  /// A command on one run.
  CLI::App* add_command(CLI::App& results, const char* name, const char* words, ResultsCommand command);
  void add_json(CLI::App& command, const char* words);
  base::Result<void> finish_query();

  const CLI::App* app_ = nullptr;  // outlives: it holds pointers into this
  ResultsOptions options_;
  Raw raw_;
};

/// "2026-11-21T03:44:21.5Z", "2026-11-21 03:44", "2026-11-21", "20261121T034421Z": UTC. Nothing where it is none.
std::optional<base::WallTime> parse_utc(const std::string& text);

/// The command of that name, or None.
ResultsCommand results_command_called(std::string_view name);

}  // namespace sluice::app
