#include "app/results/commands.hpp"

#include <csignal>
#include <cstdio>
#include <string>

#include <poll.h>
#include <unistd.h>

#include "app/results/results_json.hpp"
#include "protocol/exit_code.hpp"

namespace sluice::app {

namespace {

/// A signal: nothing has to be saved, so the process ends at once, whatever hangs.
[[noreturn]] void leave(int signal, const ResultsOptions& options) {
  if (options.json) {
    const std::string text = failure_text({.code = base::Code::Cancelled,
                                           .what = "interrupted by a signal",
                                           .where = signal == SIGTERM ? "SIGTERM" : "SIGINT",
                                           .likely = {"Ctrl-C was pressed, or another process has ended this one"},
                                           .try_next = {"ask again"}},
                                          options.command);
    pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
    if (poll(&out, 1, 1000) > 0) static_cast<void>(!write(STDOUT_FILENO, text.data(), text.size()));
  }
  _exit(signal == SIGTERM ? protocol::kExitTerminated : protocol::kExitInterrupted);
}

int exit_code_of(const base::Result<void>& finished) {
  if (finished) return protocol::kExitDone;
  std::fprintf(stderr, "%s\n", base::to_text(finished.error()).c_str());
  return protocol::kExitFailed;
}

int carry_out(const ResultsOptions& options, Signals& signals) {
  switch (options.command) {
    case ResultsCommand::List: return list_command(options, signals);
    case ResultsCommand::Show: return show_command(options, signals);
    case ResultsCommand::Query: return query_command(options, signals);
    case ResultsCommand::Verify: return verify_command(options);
    case ResultsCommand::Lag: return lag_command(options);
    case ResultsCommand::Repair: return repair_command(options);
    case ResultsCommand::Follow: return follow_command(options, signals);
    case ResultsCommand::Export: return options.is_op_log ? export_op_log(options) : export_command(options);
    case ResultsCommand::Import: return import_command(options);
    case ResultsCommand::Discard: return discard_command(options);
    case ResultsCommand::Rebuild: return rebuild_command(options);
    case ResultsCommand::None: break;
  }
  return protocol::kExitBadUsage;
}

}  // namespace

void begin_answer(Signals& signals) {
  signals.listen([](int signal, std::uint32_t) {
    _exit(signal == SIGTERM ? protocol::kExitTerminated : protocol::kExitInterrupted);
  });
}

int finish_output(Output& output) { return exit_code_of(output.finish()); }

int finish_output(OpLogOutput& output) { return exit_code_of(output.finish()); }

int results_command(const ResultsOptions& options) {
  Signals signals;
  signals.listen([&options](int signal, std::uint32_t) { leave(signal, options); });
  return carry_out(options, signals);
}

}  // namespace sluice::app
