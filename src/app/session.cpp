#include "app/session.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "app/backends.hpp"
#include "app/bridge.hpp"
#include "app/console.hpp"
#include "app/display.hpp"
#include "app/host_facts.hpp"
#include "app/moving_call.hpp"
#include "app/op_log/op_log_file.hpp"
#include "app/op_log/op_log_sink.hpp"
#include "app/results_dir.hpp"
#include "app/results_writer.hpp"
#include "app/run_index.hpp"
#include "app/run_sink.hpp"
#include "app/signals.hpp"
#include "app/stall_notes.hpp"
#include "app/terminal.hpp"
#include "app/version.hpp"
#include "async/runtime.hpp"
#include "base/units.hpp"
#include "fleet/local_run.hpp"
#include "journal/run_log.hpp"
#include "load/preflight.hpp"
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
/// For one step of the op-log's file, the last one brings out up to 64 MiB.
constexpr base::Nanos kOpLogPatience{60'000'000'000};
/// The run's own tasks are few and short; two, so that one that is held does not hold the others.
/// Of bringing the last blocks into the journal, and after a signal.
constexpr base::Nanos kIndexMax{5'000'000'000}, kIndexMaxHurried{1'000'000'000};
constexpr std::uint32_t kLoopThreads = 2;
/// How often the work on the op-log's file is told of.
constexpr base::Nanos kTellEvery{1'000'000'000};

int exit_code_of(const base::Error& error) {
  return error.code == base::Code::InvalidArgument || error.code == base::Code::Unsupported ? protocol::kExitBadUsage
                                                                                            : protocol::kExitFailed;
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

bool wants_colour() { return isatty(STDOUT_FILENO) != 0 && allows_colour(); }

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
  base::Result<void> make_runtime();
  base::Result<void> open_results();
  void start_index();
  base::Result<void> look_ahead();
  void begin();
  void note(std::string text) {
    if (takes_notes_) context_->note(std::move(text));
  }
  void tell_driver(protocol::Event event);
  void follow(fleet::LocalRun* driver);
  fleet::Outcome drive(Signals& signals);
  void end(const fleet::Outcome& outcome);
  void add_async_cost(model::ClientCost& cost) const;
  model::ClientCost client_cost(const model::Summary& summary) const;
  base::Result<void> write_derived(const ResultsDir& results, Steps& steps);
  base::Result<void> write_remembered(const ResultsDir& results, bool is_log_closed);
  void tell_of_waiting() { console_->say("waiting for the disk of the results\n"); }
  base::Error stuck(const ResultsDir& results, std::string what);
  void write_results(const Signals& signals);
  void count_what_is_kept(const ResultsDir& results);
  void finish_index();
  void print(const Signals& signals);
  base::Result<void> give_out();
  void write_op_log(const Signals& signals);

  const RunOptions& options_;
  LoadedPlan loaded_;
  const std::string run_id_;
  std::optional<ResultsDir> results_;
  std::unique_ptr<RunSink> sink_;
  std::unique_ptr<OpLogSink> op_log_;  ///< null where the plan has none
  StallNotes stalls_{[this](std::string text) { note(std::move(text)); }};
  // shared because abandoned operations may still touch the context
  std::shared_ptr<load::RunContext> context_;
  std::atomic<bool> takes_notes_{false};
  // Tasks and calls of these touch what stands above, and end before it.
  std::unique_ptr<async::Runtime> runtime_;
  std::unique_ptr<journal::RunLog> log_;
  std::unique_ptr<RunIndex> index_;  ///< null where the results have none
  std::unique_ptr<Console> console_ = Console::create([this](std::string text) { note(std::move(text)); });
  fleet::SystemClock clock_;
  std::mutex driver_mutex_;
  fleet::LocalRun* driver_ = nullptr;  ///< while drive() runs; for the log's failure
  std::optional<std::uint64_t> device_bytes_before_;
  model::RunEnded ended_;
  int exit_code_ = 0;
  bool is_log_whole_ = true;
  std::optional<base::Error> results_error_;  ///< their files are not what they should be
  bool is_disk_stuck_ = false;                ///< a call of it hangs
  bool leave_at_once_ = false;
};

/// A run without the watch measures the same; it only names less.
base::Result<void> Session::make_runtime() {
  auto watch = async::StallWatch::create(
      {}, [this](const async::StallReport& report) { stalls_.add(report); },
      [this](const async::PermitHold& hold) { stalls_.add(hold); });
  if (watch) {
    context_->stall_watch = std::move(*watch);
  } else {
    loaded_.plan.warnings.push_back(watch.error().what + ": what holds a loop is measured and not named");
  }
  SLUICE_TRY(runtime_, async::Runtime::create({.worker_threads = kLoopThreads,
                                               .name = "run",
                                               .shutdown_timeout = kLeave,
                                               .watch = context_->stall_watch.get()}));
  return {};
}

base::Result<void> Session::open_results() {
  SLUICE_TRY(results_, ResultsDir::create(options_.results, loaded_.plan.name, run_id_, base::wall_now()));
  results_->keep_reserve();
  SLUICE_CHECK(results_->replace("plan.yaml", loaded_.given));
  SLUICE_CHECK(results_->replace("plan.resolved.yaml", loaded_.resolved));
  journal::SegmentOptions segment;
  segment.on_failure = [this](const base::Error& error) { tell_driver(protocol::JournalFailed{error}); };
  SLUICE_TRY(log_, journal::RunLog::create(*runtime_, results_->path(), "local", std::move(segment)));
  return {};
}

/// The log is what counts: without a journal the run is the same, and a warning says so.
void Session::start_index() {
  if (!results_ || options_.journal == "none") return;
  auto index = RunIndex::start(*runtime_, results_->path(), run_id_, options_.journal);
  if (index) {
    index_ = std::move(*index);
    if (const auto& away = index_->away()) {
      loaded_.plan.warnings.push_back("no journal of this run yet: " + away->what + " (" + away->where +
                                      "); it is tried again while the run goes on");
    }
    return;
  }
  loaded_.plan.warnings.push_back("no journal of this run: " + index.error().what + " (" + index.error().where +
                                  "); `sluice results repair` makes it from the log");
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
  SLUICE_CHECK(make_runtime());
  if (!keeps_results) {
    context_->earlier_runs = runs_of_plan(options_.results, loaded_.plan.name);
    return {};
  }
  SLUICE_CHECK(open_results());
  sink_->log_to(*log_);
  if (!loaded_.plan.op_log_path.empty()) {
    op_log_ = std::make_unique<OpLogSink>(*sink_);
    context_->operations = op_log_.get();
  }
  start_index();
  return {};
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
                                           .host = host_facts(),
                                           .keeps_operations = op_log_ != nullptr};
  sink_->put(std::move(started));
  for (const std::string& warning : loaded_.plan.warnings) context_->note(warning);
  takes_notes_ = true;
  if (!results_) return;
  const std::string json = sink_->with_summary(
      [](const model::Summary& summary) { return report::summary_json(summary, report::LogState::Open); });
  static_cast<void>(results_->replace("summary.json", json));
  static_cast<void>(results_->append(loaded_.plan.perf_log_path, report::PerfLog::header()));
}

void Session::tell_driver(protocol::Event event) {
  std::lock_guard lock(driver_mutex_);
  if (driver_ != nullptr) driver_->post(std::move(event));
}

void Session::follow(fleet::LocalRun* driver) {
  std::lock_guard lock(driver_mutex_);
  driver_ = driver;
}

fleet::Outcome Session::drive(Signals& signals) {
  base::Nanos interval = options_.progress_interval.value_or(
      Display::resolve(options_.progress) == ProgressMode::Tty ? base::Nanos{250'000'000} : base::Nanos{1'000'000'000});
  Display display(options_.progress, interval, *context_, *sink_, *console_, runtime_->executor());
  Bridge bridge(context_, *runtime_, display);
  fleet::LocalRun run(protocol::rules_of(loaded_.plan), bridge, *sink_, clock_);
  bridge.connect(run);
  if (context_->stall_watch != nullptr) context_->stall_watch->watch(run.room_of_events());
  follow(&run);
  signals.listen(
      [this](int signal, std::uint32_t count) { tell_driver(protocol::Interrupt{.signal = signal, .count = count}); });
  std::optional<ResultsWriter> writer;
  if (results_) writer.emplace(*results_, loaded_.plan.perf_log_path, *sink_, *runtime_);
  auto outcome = runtime_->executor().block_on(run.run());
  signals.listen(nullptr);
  follow(nullptr);
  writer.reset();
  leave_at_once_ = bridge.aborted() || context_->abandoned > 0 || runtime_->blocking().stats().abandoned_now > 0;
  if (outcome) return std::move(*outcome);
  return {model::RunStatus::Failed, std::move(outcome).error(), protocol::kExitFailed};
}

/// What the loops and pools of the run have to say, those of its workers and its own.
void Session::add_async_cost(model::ClientCost& cost) const {
  const async::ExecutorStats loops = runtime_->executor().stats();
  const async::BlockingPoolStats calls = runtime_->blocking().stats();
  cost.max_stall_ns = std::max(context_->max_hold_ns, loops.max_hold_ns);
  cost.max_preempted_ns = std::max(context_->max_preempted_ns, loops.max_preempted_ns);
  model::Histogram holds = context_->holds;
  holds.merge(runtime_->executor().holds());
  cost.hold_p999_ns = static_cast<std::int64_t>(holds.quantile(0.999));
  cost.abandoned_calls = context_->abandoned + calls.abandoned + loops.left_behind;
  if (index_) cost.abandoned_calls += index_->abandoned_calls();
  cost.permit_wait_ns = calls.queue_wait_total.count();
  cost.queue_high_water = console_->queue_high_water();
}

model::ClientCost Session::client_cost(const model::Summary& summary) const {
  model::ClientCost cost = report::client_cost(summary);
  add_process_cost(cost);
  add_async_cost(cost);
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
  cost.limited_by = report::limited_by(summary, {.iops_wanted = loaded_.plan.io_rate.iops,
                                                 .error_budget_spent = context_->budget.spent(),
                                                 .held_back = context_->budget.held_back()});
  return cost;
}

void Session::end(const fleet::Outcome& outcome) {
  stalls_.finish();
  ended_ = {.at = base::wall_now(), .at_ns = (base::now() - context_->started).count(), .error = outcome.error};
  sink_->with_summary([&](const model::Summary& summary) {
    ended_.client = client_cost(summary);
    // A run without a load stage (cleanup, --only prepare) has nothing that a threshold could speak of.
    if (std::ranges::any_of(loaded_.plan.stages, model::is_load, &model::Stage::type)) {
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
base::Result<void> Session::write_derived(const ResultsDir& results, Steps& steps) {
  results.release_reserve();
  report::ResultFold fold("local", loaded_.plan.perf_interval, loaded_.plan.perf_log_path);
  auto read = journal::read_run_log(results.path(), [&](std::string_view, model::Block&& block) {
    fold.add(block);
    ++steps;
  });
  if (!read) {
    is_log_whole_ = false;
    static_cast<void>(write_remembered(results, true));
    return base::fail(std::move(read).error());
  }
  base::Result<void> written;
  for (const report::ResultFile& file : fold.finish(report::LogState::Final)) {
    if (auto replaced = results.replace(file.name, file.content); !replaced) written = std::move(replaced);
    ++steps;
  }
  return written;
}

/// The log is not whole: what is known in memory is better than what was written ten seconds ago.
base::Result<void> Session::write_remembered(const ResultsDir& results, bool is_log_closed) {
  results.release_reserve();
  if (op_log_ != nullptr && is_log_closed) count_what_is_kept(results);
  return results.replace("summary.json", sink_->with_summary([](const model::Summary& summary) {
    return report::summary_json(summary, report::LogState::Final);
  }));
}

base::Error Session::stuck(const ResultsDir& results, std::string what) {
  leave_at_once_ = is_disk_stuck_ = true;
  return {
      .code = base::Code::DeadlineExceeded,
      .what = std::move(what),
      .where = results.path(),
      .likely = {"the disk of the results, or the server behind it, hangs"},
      .try_next = {"when it is back, sluice results rebuild makes them from the log: what the log has is not lost"}};
}

void Session::write_results(const Signals& signals) {
  if (!results_) return;
  const ResultsDir& results = *results_;
  base::Result<void> written = runtime_->executor().block_on(log_->close(async::Deadline::in(kLogSync)));
  is_log_whole_ = written.has_value();
  const bool is_log_closed = written || written.error().code != base::Code::DeadlineExceeded;
  // Of a session that is left behind with them: it stays until the process ends.
  auto files = while_it_moves(
      *runtime_, "writing the results", signals.first() != 0 ? kLeave : kPatience, [this] { tell_of_waiting(); },
      [this, &results, is_log_closed](Steps& steps) {
        return is_log_whole_ ? write_derived(results, steps) : write_remembered(results, is_log_closed);
      });
  if (!files && files.error().code == base::Code::DeadlineExceeded) {
    files = base::fail(stuck(results, "the files of the results were not written: the disk takes nothing"));
  }
  if (written) written = std::move(files);
  if (written) return;
  results_error_ = written.error();
  const bool is_told = ended_.error && ended_.error->what == written.error().what;  // at the end, for it ended the run
  if (!is_told) console_->say(base::to_text(written.error(), options_.brief_errors) + "\n");
  if (exit_code_ == protocol::kExitDone) exit_code_ = protocol::kExitFailed;
}

/// Operations that were handed to a log which then failed are not in it.
void Session::count_what_is_kept(const ResultsDir& results) {
  std::uint64_t records = 0, bytes = 0;
  auto read = journal::read_run_log(results.path(), [&](std::string_view, model::Block&& block) {
    const auto* const chunk = std::get_if<model::OperationRecords>(&block);
    if (chunk == nullptr) return;
    records += chunk->records;
    bytes += chunk->chunk.size();
  });
  if (read) sink_->keep_of_op_log(records, bytes);
}

void Session::finish_index() {
  if (!index_) return;
  auto lacking = index_->finish(ended_.status == model::RunStatus::Interrupted ? kIndexMaxHurried : kIndexMax,
                                log_->durable_blocks());
  // A disk that takes no results takes no journal either, and that was told.
  if (lacking && exit_code_ != protocol::kExitFailed)
    console_->say(base::to_text(*lacking, options_.brief_errors) + "\n");
  index_.reset();
}

base::Result<void> Session::give_out() {
  const std::size_t columns = terminal_columns(STDOUT_FILENO);
  const std::string text = sink_->with_summary([&](const model::Summary& summary) {
    if (options_.json) return report::summary_json(summary, report::LogState::Final, results_error_);
    return report::final_table(summary, {.results_dir = results_ ? results_->path() : "",
                                         .width = columns > 0 ? columns : report::TableOptions{}.width,
                                         .drops_columns = columns > 0,
                                         .colour = wants_colour(),
                                         .error = false});  // it goes to stderr
  });
  base::Result<void> taken = console_->give_out(text);
  if (ended_.error) console_->say(base::to_text(*ended_.error, options_.brief_errors) + "\n");
  return taken;
}

/// The file of op_log_path. It may take minutes, so the results are told before; a signal ends it, and one that has
/// ended the run leaves no time for it: the log has every operation.
void Session::write_op_log(const Signals& signals) {
  if (op_log_ == nullptr || !results_ || is_disk_stuck_) return;
  const ResultsDir& results = *results_;
  if (!is_log_whole_) {
    console_->say(
        fmt::format("{} was not written, for the log is not whole: what it has, sluice results export {} "
                    "--op-log -o FILE writes elsewhere\n",
                    loaded_.plan.op_log_path, results.path()));
    return;
  }
  const bool tells = options_.progress != ProgressMode::None && options_.progress != ProgressMode::Json;
  // By value: where the disk hangs, the call outlives this one.
  const auto tell = [this, tells, &signals, tell_at = base::now() + kTellEvery](std::uint64_t done,
                                                                                std::uint64_t total) mutable {
    if (const base::Instant now = base::now(); tells && now >= tell_at) {
      tell_at = now + kTellEvery;
      console_->say(total == 0 ? std::string("writing the op-log: looking through the log\n")
                               : fmt::format("writing the op-log: {} of {} operations\n", base::format_count(done),
                                             base::format_count(total)));
    }
    return signals.first() == 0;
  };
  auto written = while_it_moves(
      *runtime_, "writing the op-log", signals.first() != 0 ? kLeave : kOpLogPatience, [this] { tell_of_waiting(); },
      [this, &results, tell](Steps& steps) {
        return app::write_op_log(results.path(), loaded_.plan.op_log_path,
                                 [tell = tell, &steps](std::uint64_t done, std::uint64_t total) mutable {
                                   ++steps;
                                   return tell(done, total);
                                 });
      });
  if (!written && written.error().code == base::Code::DeadlineExceeded) {
    written = base::fail(stuck(results, loaded_.plan.op_log_path + " was not written: the disk takes nothing"));
  }
  if (written) {
    for (const std::string& line : told_of(*written)) console_->say(line + "\n");
    if (!written->damage.empty() && exit_code_ == protocol::kExitDone) exit_code_ = protocol::kExitFailed;
    return;
  }
  const bool is_left = written.error().code == base::Code::Cancelled;
  console_->say(is_left ? fmt::format("{} was not written: sluice results rebuild {} makes it from the log\n",
                                      loaded_.plan.op_log_path, results.path())
                        : base::to_text(written.error(), options_.brief_errors) + "\n");
  if (exit_code_ != protocol::kExitDone) return;
  exit_code_ = is_left ? protocol::verdict({.signal = signals.first()}).exit_code : protocol::kExitFailed;
}

void Session::print(const Signals& signals) {
  base::Result<void> taken = give_out();
  write_op_log(signals);
  if (base::Result<void> finished = console_->finish(kPatience); taken) taken = std::move(finished);
  if (taken) return;  // a reader that has seen enough is no failure
  base::Error error{.code = taken.error().code,
                    .what = "the results could not be written to stdout",
                    .where = taken.error().where.empty() ? "stdout" : taken.error().where,
                    .likely = taken.error().likely,
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
  write_results(signals);
  finish_index();
  signals.leave_by(base::now() + kLeave);
  print(signals);
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
