#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/units.hpp"
#include "load/stage_job.hpp"

extern char** environ;

namespace sluice::load {

namespace {

constexpr std::size_t kOutputMax = 65'536;
constexpr std::size_t kReadMax = std::size_t{1} << 20;
constexpr base::Nanos kDefaultTimeout{600'000'000'000};
/// Between SIGTERM and SIGKILL.
constexpr base::Nanos kGrace{5'000'000'000};

/// A command of a custom stage: runs in its own process group, its output kept (the last 64 KiB of it).
class Command {
 public:
  ~Command() {
    if (output_ >= 0) close(output_);
  }

  base::Result<void> start(const model::Stage& stage);
  /// Reads what is there, waiting for at most 50 ms; false once the command has ended. With `to_the_last` nothing of
  /// its process group is left then.
  bool turn(bool to_the_last);
  void signal(int number) const { kill(-pid_, number); }

  /// Of waitpid; only after turn() has returned false.
  int status() const { return status_; }
  std::string output() && { return std::move(text_); }

 private:
  /// Reads what is there, up to a bound; a command that never stops printing must not keep us here.
  void read_some();

  pid_t pid_ = -1;
  int output_ = -1;
  int status_ = 0;
  std::string text_;
};

base::Result<void> Command::start(const model::Stage& stage) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return base::fail(base::from_errno(errno, "could not make a pipe"));
  output_ = ends[0];
  fcntl(output_, F_SETFL, O_NONBLOCK);

  std::vector<std::string> words{stage.command};
  words.insert(words.end(), stage.args.begin(), stage.args.end());
  // A command with blanks and no args is a line for the shell, as in other tools' plans.
  if (stage.args.empty() && stage.command.find(' ') != std::string::npos) words = {"/bin/sh", "-c", stage.command};
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE}) sigaddset(&defaults, number);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error = posix_spawnp(&pid_, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error == 0) return {};
  base::Error problem =
      base::from_errno(error, "the command of stage '" + stage.name + "' could not be started", stage.command);
  if (error == ENOENT) {
    problem.likely = {"its name is misspelt, or it is not installed on this host"};
    problem.try_next.clear();
  }
  return base::fail(std::move(problem).add_try("give the full path; is it installed on this host and executable?"));
}

void Command::read_some() {
  std::array<char, 8192> piece;
  for (std::size_t taken = 0; output_ >= 0 && taken < kReadMax;) {
    const ssize_t got = read(output_, piece.data(), piece.size());
    if (got < 0) break;
    if (got == 0) {  // closed: polling it would return at once for ever
      close(output_);
      output_ = -1;
      break;
    }
    taken += static_cast<std::size_t>(got);
    text_.append(piece.data(), static_cast<std::size_t>(got));
    if (text_.size() > 2 * kOutputMax) text_.erase(0, text_.size() - kOutputMax);
  }
}

bool Command::turn(bool to_the_last) {
  pollfd ready{.fd = output_, .events = POLLIN, .revents = 0};
  poll(&ready, 1, 50);
  read_some();
  // A grandchild may hold the pipe for ever: the command itself decides. It is reaped last, so that its number still
  // stands for its group when that is killed.
  siginfo_t ended{};
  if (waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0)
    return true;
  if (to_the_last) signal(SIGKILL);
  waitpid(pid_, &status_, 0);
  read_some();  // what it printed since
  if (text_.size() > kOutputMax) text_.erase(0, text_.size() - kOutputMax);
  return false;
}

std::string describe(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("was ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("ended with exit status {}", WEXITSTATUS(status));
}

/// The last line that is not empty, for the error's chain.
std::string last_line_of(std::string_view text) {
  text = text.substr(0, text.find_last_not_of("\r\n") + 1);  // npos + 1 is 0
  return std::string(text.substr(text.find_last_of('\n') + 1));
}

}  // namespace

StageResult run_custom(StageJob& job) {
  const model::Stage& stage = job.stage();
  const base::Instant began = base::now();
  job.begin_activity("running " + stage.command, "commands", 1);
  job.tell_ready();
  Command command;
  if (auto started = command.start(stage); !started) return StageJob::failed(std::move(started).error());

  const base::Instant timeout = began + stage.timeout.value_or(kDefaultTimeout);
  base::Instant kill_at = base::Instant::never();
  bool timed_out = false;
  bool is_ending = false;
  while (command.turn(is_ending)) {
    const base::Instant now = base::now();
    job.collector().emit(now);
    timed_out = timed_out || (now >= timeout && !is_ending);
    if (!is_ending && (timed_out || job.control().stop_requested())) {
      is_ending = true;
      command.signal(SIGTERM);
      kill_at = std::min(now + kGrace, job.control().drain_until());
    }
    if (now >= kill_at || job.control().aborted()) command.signal(SIGKILL);
  }
  const int status = command.status();
  StageResult result{.window_ns = (base::now() - began).count(), .output = std::move(command).output()};
  if (timed_out) {
    result.status = model::RunStatus::Failed;
    result.error = base::Error{.code = base::Code::DeadlineExceeded,
                               .what = fmt::format("the command of stage '{}' did not end within {}", stage.name,
                                                   base::format_duration(stage.timeout.value_or(kDefaultTimeout))),
                               .where = stage.command};
    result.error->add_likely("the command waits for something, or has more to do than its timeout allows")
        .add_try("raise timeout_secs of the stage")
        .add_try("look at its output in summary.json");
  } else if (job.control().stop_requested()) {
    result.status = model::RunStatus::Interrupted;
  } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    result.status = model::RunStatus::Failed;
    result.error = base::Error{.code = base::Code::Unavailable,
                               .what = fmt::format("the command of stage '{}' {}", stage.name, describe(status)),
                               .where = stage.command};
    if (std::string line = last_line_of(result.output); !line.empty()) result.error->chain.push_back(std::move(line));
    result.error->add_likely("the command itself found something wrong: its last words are the cause");
    result.error->add_try("run the command by hand; all that it said is `output` in summary.json")
        .add_try("optional: true lets the run go on without it");
  }
  job.context().activity.progress.add(1);
  return result;
}

}  // namespace sluice::load
