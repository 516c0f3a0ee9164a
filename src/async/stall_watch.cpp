#include "async/stall_watch.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "async/own_frames.hpp"
#include "async/schedstat.hpp"
#include "async/stack_capture.hpp"
#include "base/units.hpp"

namespace sluice::async {

namespace {

/// For a thread to answer the signal. A thread that waits for a processor takes longer on a busy machine, and is then
/// not stalled.
constexpr base::Nanos kAnswerMax{100'000'000};

/// Of a stack, for people.
constexpr std::size_t kFramesMax = 3;

/// 'R' of a thread that runs or could, 'D' of one that nothing can interrupt; '?' where the kernel does not tell.
char state_of(pid_t tid) {
  const int file = open(fmt::format("/proc/self/task/{}/stat", tid).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return '?';
  char text[256];
  const ssize_t got = read(file, text, sizeof text);
  close(file);
  const std::string_view stat(text, got < 0 ? 0 : static_cast<std::size_t>(got));
  const std::size_t name_ends = stat.rfind(')');
  return name_ends == std::string_view::npos || name_ends + 2 >= stat.size() ? '?' : stat[name_ends + 2];
}

}  // namespace

/// One registered thread; everything under the registry's mutex.
struct StallWatch::Watched {
  std::uint64_t id = 0;
  const HoldMark* mark = nullptr;  // outlives: until remove()
  std::string name;
  pthread_t thread{};
  pid_t tid = 0;
  SchedStat schedstat;
  std::int64_t delay_ns = 0;       ///< at the last look
  base::Instant turn;              ///< seen at the last look
  std::int64_t turn_delay_ns = 0;  ///< at the last look before the turn began: what came since is charged to the turn
  base::Instant reported_at;
  bool was_reported = false;
};

struct StallWatch::Suspect {
  std::uint64_t id;  ///< it may be gone
  base::Instant turn;
};

base::Result<std::unique_ptr<StallWatch>> StallWatch::create(Options options, Report report,
                                                             PermitReport permit_report) {
  StackCapture::prepare();
  std::unique_ptr<StallWatch> watch(new StallWatch(options, std::move(report), std::move(permit_report)));
  try {
    watch->sampler_ = std::thread([&self = *watch] { self.run(); });
  } catch (const std::system_error& thrown) {
    return base::fail(base::from_errno(thrown.code().value(), "could not start the thread that watches the loops"));
  }
  return watch;
}

StallWatch::StallWatch(Options options, Report report, PermitReport permit_report)
    : options_(options), report_(std::move(report)), permit_report_(std::move(permit_report)) {}

StallWatch::~StallWatch() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (sampler_.joinable()) sampler_.join();
}

void StallWatch::add(const HoldMark& mark, std::string_view name) {
  auto watched = std::make_unique<Watched>();
  watched->mark = &mark;
  watched->name = name;
  watched->thread = pthread_self();
  watched->tid = gettid();
  watched->schedstat.open();
  watched->delay_ns = watched->schedstat.read().run_delay_ns;
  std::lock_guard lock(mutex_);
  watched->id = ++last_id_;
  watched_.push_back(std::move(watched));
  if (watched_.size() > 1) return;
  ++registered_;
  changed_.notify_all();
}

void StallWatch::remove(const HoldMark& mark) {
  std::lock_guard lock(mutex_);
  std::erase_if(watched_, [&](const auto& watched) { return watched->mark == &mark; });
}

void StallWatch::watch(const Permits& permits) {
  std::lock_guard lock(mutex_);
  permits_.push_back({.probe = permits.probe(), .due = {}});
  ++registered_;
  changed_.notify_all();
}

StallWatch::Watched* StallWatch::find(const Suspect& suspect) {
  const auto it = std::ranges::find(watched_, suspect.id, [](const auto& watched) { return watched->id; });
  return it == watched_.end() ? nullptr : it->get();
}

/// When there is something to look at again. Under the mutex.
base::Instant StallWatch::next_look() const {
  const base::Instant loops = watched_.empty() ? base::Instant::never() : loops_due_;
  return permits_.empty() ? loops : std::min(loops, permits_due_);
}

void StallWatch::run() {
  pthread_setname_np(pthread_self(), "stall watch");
  for (;;) {
    std::vector<Suspect> suspects;
    std::vector<PermitHold> holds;
    {
      std::unique_lock lock(mutex_);
      const std::uint64_t registered = registered_;
      changed_.wait_until(lock, base::to_chrono(next_look()), [&] { return ending_ || registered_ != registered; });
      if (ending_) return;
      suspects = look();
      holds = look_at_permits();
    }
    for (const Suspect& suspect : suspects) question(suspect);
    if (!permit_report_) continue;
    for (const PermitHold& hold : holds) permit_report_(hold);
  }
}

/// Those that are to be told of. Under the mutex.
std::vector<PermitHold> StallWatch::look_at_permits() {
  std::vector<PermitHold> holds;
  const base::Instant now = base::now();
  if (permits_.empty() || now < permits_due_) return holds;
  permits_due_ = now + permit_period();
  std::erase_if(permits_, [](const WatchedPermits& watched) { return watched.probe.is_over(); });
  for (WatchedPermits& watched : permits_) {
    if (now < watched.due) continue;
    if (auto hold = watched.probe.held_longer_than(options_.permit_threshold)) {
      watched.due = now + options_.report_every;
      holds.push_back(std::move(*hold));
    }
  }
  return holds;
}

/// Those that are over the threshold, by what is known without asking them. Under the mutex.
std::vector<StallWatch::Suspect> StallWatch::look() {
  std::vector<Suspect> suspects;
  const base::Instant now = base::now();
  if (now < loops_due_) return suspects;
  loops_due_ = now + options_.threshold / 2;
  for (const auto& watched : watched_) {
    const base::Instant turn = watched->mark->since();
    if (turn != watched->turn) {
      watched->turn = turn;
      watched->turn_delay_ns = watched->delay_ns;
    }
    watched->delay_ns = watched->schedstat.read().run_delay_ns;
    if (turn == base::Instant{}) continue;
    const base::Instant t = base::now();
    const base::Nanos hold = t - turn - base::Nanos{watched->delay_ns - watched->turn_delay_ns};
    const bool is_due = !watched->was_reported || t - watched->reported_at >= options_.report_every;
    if (hold >= options_.threshold && is_due) suspects.push_back({.id = watched->id, .turn = turn});
  }
  return suspects;
}

/// Asks the thread itself. One that is waiting for a processor answers when it has got it, and then its run-queue delay
/// is known: often it was no hold after all.
void StallWatch::question(const Suspect& suspect) {
  StallReport report;
  StackCapture capture;
  std::int64_t on_cpu_ns = 0;
  bool is_asked = false;
  {
    std::lock_guard lock(mutex_);
    const Watched* watched = find(suspect);
    if (watched == nullptr || watched->mark->since() != suspect.turn) return;
    report.thread = watched->name;
    const std::optional<HoldMark::Text> work = watched->mark->work();
    if (!work || watched->mark->since() != suspect.turn) return;  // it has begun another
    report.work = work->data();
    on_cpu_ns = watched->schedstat.read().on_cpu_ns;
    is_asked = capture.ask(watched->thread);
  }
  const std::optional<StackCapture::Answer> answer =
      is_asked ? capture.wait(base::now() + kAnswerMax) : std::optional<StackCapture::Answer>();
  if (answer && answer->turn != suspect.turn) return;  // the turn had ended meanwhile
  {
    std::lock_guard lock(mutex_);
    Watched* watched = find(suspect);
    // An answer out of the turn is as good when the turn has ended since.
    if (watched == nullptr || (!answer && watched->mark->since() != suspect.turn)) return;
    const SchedStat::Figures figures = watched->schedstat.read();
    // No answer, runnable, and not running: it waits for a processor.
    if (!answer && is_asked && figures.on_cpu_ns == on_cpu_ns && state_of(watched->tid) == 'R') return;
    const base::Nanos wall = (answer ? answer->at : base::now()) - suspect.turn;
    const std::int64_t delay = figures.run_delay_ns - watched->turn_delay_ns;
    report.preempted = base::Nanos{std::clamp<std::int64_t>(delay, 0, wall.count())};
    report.hold = wall - report.preempted;
    if (report.hold < options_.threshold) return;
    watched->was_reported = true;
    watched->reported_at = base::now();
  }
  if (answer) report.stack = names_of(answer->frames);
  reports_.fetch_add(1, std::memory_order_relaxed);
  report_(report);
}

std::string to_text(const StallReport& report) {
  std::string text = fmt::format("the loop '{}' was held for {} by '{}'", report.thread,
                                 base::format_duration(report.hold), report.work);
  std::string_view before = ": ";
  for (const std::string& frame : own_frames(report.stack, kFramesMax)) {
    text.append(before).append(frame);
    before = " <- ";
  }
  return text;
}

}  // namespace sluice::async
