#pragma once

#include <string>
#include <vector>

#include "app/results/results_options.hpp"
#include "base/error.hpp"

namespace sluice::app {

/// The run that a command is about.
struct RunChoice {
  std::string dir;  ///< its results directory; "": it is in the asked database alone
  std::string id;
};

/// Finds options.run: a results directory, the name of one below options.results, or the beginning of a run id there.
/// Blocks on the disk. Errors: InvalidArgument (nothing was named, or several runs begin so), NotFound.
base::Result<RunChoice> choose_run(const ResultsOptions& options);
/// The same in a list of run ids.
base::Result<std::string> choose_id(const std::vector<std::string>& ids, const std::string& run,
                                    const std::string& where);

/// The results directories right below `parent`, by name. Errors: what the system says of `parent`.
base::Result<std::vector<std::string>> results_dirs_below(const std::string& parent);
/// There is a log in it, or a summary.
bool is_results_dir(const std::string& dir);
/// As the log says, else as the directory's name says.
std::string run_id_of(const std::string& dir);

/// A living process writes the log. Where the file system has no locks, it is one that was written to a moment ago.
bool is_being_written(const std::string& dir);
/// Errors: Unavailable, for commands that cannot work beside it.
base::Result<void> refuse_while_written(const std::string& dir);

/// Text from outside for a message: one line, and not too long.
std::string shown(const std::string& text);

}  // namespace sluice::app
