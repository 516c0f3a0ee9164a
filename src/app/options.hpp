#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/results/results_options.hpp"
#include "base/error.hpp"
#include "base/time.hpp"

namespace sluice::app {

enum class ProgressMode : std::uint8_t { Auto, Tty, Plain, Json, None };

/// What the command line said of a run, a validation or a cleanup.
struct RunOptions {
  std::string subject;  ///< PLAN.yaml, a directory or a URI
  std::string results = "results";
  std::string journal;  ///< sqlite:PATH, none; empty: journal.db in the run's folder
  bool json = false;
  ProgressMode progress = ProgressMode::Auto;
  std::optional<base::Nanos> progress_interval;
  std::optional<std::uint32_t> workers;
  std::optional<std::uint32_t> concurrency;
  std::optional<base::Nanos> duration;
  std::optional<std::uint64_t> seed;
  std::vector<int> cpus;
  std::vector<std::string> sets;
  std::vector<std::string> only, skip;
  bool allow_unknown_keys = false;
  bool delete_foreign = false;
  bool overwrite_device = false;
  bool brief_errors = false;
};

enum class CommandKind : std::uint8_t { Run, Validate, Cleanup, Results, Printed };

/// A command line that has been read: which command, and what belongs to it.
struct CommandLine {
  CommandKind kind = CommandKind::Printed;
  RunOptions run;
  ResultsOptions results;
  std::string text;  ///< Printed: help or the version, for stdout
};

/// Reads the command line. Errors: InvalidArgument with what was meant, for exit code 2.
base::Result<CommandLine> read_command_line(int argc, char** argv);

}  // namespace sluice::app
