#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include <fcntl.h>

#include "app/options.hpp"
#include "app/results/commands.hpp"
#include "app/results/results_json.hpp"
#include "app/results_dir.hpp"
#include "app/session.hpp"
#include "app/validate_command.hpp"
#include "protocol/exit_code.hpp"

namespace {

using namespace sluice;

/// A standard descriptor that the caller closed would be given to the next file that is opened, the log for one, and
/// what is meant for a terminal would be written into it.
void occupy_standard_descriptors() {
  for (const int descriptor : {0, 1, 2}) {
    if (fcntl(descriptor, F_GETFD) < 0) static_cast<void>(open("/dev/null", O_RDWR));
  }
}

int run(const app::RunOptions& options) {
  const std::string run_id = app::make_run_id();
  base::Result<app::LoadedPlan> loaded = app::load_plan(options, run_id, true);
  if (!loaded) return app::report_error(loaded.error(), options, protocol::kExitBadUsage);
  if (auto built = app::refuse_unbuilt(loaded->plan, options.subject); !built) {
    return app::report_error(built.error(), options, protocol::kExitBadUsage);
  }
  return app::run_session(std::move(*loaded), options, run_id, true);
}

/// The plan's own cleanup, alone.
int clean_up(const app::RunOptions& options) {
  const std::string run_id = app::make_run_id();
  base::Result<app::LoadedPlan> loaded = app::load_plan(options, run_id, false);
  if (!loaded) return app::report_error(loaded.error(), options, protocol::kExitBadUsage);
  loaded->plan.stages = {{.name = "cleanup", .type = model::StageType::Cleanup}};
  return app::run_session(std::move(*loaded), options, run_id, false);
}

/// What a command has printed is still in the stream's buffer, and a full disk shows when it is written. A reader that
/// has seen enough is no failure.
int flushed(int exit_code) {
  errno = 0;
  const bool failed = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  if (!failed || errno == EPIPE) return exit_code;
  base::Error error = base::from_errno(errno == 0 ? EIO : errno, "what was printed could not be written", "stdout");
  error.try_next = {"write it to another file or disk"};
  std::fprintf(stderr, "%s\n", base::to_text(error).c_str());
  return exit_code == protocol::kExitDone ? protocol::kExitFailed : exit_code;
}

int carry_out(const app::CommandLine& line) {
  switch (line.kind) {
    case app::CommandKind::Run: return run(line.run);
    case app::CommandKind::Validate: return app::validate_command(line.run);
    case app::CommandKind::Cleanup: return clean_up(line.run);
    case app::CommandKind::Results: return app::results_command(line.results);
    case app::CommandKind::Printed: std::fputs(line.text.c_str(), stdout); return protocol::kExitDone;
  }
  return protocol::kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
  occupy_standard_descriptors();
  base::Result<app::CommandLine> line = app::read_command_line(argc, argv);
  if (!line) {
    const bool json =
        std::any_of(argv, argv + argc, [](const char* word) { return std::string_view(word) == "--json"; });
    if (argc > 2 && std::string_view(argv[1]) == "results") {
      return app::report_failure(line.error(), {.command = app::results_command_called(argv[2]), .json = json});
    }
    app::RunOptions options;  // all that can be told of a command line that was not understood
    options.json = json;
    return app::report_error(line.error(), options, protocol::kExitBadUsage);
  }
  return flushed(carry_out(*line));
}
