#include "app/display.hpp"

#include <algorithm>
#include <cstdlib>

#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report/live.hpp"

namespace sluice::app {

namespace {

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool wants_colour() {
  const char* no = std::getenv("NO_COLOR");
  return no == nullptr || *no == '\0';
}

}  // namespace

struct Display::Shared {
  Shared(ProgressMode the_mode, base::Nanos the_interval, const load::RunContext& the_context, const RunSink& the_sink,
         Console& the_console)
      : mode(the_mode), interval(the_interval), context(the_context), sink(the_sink), console(the_console) {}

  void run();
  void show();
  std::string draw();
  report::LiveFrame frame();

  const ProgressMode mode;
  const base::Nanos interval;
  const load::RunContext& context;  // outlives: the session's, as the next two
  const RunSink& sink;              // outlives: see above
  Console& console;                 // outlives: see above
  std::mutex mutex;
  std::condition_variable changed;
  Stage stage;
  bool has_stage = false;
  bool stopping = false;
  std::uint64_t backoffs_seen = 0;
  report::ProgressRate rate;
  std::size_t lines_drawn = 0;
};

report::LiveFrame Display::Shared::frame() {
  const base::Instant now = base::now();
  report::LiveFrame frame;
  const model::Progress& progress = context.activity.progress;
  frame.done = progress.done.load(std::memory_order_relaxed);
  base::Nanos duration{0};
  {
    std::lock_guard lock(mutex);
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
  if (now < context.budget.backoff_until()) frame.remark = "backing off: too many errors a second";
  sink.fill(frame);
  return frame;
}

std::string Display::Shared::draw() {
  const report::LiveFrame now = frame();
  if (mode == ProgressMode::Plain) return report::render_plain(now);
  if (mode == ProgressMode::Json) return report::render_json(now);
  std::string text;
  if (lines_drawn > 0) text = "\x1b[" + std::to_string(lines_drawn) + "A\r\x1b[J";
  const std::string block = report::render_tty(now, terminal_width(), wants_colour());
  lines_drawn = static_cast<std::size_t>(std::ranges::count(block, '\n'));
  return text + block;
}

/// A picture says how far up the one before began, so none may be left out: it is drawn when the terminal has that one.
void Display::Shared::show() {
  if (mode == ProgressMode::Tty && !console.is_ready()) return;
  console.say(draw());
}

void Display::Shared::run() {
  std::unique_lock lock(mutex);
  base::Instant next = base::now() + interval;
  while (!stopping) {
    changed.wait_until(lock, base::to_chrono(next));
    if (base::now() < next && !stopping) continue;
    next = std::max(next + interval, base::now());
    if (!has_stage) continue;
    lock.unlock();
    show();
    lock.lock();
  }
}

ProgressMode Display::resolve(ProgressMode mode) {
  if (mode != ProgressMode::Auto) return mode;
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  return isatty(STDERR_FILENO) != 0 && !dumb ? ProgressMode::Tty : ProgressMode::Plain;
}

Display::Display(ProgressMode mode, base::Nanos interval, const load::RunContext& context, const RunSink& sink,
                 Console& console)
    : shared_(std::make_unique<Shared>(resolve(mode), interval, context, sink, console)) {
  if (shared_->mode == ProgressMode::None) return;
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "display");
    shared_->run();
  });
}

Display::~Display() { stop(); }

void Display::begin(Stage stage) {
  std::lock_guard lock(shared_->mutex);
  shared_->stage = std::move(stage);
  shared_->has_stage = true;
  shared_->rate = {};
  shared_->rate.sample(base::Nanos{0}, 0);  // so that the first line has a rate
  // Each stage's last block stays on the screen; the next one is drawn below it.
  shared_->lines_drawn = 0;
}

void Display::stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->changed.notify_all();
  thread_.join();
}

}  // namespace sluice::app
