// A journal over SQLite and one over PostgreSQL, side by side, for hours: writers, readers, streams and followers,
// whose deadlines pass and who cancel, while blocks are cut out, attempts discarded, journals closed and opened,
// databases held up and taken down. What has to be true at the end is looked at then; the exit code says whether it
// was.
#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "folder.hpp"
#include "programs.hpp"
#include "resident.hpp"
#include "soak_arena.hpp"

namespace sluice::journal {
namespace {

using namespace std::chrono_literals;

constexpr base::Nanos kOverrunMax{1s};
constexpr double kGrowthMax = 1.1, kGrowthMibMax = 16;  ///< of memory, from the first half to the second

volatile std::sig_atomic_t is_interrupted = 0;
void interrupt(int /*signal*/) { is_interrupted = 1; }

/// The first one ends the soak, with its checks; the next one the program.
void hear_interrupts() {
  struct sigaction action{};
  action.sa_handler = interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

double seconds(base::Nanos span) { return static_cast<double>(span.count()) / 1e9; }

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[values.size() / 2];
}

class Soak {
 public:
  explicit Soak(const std::string& dir) : folder_(dir) {
    arenas_.push_back(std::make_unique<SoakArena>(*executor_, seconds_, make_sqlite_store(folder_.path("journal.db")),
                                                  SoakOptions{}));
    arenas_.push_back(std::make_unique<SoakArena>(*executor_, seconds_, make_postgres_store(), SoakOptions{}));
  }

  /// Returns the exit code.
  int run(base::Nanos length) {
    for (const auto& arena : arenas_) arena->start();
    const base::Instant began = base::now();
    const base::Nanos tell_every = ::isatty(STDOUT_FILENO) != 0 ? 10s : 30s;
    base::Instant told = began;
    while (is_interrupted == 0 && base::now() - began < length) {
      ::poll(nullptr, 0, 1000);
      resident_mib_.push_back(resident_mib());
      if (base::now() - told < tell_every) continue;
      told = told + tell_every;
      tell_progress(base::now() - began);
    }
    fmt::print("{} after {:.0f} s; ending guests, looking at every block\n",
               is_interrupted != 0 ? "interrupted" : "ended", seconds(base::now() - began));
    std::fflush(stdout);
    for (const auto& arena : arenas_) arena->stop();
    return report();
  }

 private:
  void tell_progress(base::Nanos since) {
    std::string line = fmt::format("{:>6.0f} s", seconds(since));
    for (const auto& arena : arenas_) {
      line += fmt::format(" | {}: {} blocks, {} reads, {} troubles, {} wrong", arena->name(), arena->acknowledged(),
                          arena->tally().of(Call::Read).done, arena->troubles(), arena->tally().wrongs_count());
    }
    fmt::print("{} | {:.0f} MiB\n", line, resident_mib_.back());
    // At once: whoever waits for an hour wants to know what to look at.
    for (std::size_t i = 0; i < arenas_.size(); ++i) {
      const std::vector<std::string> wrongs = arenas_[i]->tally().wrongs();
      for (; told_wrongs_[i] < wrongs.size(); ++told_wrongs_[i]) {
        fmt::print("         {}: {}\n", arenas_[i]->name(), wrongs[told_wrongs_[i]]);
      }
    }
    std::fflush(stdout);
  }

  int report() {
    bool is_right = true;
    for (const auto& arena : arenas_) is_right = report_on(*arena) && is_right;
    return memory_is_flat() && is_right ? 0 : 1;
  }

  static bool report_on(SoakArena& arena) {
    const std::uint64_t there = arena.verify();
    fmt::print("\n{}: {}\n", arena.name(), arena.troubles_text());
    fmt::print("  {:<10}{:>12}{:>12}{:>16}  {}\n", "", "succeeded", "failed", "latest, s", "of the failed");
    constexpr const char* kNames[kCalls] = {"append", "read", "stream", "follow", "change"};
    base::Nanos overrun{0};
    for (std::size_t i = 0; i < kCalls; ++i) {
      const CallEnds ends = arena.tally().of(static_cast<Call>(i));
      std::string codes;
      for (const auto& [code, count] : ends.codes) codes += fmt::format(" {} {}", count, base::name_of(code));
      fmt::print("  {:<10}{:>12}{:>12}{:>16.3f} {}\n", kNames[i], ends.done, ends.failed,
                 std::max(0.0, seconds(ends.overrun_max)), codes);
      overrun = std::max(overrun, ends.overrun_max);
    }
    const std::vector<std::string> wrongs = arena.tally().wrongs();
    say(overrun <= kOverrunMax,
        fmt::format("no call outlived its deadline by more than 1 s: {:.3f} s", seconds(overrun)));
    say(wrongs.empty(),
        fmt::format("permits and slots are whole, and what was acknowledged is there: {} acknowledged, cut ones twice, "
                    "{} blocks looked at, {} wrong",
                    arena.acknowledged(), there, arena.tally().wrongs_count()));
    for (const std::string& wrong : wrongs) fmt::print("         {}\n", wrong);
    return wrongs.empty() && overrun <= kOverrunMax;
  }

  /// A tenth, and at least a minute, is left out: caches fill, and each thread's heap. A soak that is too short for a
  /// minute after that is not judged.
  bool memory_is_flat() const {
    constexpr std::ptrdiff_t kMinute = 60;  // samples
    const std::ptrdiff_t count = std::ssize(resident_mib_), from = std::max(count / 10, kMinute);
    fmt::print("\n");
    if (count - from < kMinute) {
      fmt::print("  -    memory: too short to be judged; {:.1f} MiB at the end\n", resident_mib());
      return true;
    }
    const auto begin = resident_mib_.begin() + from, middle = begin + (count - from) / 2;
    const double first = median({begin, middle}), second = median({middle, resident_mib_.end()});
    const bool is_flat = second <= std::max(first * kGrowthMax, first + kGrowthMibMax);
    say(is_flat, fmt::format("memory is flat: {:.1f} MiB in the first half, {:.1f} MiB in the second", first, second));
    return is_flat;
  }

  static void say(bool is_right, const std::string& what) { fmt::print("  {}  {}\n", is_right ? "yes" : "NO ", what); }

  const Folder folder_;
  BusySeconds seconds_;
  std::unique_ptr<async::Executor> executor_ =
      must(async::Executor::create({.worker_threads = 2, .queue_max = 4096, .name = "soak"}));
  std::vector<std::unique_ptr<SoakArena>> arenas_;
  std::vector<double> resident_mib_;
  std::array<std::size_t, 2> told_wrongs_{};  ///< of each arena
};

int run_soak(int argc, char** argv) {
  double hours = 0;
  try {
    hours = argc > 1 ? std::stod(argv[1]) : 0;
    if (!(hours > 0) || argc % 2 != 0) throw std::invalid_argument("hours");
    const limits::Options options(argc - 2, argv + 2);
    hear_interrupts();
    return Soak(options.text("dir", "")).run(base::Nanos{static_cast<std::int64_t>(hours * 3.6e12)});
  } catch (const std::invalid_argument&) {
    fmt::print(stderr, "usage: bench_journal_soak HOURS [--dir D]\n");
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}

}  // namespace
}  // namespace sluice::journal

int main(int argc, char** argv) { return sluice::journal::run_soak(argc, argv); }
