#pragma once

#include "app/op_log/op_log_output.hpp"
#include "app/output.hpp"
#include "app/results/results_options.hpp"
#include "app/signals.hpp"

namespace sluice::app {

/// Carries out a command below `sluice results`; returns the exit code. Ctrl-C and SIGTERM end it at once, with 130 and
/// 143; what a database has taken by then stays.
int results_command(const ResultsOptions& options);

// One each; all block, on `main`.
int list_command(const ResultsOptions& options, Signals& signals);
int show_command(const ResultsOptions& options, Signals& signals);
int query_command(const ResultsOptions& options, Signals& signals);
int follow_command(const ResultsOptions& options, Signals& signals);
int verify_command(const ResultsOptions& options);
int lag_command(const ResultsOptions& options);
int repair_command(const ResultsOptions& options);
int export_command(const ResultsOptions& options);
int export_op_log(const ResultsOptions& options);
int import_command(const ResultsOptions& options);
int discard_command(const ResultsOptions& options);
int rebuild_command(const ResultsOptions& options);

/// From now on a signal prints no document any more: the answer itself is being printed.
void begin_answer(Signals& signals);

/// The exit code of a command whose work is done: 0, or 1 where its output could not be written, which is said.
int finish_output(Output& output);
int finish_output(OpLogOutput& output);

}  // namespace sluice::app
