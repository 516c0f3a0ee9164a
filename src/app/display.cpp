#include "app/display.hpp"

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include <fmt/format.h>
#include <unistd.h>

#include "app/terminal.hpp"
#include "async/stop_flag.hpp"
#include "report/live.hpp"
#include "report/stats.hpp"

namespace sluice::app {

namespace {
constexpr std::size_t kColumns = 80;  ///< of a terminal that does not say
}

struct Display::Shared {
  Shared(ProgressMode the_mode, base::Nanos the_interval, const load::RunContext& the_context, const RunSink& the_sink,
         Console& the_console, const async::Executor& the_executor)
      : mode(the_mode),
        interval(the_interval),
        context(the_context),
        sink(the_sink),
        console(the_console),
        executor(the_executor) {}

  /// outlives: the Display, which waits for the task's end.
  static async::Task<> run(Shared& shared);
  async::Task<> show();
  std::string draw();
  report::LiveFrame frame();

  const ProgressMode mode;
  const base::Nanos interval;
  const load::RunContext& context;  // outlives: the session's, as the next three
  const RunSink& sink;              // outlives: see above
  Console& console;                 // outlives: see above
  const async::Executor& executor;  // outlives: see above
  async::StopFlag stopping;
  std::mutex mutex;  ///< for what begin() sets, all below
  Stage stage;
  bool has_stage = false;
  report::ProgressRate rate;
  std::string drawn;  ///< the last block, which the next one replaces
};

report::LiveFrame Display::Shared::frame() {
  const base::Instant now = base::now();
  report::LiveFrame frame;
  const model::Progress& progress = context.activity.progress;
  frame.done = progress.done.load(std::memory_order_relaxed);
  base::Nanos duration{0};
  bool draws_workload = false;
  {
    std::lock_guard lock(mutex);
    draws_workload = model::is_load(stage.type);
    frame.stage = stage.name;
    frame.type = stage.type;
    frame.index = stage.index + 1;
    frame.stages = stage.stages;
    frame.elapsed = now - stage.began;
    duration = stage.duration;
    rate.sample(frame.elapsed, frame.done);
    frame.rate = rate.per_second();
  }
  frame.run_elapsed = now - context.started;
  if (const std::uint64_t total = progress.total.load(std::memory_order_relaxed); total != model::Progress::kUnknown) {
    frame.total = total;
  }
  auto [what, unit] = context.activity.get();
  frame.unit = std::move(unit);
  frame.activity = std::move(what);
  frame.eta = rate.time_left(frame.total);
  if (duration.count() > 0 && !frame.total) frame.eta = std::max(base::Nanos{0}, duration - frame.elapsed);
  if (draws_workload && now < context.budget.backoff_until()) frame.remark = "backing off: too many errors a second";
  sink.fill(frame);
  // Sync workers have no loop, so the longest hold is often that of the run's own loops.
  frame.max_stall_ns = std::max(frame.max_stall_ns, executor.stats().max_hold_ns);
  return frame;
}

std::string Display::Shared::draw() {
  const report::LiveFrame now = frame();
  if (mode == ProgressMode::Plain) return report::render_plain(now);
  if (mode == ProgressMode::Json) return report::render_json(now);
  const std::size_t told = terminal_columns(STDERR_FILENO);
  const std::size_t columns = told > 0 ? told : kColumns;
  std::lock_guard lock(mutex);
  std::string text;
  // A terminal that has become narrower since has wrapped the block.
  if (!drawn.empty()) text = fmt::format("\x1b[{}A\r\x1b[J", report::lines_on_terminal(drawn, columns));
  drawn = report::render_tty(now, columns, allows_colour());
  return text + drawn;
}

/// A picture says how far up the one before began, so none may be left out: it is drawn when the terminal has that one.
async::Task<> Display::Shared::show() {
  {
    std::lock_guard lock(mutex);
    if (!has_stage) co_return base::Result<void>();
  }
  if (mode == ProgressMode::Tty && !console.is_ready()) co_return base::Result<void>();
  co_return co_await console.tell(draw());
}

async::Task<> Display::Shared::run(Shared& shared) {
  base::Instant next = base::now();
  while (true) {
    next = std::max(next + shared.interval, base::now());
    SLUICE_CO_TRY(const bool is_last, co_await shared.stopping.wait(async::Deadline::at(next)));
    SLUICE_CO_CHECK(co_await shared.show());
    if (is_last) co_return base::Result<void>();
  }
}

ProgressMode Display::resolve(ProgressMode mode) {
  if (mode != ProgressMode::Auto) return mode;
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  return isatty(STDERR_FILENO) != 0 && !dumb ? ProgressMode::Tty : ProgressMode::Plain;
}

Display::Display(ProgressMode mode, base::Nanos interval, const load::RunContext& context, const RunSink& sink,
                 Console& console, async::Executor& executor)
    : shared_(std::make_unique<Shared>(resolve(mode), interval, context, sink, console, executor)) {
  if (shared_->mode == ProgressMode::None) return;
  // With a token of its own: it ends by stop() alone, after the last picture.
  auto task = executor.try_spawn("display", Shared::run(*shared_), {});
  if (task) task_ = std::move(*task);
}

Display::~Display() { stop(); }

void Display::begin(Stage stage) {
  std::lock_guard lock(shared_->mutex);
  shared_->stage = std::move(stage);
  shared_->has_stage = true;
  shared_->rate = {};
  shared_->rate.sample(base::Nanos{0}, 0);  // so that the first line has a rate
  // Each stage's last block stays on the screen; the next one is drawn below it.
  shared_->drawn.clear();
}

void Display::stop() {
  if (!task_) return;
  shared_->stopping.raise();
  // Its longest wait is the console's second.
  static_cast<void>(task_->join(async::Deadline::never()));
  task_.reset();
}

}  // namespace sluice::app
