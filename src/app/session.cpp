#include "app/session.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <optional>

#include <poll.h>
#include <unistd.h>

#include "app/backends.hpp"
#include "app/console.hpp"
#include "app/display.hpp"
#include "app/host_facts.hpp"
#include "app/results_dir.hpp"
#include "app/results_writer.hpp"
#include "app/run_sink.hpp"
#include "app/signals.hpp"
#include "app/stall_notes.hpp"
#include "app/version.hpp"
#include "base/units.hpp"
#include "fleet/local_run.hpp"
#include "journal/run_log.hpp"
#include "load/preflight.hpp"
#include "load/stage_host.hpp"
#include "protocol/exit_code.hpp"
#include "report/limited_by.hpp"
#include "report/result_files.hpp"
#include "report/summary_json.hpp"
#include "report/table.hpp"
#include "report/thresholds.hpp"

namespace sluice::app {

namespace {

constexpr base::Nanos kLogSync{10'000'000'000};
/// From the moment the results are safe, for an output that nobody reads; after a signal, and without one.
constexpr base::Nanos kLeave{5'000'000'000};
constexpr base::Nanos kPatience{15'000'000'000};

int exit_code_of(const base::Error& error) {
  return error.code == base::Code::InvalidArgument || error.code == base::Code::Unsupported ? protocol::kExitBadUsage
                                                                                            : protocol::kExitFailed;
}

bool executes(const model::Stage& stage) {
  return stage.type == model::StageType::Execute || stage.type == model::StageType::Hybrid;
}

/// A run that failed by its operations: the most frequent kind of their errors, with an example, is the cause.
void name_most_frequent(const model::Summary& summary, std::optional<base::Error>& error) {
  const auto most = std::ranges::max_element(summary.errors, {}, &model::ErrorSummary::count);
  if (!error || most == summary.errors.end()) return;
  std::string text = base::format_count(most->count) + " " + std::string(name_of(most->kind));
  if (!most->examples.empty()) {
    const model::ErrorSample& example = most->examples.front();
    text += ", for example " + std::string(name_of(example.op)) + " " + example.key + ": " + example.detail;
  }
  error->chain.push_back(std::move(text));
}

bool wants_colour() {
  const char* no = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) != 0 && (no == nullptr || *no == '\0');
}

/// Joins the stage machine's driver to the load's stages.
class Bridge final : public fleet::StageHost {
 public:
  // shared because abandoned operations may still touch the context
  Bridge(std::shared_ptr<load::RunContext> context, Display& display)
      : context_(std::move(context)), display_(display) {}

  void connect(fleet::LocalRun& run) {
    stages_ = std::make_unique<load::StageHost>(
        context_, load::StageHost::Callbacks{.ready =
                                                 [&run](std::uint32_t stage, std::vector<model::WorkerInfo> workers) {
                                                   run.post(protocol::StageReady{
                                                       .agent = 0, .stage = stage, .workers = std::move(workers)});
                                                 },
                                             .ended =
                                                 [&run](std::uint32_t stage, load::StageResult result) {
                                                   run.post(protocol::StageEnded{.agent = 0,
                                                                                 .stage = stage,
                                                                                 .status = result.status,
                                                                                 .error = std::move(result.error),
                                                                                 .window_ns = result.window_ns,
                                                                                 .note = std::move(result.note),
                                                                                 .output = std::move(result.output)});
                                                 }});
  }

  void start_stage(std::uint32_t index) override {
    const model::Stage& stage = context_->plan.stages[index];
    context_->activity.set("starting", "operations");
    context_->activity.progress.start(model::Progress::kUnknown);
    const bool by_time = executes(stage);
    display_.begin({.name = stage.name,
                    .type = stage.type,
                    .index = index,
                    .stages = context_->plan.stages.size(),
                    .began = base::now(),
                    .duration = by_time ? stage.duration + context_->plan.warmup : base::Nanos{0}});
    stages_->start(index);
  }
  void stop_stage(std::uint32_t, protocol::StopReason, base::Instant drain_until) override {
    stages_->stop(drain_until);
  }
  void abort() override {
    aborted_ = true;
    stages_->abort();
  }
  bool aborted() const { return aborted_; }

 private:
  // shared because abandoned operations may still touch the context
  const std::shared_ptr<load::RunContext> context_;
  Display& display_;
  std::unique_ptr<load::StageHost> stages_;
  bool aborted_ = false;
};

/// One run: everything concrete of it, in the order in which it is made and taken down.
class Session {
 public:
  Session(LoadedPlan loaded, const RunOptions& options, const std::string& run_id)
      : options_(options), loaded_(std::move(loaded)), run_id_(run_id) {}

  base::Result<void> prepare(bool keeps_results);
  int run(Signals& signals);
  /// Brings out what was said so far.
  void flush() { static_cast<void>(console_->finish(kLeave)); }

 private:
  base::Result<void> open_results();
  base::Result<void> look_ahead();
  void watch_loops();
  void begin();
  fleet::Outcome drive(Signals& signals);
  void end(const fleet::Outcome& outcome);
  model::ClientCost client_cost(const model::Summary& summary) const;
  void write_results();
  void print();

  const RunOptions& options_;
  LoadedPlan loaded_;
  const std::string run_id_;
  std::optional<ResultsDir> results_;
  std::unique_ptr<journal::RunLog> log_;
  std::unique_ptr<RunSink> sink_;
  StallNotes stalls_{[this](std::string text) { context_->note(std::move(text)); }};
  // shared because abandoned operations may still touch the context
  std::shared_ptr<load::RunContext> context_;
  std::atomic<bool> takes_notes_{false};
  // Its notes need the context, and the threads that write them end first.
  std::unique_ptr<Console> console_ = Console::create([this](std::string text) {
    if (takes_notes_) context_->note(std::move(text));
  });
  fleet::SystemClock clock_;
  fleet::LocalRun* driver_ = nullptr;  ///< while drive() runs; for the log's failure
  std::optional<std::uint64_t> device_bytes_before_;
  model::RunEnded ended_;
  int exit_code_ = 0;
  bool leave_at_once_ = false;
};

base::Result<void> Session::open_results() {
  SLUICE_TRY(results_, ResultsDir::create(options_.results, loaded_.plan.name, run_id_, base::wall_now()));
  results_->keep_reserve();
  SLUICE_CHECK(results_->replace("plan.yaml", loaded_.given));
  SLUICE_CHECK(results_->replace("plan.resolved.yaml", loaded_.resolved));
  journal::SegmentOptions segment;
  segment.on_failure = [this](const base::Error& error) {
    if (driver_ != nullptr) driver_->post(protocol::JournalFailed{error});
  };
  SLUICE_TRY(log_, journal::RunLog::create(results_->path(), "local", std::move(segment)));
  return {};
}

base::Result<void> Session::look_ahead() {
  SLUICE_TRY(const load::Preflight preflight, load::look_ahead(*context_));
  if (std::optional<base::Error> problem = preflight.first_error()) return base::fail(std::move(*problem));
  for (const load::Preflight::Finding& finding : preflight.findings) {
    loaded_.plan.warnings.push_back(finding.detail.what);
  }
  const bool only_cleans = std::ranges::all_of(
      loaded_.plan.stages, [](const model::Stage& stage) { return stage.type == model::StageType::Cleanup; });
  if (options_.progress == ProgressMode::None || options_.progress == ProgressMode::Json) return {};
  if (!only_cleans) console_->say("preflight: " + preflight.headline() + "\n");
  for (const std::string& warning : loaded_.plan.warnings) console_->say("warning: " + warning + "\n");
  return {};
}

base::Result<void> Session::prepare(bool keeps_results) {
  sink_ = std::make_unique<RunSink>(nullptr, loaded_.plan.perf_interval, nullptr);
  const bool overwrite = loaded_.plan.overwrite_device;
  context_ = std::make_shared<load::RunContext>(
      loaded_.plan, run_id_, [overwrite](const std::string& uri) { return open_backend(uri, overwrite); }, *sink_);
  SLUICE_CHECK(load::open_targets(*context_));
  SLUICE_CHECK(look_ahead());
  if (!keeps_results) {
    context_->earlier_runs = runs_of_plan(options_.results, loaded_.plan.name);
    return {};
  }
  SLUICE_CHECK(open_results());
  sink_->log_to(*log_);
  return {};
}

/// A run without the watch measures the same; it only names less.
void Session::watch_loops() {
  auto watch = async::StallWatch::create(
      {}, [this](const async::StallReport& report) { stalls_.add(report); },
      [this](const async::PermitHold& hold) { stalls_.add(hold); });
  if (!watch) return context_->note(watch.error().what + ": what holds a loop is measured and not named");
  context_->stall_watch = std::move(*watch);
}

void Session::begin() {
  context_->started = base::now();
  device_bytes_before_ = device_bytes_read();
  model::Block started = model::RunStarted{.run_id = run_id_,
                                           .plan_name = loaded_.plan.name,
                                           .target = loaded_.plan.target,
                                           .version = kVersion,
                                           .at = base::wall_now(),
                                           .seed = loaded_.plan.seed,
                                           .host = host_facts()};
  sink_->put(std::move(started));
  for (const std::string& warning : loaded_.plan.warnings) context_->note(warning);
  takes_notes_ = true;
  watch_loops();
  if (!results_) return;
  const std::string json = sink_->with_summary(
      [](const model::Summary& summary) { return report::summary_json(summary, report::LogState::Open); });
  static_cast<void>(results_->replace("summary.json", json));
  static_cast<void>(results_->append(loaded_.plan.perf_log_path, report::PerfLog::header()));
}

fleet::Outcome Session::drive(Signals& signals) {
  base::Nanos interval = options_.progress_interval.value_or(
      Display::resolve(options_.progress) == ProgressMode::Tty ? base::Nanos{250'000'000} : base::Nanos{1'000'000'000});
  Display display(options_.progress, interval, *context_, *sink_, *console_);
  Bridge bridge(context_, display);
  fleet::LocalRun run(protocol::rules_of(loaded_.plan), bridge, *sink_, clock_);
  bridge.connect(run);
  driver_ = &run;
  signals.listen(
      [&run](int signal, std::uint32_t count) { run.post(protocol::Interrupt{.signal = signal, .count = count}); });
  std::optional<ResultsWriter> writer;
  if (results_) writer.emplace(*results_, loaded_.plan.perf_log_path, *sink_);
  fleet::Outcome outcome = run.run();
  signals.listen(nullptr);
  driver_ = nullptr;
  leave_at_once_ = bridge.aborted() || context_->abandoned > 0;
  return outcome;
}

model::ClientCost Session::client_cost(const model::Summary& summary) const {
  model::ClientCost cost = report::client_cost(summary);
  add_process_cost(cost);
  cost.max_stall_ns = context_->max_hold_ns;
  cost.max_preempted_ns = context_->max_preempted_ns;
  cost.hold_p999_ns = static_cast<std::int64_t>(context_->holds.quantile(0.999));
  cost.abandoned_calls = context_->abandoned;
  cost.queue_high_water = console_->queue_high_water();
  std::uint64_t delivered = 0;
  for (const model::StageSummary& stage : summary.stages) {
    for (const model::OpKind kind : {model::OpKind::Get, model::OpKind::Read}) {
      delivered += stage.ops[static_cast<std::size_t>(kind)].bytes + stage.warmup[static_cast<std::size_t>(kind)].bytes;
    }
  }
  const std::optional<std::uint64_t> device_bytes = device_bytes_read();
  if (loaded_.plan.target.starts_with("file://") && delivered > 0 && device_bytes && device_bytes_before_) {
    const double missed = static_cast<double>(*device_bytes - *device_bytes_before_) / static_cast<double>(delivered);
    cost.page_cache_share = std::clamp(1.0 - missed, 0.0, 1.0);
  }
  cost.limited_by = report::limited_by(
      summary, {.iops_wanted = loaded_.plan.io_rate.iops, .error_budget_spent = context_->budget.spent()});
  return cost;
}

void Session::end(const fleet::Outcome& outcome) {
  stalls_.finish();
  ended_ = {.at = base::wall_now(), .at_ns = (base::now() - context_->started).count(), .error = outcome.error};
  sink_->with_summary([&](const model::Summary& summary) {
    ended_.client = client_cost(summary);
    // A run without a load stage (cleanup, --only prepare) has nothing that a threshold could speak of.
    if (std::ranges::any_of(loaded_.plan.stages, executes)) {
      ended_.thresholds = report::judge(summary, loaded_.plan.thresholds);
    }
  });
  const bool missed = std::ranges::any_of(ended_.thresholds, [](const auto& verdict) { return !verdict.met; });
  sink_->with_summary([&](const model::Summary& summary) { name_most_frequent(summary, ended_.error); });
  takes_notes_ = false;  // the next block is the last one
  ended_.status = outcome.status;
  exit_code_ = outcome.exit_code;
  if (outcome.status == model::RunStatus::Completed && missed) {
    const protocol::Verdict verdict = protocol::verdict({.threshold_missed = true});
    ended_.status = verdict.status;
    exit_code_ = verdict.exit_code;
  }
  sink_->put(ended_);
}

/// The last state of every derived file, made from the log, as `sluice results rebuild` would.
void Session::write_results() {
  if (!results_) return;
  results_->release_reserve();
  base::Result<void> written = log_->close(base::now() + kLogSync);
  report::ResultFold fold("local", loaded_.plan.perf_interval, loaded_.plan.perf_log_path);
  if (written) {
    auto read =
        journal::read_run_log(results_->path(), [&](std::string_view, model::Block&& block) { fold.add(block); });
    if (!read) written = base::fail(std::move(read).error());
  }
  if (written) {
    for (const report::ResultFile& file : fold.finish(report::LogState::Final)) {
      if (auto replaced = results_->replace(file.name, file.content); !replaced) written = std::move(replaced);
    }
  } else {
    // The log is not whole: what is known in memory is better than what was written ten seconds ago.
    const std::string json = sink_->with_summary(
        [](const model::Summary& summary) { return report::summary_json(summary, report::LogState::Final); });
    static_cast<void>(results_->replace("summary.json", json));
  }
  if (written) return;
  console_->say(base::to_text(written.error(), options_.brief_errors) + "\n");
  if (exit_code_ == protocol::kExitDone) exit_code_ = protocol::kExitFailed;
}

void Session::print() {
  const std::string text = sink_->with_summary([&](const model::Summary& summary) {
    if (options_.json) return report::summary_json(summary, report::LogState::Final);
    return report::final_table(summary, {.results_dir = results_ ? results_->path() : "",
                                         .colour = wants_colour(),
                                         .error = false});  // it goes to stderr
  });
  base::Result<void> taken = console_->give_out(text);
  if (ended_.error) console_->say(base::to_text(*ended_.error, options_.brief_errors) + "\n");
  if (base::Result<void> finished = console_->finish(kPatience); taken) taken = std::move(finished);
  if (taken) return;  // a reader that has seen enough is no failure
  base::Error error{.code = taken.error().code,
                    .what = "the results could not be written to stdout",
                    .where = taken.error().where.empty() ? "stdout" : taken.error().where,
                    .chain = {taken.error().what}};
  error.add_try(results_ ? "they are in " + results_->path() : "write them to another file");
  console_->say(base::to_text(error, options_.brief_errors) + "\n");
  static_cast<void>(console_->finish(kLeave));
  if (exit_code_ == protocol::kExitDone) exit_code_ = protocol::kExitFailed;
}

int Session::run(Signals& signals) {
  signals.listen(nullptr);  // those that come now are told to the run when it is there
  begin();
  end(drive(signals));
  write_results();
  signals.leave_by(base::now() + kLeave);
  print();
  // A stuck operation or an aborted stage still holds what this object would destroy.
  if (leave_at_once_) _exit(exit_code_);
  return exit_code_;
}

}  // namespace

int report_error(const base::Error& error, const RunOptions& options, int exit_code) {
  if (options.json) {
    model::Summary summary;
    summary.run.version = kVersion;
    summary.run.at = base::wall_now();
    summary.ended = model::RunEnded{.status = model::RunStatus::Failed, .at = base::wall_now(), .error = error};
    const std::string json = report::summary_json(summary, report::LogState::Final);
    std::fwrite(json.data(), 1, json.size(), stdout);
  }
  std::fprintf(stderr, "%s\n", base::to_text(error, options.brief_errors).c_str());
  return exit_code;
}

namespace {

/// A signal before anything was begun: nothing has to be saved, so the process ends at once, whatever hangs.
[[noreturn]] void leave(int signal, const RunOptions& options) {
  const protocol::Verdict verdict = protocol::verdict({.signal = signal});
  if (options.json) {
    model::Summary summary;
    summary.run.version = kVersion;
    summary.run.at = base::wall_now();
    summary.ended = model::RunEnded{.status = verdict.status, .at = base::wall_now()};
    const std::string json = report::summary_json(summary, report::LogState::Final);
    pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
    if (poll(&out, 1, 1000) > 0) static_cast<void>(!write(STDOUT_FILENO, json.data(), json.size()));
  }
  _exit(verdict.exit_code);
}

}  // namespace

int run_session(LoadedPlan loaded, const RunOptions& options, const std::string& run_id, bool keeps_results) {
  Signals signals;
  signals.listen([&options](int signal, std::uint32_t) { leave(signal, options); });
  Session session(std::move(loaded), options, run_id);
  if (auto prepared = session.prepare(keeps_results); !prepared) {
    session.flush();
    return report_error(prepared.error(), options, exit_code_of(prepared.error()));
  }
  return session.run(signals);
}

}  // namespace sluice::app
