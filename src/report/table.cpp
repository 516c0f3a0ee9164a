#include "report/table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/units.hpp"
#include "report/ink.hpp"
#include "report/plain_text.hpp"
#include "report/stats.hpp"
#include "report/text_grid.hpp"

namespace sluice::report {

namespace {

using model::StageSummary;
using model::Summary;
using Align = TextGrid::Align;

constexpr std::size_t kKeyColumnsMin = 20;
/// The longest hold that nobody needs to look at.
constexpr std::int64_t kHoldCalmNs = 20'000'000;

std::string duration(std::int64_t ns) { return base::format_duration(base::Nanos{ns}); }
std::string duration(std::uint64_t ns) { return duration(static_cast<std::int64_t>(ns)); }
std::string seconds(std::int64_t ns) { return fmt::format("{:.3f} s", static_cast<double>(ns) / 1e9); }
std::string per_second(double rate) { return base::format_si(rate) + "/s"; }
std::string throughput(double bytes_per_s) {
  return base::format_size(static_cast<std::uint64_t>(std::llround(bytes_per_s))) + "/s";
}

/// Collects the text; each section is a heading and its lines.
struct Page {
  const Summary& summary;
  const TableOptions& options;
  std::string text;

  void line(std::string_view words, Ink ink = Ink::Plain) { text += inked(words, ink, options.colour) + "\n"; }
  void gap() { text += "\n"; }
  /// For sentences from outside: made safe, and wrapped to the width below `lead`.
  void outside(std::string_view lead, std::string_view words, Ink ink = Ink::Plain) {
    const std::size_t indent = columns_of(lead);
    const std::size_t room = std::max(options.width - std::min(options.width, indent), kKeyColumnsMin);
    std::string before(lead);
    for (const std::string& part : wrap(one_line(words), room)) {
      line(before + part, ink);
      before.assign(indent, ' ');
    }
  }
};

Ink ink_of(model::RunStatus status) {
  switch (status) {
    case model::RunStatus::Completed: return Ink::Good;
    case model::RunStatus::Running: return Ink::Plain;
    case model::RunStatus::Interrupted:
    case model::RunStatus::Partial:
    case model::RunStatus::ThresholdMissed: return Ink::Warning;
    case model::RunStatus::Failed: return Ink::Bad;
  }
  return Ink::Plain;
}

std::string words_of(model::RunStatus status) {
  std::string words(name_of(status));
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

void write_head(Page& page) {
  const model::RunStarted& run = page.summary.run;
  const model::RunStatus status = status_of(page.summary, page.options.log);
  const std::string took = page.summary.ended ? " in " + duration(page.summary.ended->at_ns) : "";
  page.outside("", fmt::format("{}: {}{}", run.plan_name, words_of(status), took), ink_of(status));
  page.outside("  ", fmt::format("target {}", run.target), Ink::Quiet);
  page.outside(
      "  ",
      fmt::format("run {} on {}: {} cores, {}, {}; sluice {}, seed {}", run.run_id, run.host.hostname, run.host.cores,
                  base::format_size(run.host.memory_bytes), run.host.kernel, run.version, run.seed),
      Ink::Quiet);
}

constexpr std::array<std::string_view, 10> kColumns = {"operation", "count", "errors", "rate",  "throughput",
                                                       "mean",      "p50",   "p99",    "p99.9", "max"};
/// By number, the one that is missed least first.
constexpr std::array<std::size_t, 7> kDropped = {5, 8, 1, 9, 4, 6, 2};

std::vector<std::string> latency_cells(const model::Histogram& histogram) {
  if (histogram.count() == 0) return {"-", "-", "-", "-", "-"};
  return {duration(static_cast<std::uint64_t>(std::llround(histogram.mean()))), duration(histogram.quantile(0.50)),
          duration(histogram.quantile(0.99)), duration(histogram.quantile(0.999)), duration(histogram.max())};
}

void add_operation(TextGrid& grid, std::string name, const model::OpStats& stats, std::int64_t window_ns,
                   bool moves_bytes) {
  const Rates rates = rates_of(stats, window_ns);
  std::vector<std::string> cells = {std::move(name), base::format_count(stats.count),
                                    base::format_count(stats.error_count()), per_second(rates.ops_per_s),
                                    moves_bytes ? throughput(rates.bytes_per_s) : "-"};
  for (std::string& cell : latency_cells(stats.service())) cells.push_back(std::move(cell));
  grid.add(std::move(cells));
  const model::Histogram response = stats.response();
  if (response.count() == 0) return;
  cells = {"  response", "", "", "", ""};
  for (std::string& cell : latency_cells(response)) cells.push_back(std::move(cell));
  grid.add(std::move(cells));
}

/// Counts and rates of all operations together. Their latencies stay apart: a stat and a put have no common percentile.
void add_all(TextGrid& grid, const model::OpStats& all, std::int64_t window_ns) {
  const Rates rates = rates_of(all, window_ns);
  grid.add({"all", base::format_count(all.count), base::format_count(all.error_count()), per_second(rates.ops_per_s),
            all.bytes > 0 ? throughput(rates.bytes_per_s) : "-"});
}

/// Adds the stage's rows, a heading first. Returns how many: 0 where it did no operations.
std::size_t add_operations(TextGrid& grid, const StageSummary& stage) {
  std::size_t kinds = 0;
  const std::size_t before = grid.size();
  for (std::size_t i = 0; i < model::kOpKinds; ++i) {
    if (stage.ops[i].empty()) continue;
    if (kinds++ == 0) {
      grid.add({kColumns.begin(), kColumns.end()});
    }
    const auto kind = static_cast<model::OpKind>(i);
    const bool moves_bytes = direction_of(kind) != model::Direction::None;
    add_operation(grid, std::string(name_of(kind)), stage.ops[i], stage.window_ns, moves_bytes);
  }
  if (kinds > 1) add_all(grid, all_operations(stage.ops), stage.window_ns);
  return grid.size() - before;
}

/// Leaves out columns until the others fit; returns their names.
std::vector<std::string> drop_columns(TextGrid& grid, std::size_t width) {
  std::vector<std::string> dropped;
  for (const std::size_t column : kDropped) {
    if (grid.width() <= width) break;
    grid.hide(column);
    dropped.emplace_back(kColumns[column]);
  }
  return dropped;
}

struct Operations {
  std::vector<std::vector<std::string>> rows;  ///< of each stage
  std::vector<std::string> dropped;            ///< columns that are not there
};

/// The rows of each stage's operations. They share their columns, so that stages can be compared by eye.
Operations operation_rows(const Summary& summary, const TableOptions& options) {
  Operations operations;
  TextGrid grid({Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Right, Align::Right,
                 Align::Right, Align::Right, Align::Right});
  std::vector<std::size_t> counts;
  counts.reserve(summary.stages.size());
  for (const StageSummary& stage : summary.stages) counts.push_back(add_operations(grid, stage));
  if (options.drops_columns) operations.dropped = drop_columns(grid, options.width);
  const std::vector<std::string> lines = grid.lines();
  auto next = lines.begin();
  for (const std::size_t count : counts) {
    operations.rows.emplace_back(next, next + static_cast<std::ptrdiff_t>(count));
    next += static_cast<std::ptrdiff_t>(count);
  }
  return operations;
}

void write_remarks(Page& page, const model::OpStats& all) {
  if (all.retries > 0) page.outside("  ", base::format_count(all.retries) + " tries beyond the first");
  if (all.starved > 0) {
    page.outside("  ", base::format_count(all.starved) + " draws found nothing left to work on (starved)",
                 Ink::Warning);
  }
  if (all.unstarted > 0) {
    page.outside("  ",
                 base::format_count(all.unstarted) +
                     " intended operations never started: percentiles of response time are lower bounds",
                 Ink::Warning);
  }
}

std::string stage_heading(const Page& page, const StageSummary& stage) {
  std::string words = fmt::format("{} {}", stage.started.stage + 1, one_line(stage.started.name));
  if (name_of(stage.started.type) != stage.started.name) words += fmt::format(" ({})", name_of(stage.started.type));
  words += "  " + duration(stage.wall_ns);
  if (model::is_load(stage.started.type) && stage.window_ns != stage.wall_ns) {
    words += ", rates over " + duration(stage.window_ns);
  }
  const model::RunStatus status = status_of(stage, page.options.log);
  if (status != model::RunStatus::Completed) words += "  " + words_of(status);
  return clip(words, page.options.width);
}

void write_stage(Page& page, const StageSummary& stage, const std::vector<std::string>& operations) {
  page.gap();
  page.line(stage_heading(page, stage), Ink::Heading);
  if (stage.ended && !stage.ended->note.empty()) page.outside("  ", stage.ended->note);
  if (stage.total && stage.done < *stage.total) {
    page.line(fmt::format("  {} of {} done", base::format_count(stage.done), base::format_count(*stage.total)));
  }
  for (std::size_t i = 0; i < operations.size(); ++i) page.line(operations[i], i == 0 ? Ink::Quiet : Ink::Plain);
  write_remarks(page, all_operations(stage.ops));
  const model::OpStats warmup = all_operations(stage.warmup);
  if (warmup.count > 0) {
    page.outside("  warm-up: ", base::format_count(warmup.count) + " operations before these, not counted here",
                 Ink::Quiet);
  }
  if (stage.ended && stage.ended->error) page.outside("  error: ", stage.ended->error->what, Ink::Bad);
}

void write_dropped(Page& page, const std::vector<std::string>& dropped) {
  if (dropped.empty()) return;
  page.gap();
  const char* where = page.options.results_dir.empty() ? "" : "; they are in the results";
  page.outside("  ", fmt::format("too narrow for the columns {}{}", fmt::join(dropped, ", "), where), Ink::Quiet);
}

void write_slowest(Page& page) {
  std::vector<model::SlowOp> slowest;
  for (const StageSummary& stage : page.summary.stages) {
    if (model::is_load(stage.started.type)) merge_slowest(slowest, stage.slowest);
  }
  if (slowest.empty()) return;
  page.gap();
  page.line("slowest operations", Ink::Heading);
  const std::string& host = page.summary.run.host.hostname;
  TextGrid grid({Align::Right, Align::Left, Align::Right, Align::Left, Align::Left});
  std::size_t fixed = 48 + columns_of(host);
  if (page.options.drops_columns && fixed + kKeyColumnsMin > page.options.width) {
    grid.hide(3);
    fixed = 46;
  }
  const std::size_t room = std::max(page.options.width - std::min(page.options.width, fixed), kKeyColumnsMin);
  for (const model::SlowOp& slow : slowest) {
    grid.add({duration(slow.service_ns), std::string(name_of(slow.kind)), "at " + seconds(slow.at_ns), one_line(host),
              clip_left(one_line(slow.key), room)});
  }
  for (const std::string& line : grid.lines()) page.line(line);
}

void write_errors(Page& page) {
  if (page.summary.errors.empty()) return;
  page.gap();
  page.line("errors", Ink::Heading);
  for (const model::ErrorSummary& errors : page.summary.errors) {
    const std::string when = errors.first_ns == errors.last_ns
                                 ? "at " + seconds(errors.first_ns)
                                 : "from " + seconds(errors.first_ns) + " to " + seconds(errors.last_ns);
    page.outside("  ", fmt::format("{} {}, {}", base::format_count(errors.count), name_of(errors.kind), when),
                 Ink::Bad);
    if (errors.examples.empty()) continue;
    const model::ErrorSample& example = errors.examples.front();
    page.outside("    for example ", fmt::format("{} {}: {}", name_of(example.op), example.key, example.detail));
  }
}

void write_thresholds(Page& page) {
  if (!page.summary.ended || page.summary.ended->thresholds.empty()) return;
  page.gap();
  page.line("thresholds", Ink::Heading);
  for (const model::ThresholdVerdict& verdict : page.summary.ended->thresholds) {
    page.outside(verdict.met ? "  met     " : "  MISSED  ", verdict.text + ": " + verdict.measured_text,
                 verdict.met ? Ink::Good : Ink::Bad);
  }
}

/// Each kind of worker once with each reason, with the stages it served.
void write_workers(Page& page) {
  std::vector<std::pair<std::string, std::string>> seen;  // what, stages
  for (const StageSummary& stage : page.summary.stages) {
    for (const model::WorkerInfo& worker : stage.started.workers) {
      std::string what = fmt::format("{} {} worker{}, {} in flight", worker.threads, worker.kind,
                                     worker.threads == 1 ? "" : "s", worker.in_flight);
      if (!worker.why.empty()) what += ": " + worker.why;
      const auto known = std::find_if(seen.begin(), seen.end(), [&](const auto& entry) { return entry.first == what; });
      if (known == seen.end()) {
        seen.emplace_back(std::move(what), stage.started.name);
      } else {
        known->second += ", " + stage.started.name;
      }
    }
  }
  for (const auto& [what, stages] : seen) page.outside("  ", fmt::format("{} ({})", what, stages));
}

std::string page_cache_words(double share) {
  const double percent = 100 * std::clamp(share, 0.0, 1.0);
  // Only a share of exactly nothing, or all, is called so.
  if (percent > 0 && percent < 1) return "less than 1 % of reads never left memory";
  if (percent > 99 && percent < 100) return "over 99 % of reads never left memory";
  return fmt::format("{:.0f} % of reads never left memory", percent);
}

void write_holds(Page& page, const model::ClientCost& cost) {
  const std::string holds = fmt::format("{}, p99.9 {}", duration(cost.max_stall_ns), duration(cost.hold_p999_ns));
  if (cost.max_stall_ns <= kHoldCalmNs) {
    page.outside("  ", "nothing stalled: longest hold " + holds);
  } else {
    page.outside("  ", "a loop was held for " + holds + ": latencies near that time may include it", Ink::Warning);
  }
  page.outside("  queues: ", fmt::format("{} waited for permits in all, at most {} of output waited for its reader",
                                         duration(cost.permit_wait_ns), base::format_size(cost.queue_high_water)));
  if (cost.abandoned_calls > 0) {
    page.outside("  ", fmt::format("{} calls outlived their deadline and were abandoned", cost.abandoned_calls),
                 Ink::Warning);
  } else {
    page.line("  no call had to be abandoned");
  }
}

void write_op_log(Page& page) {
  const model::OpLogSummary& op_log = page.summary.op_log;
  if (op_log.records > 0) {
    page.outside("  op-log: ", fmt::format("{} operations in {} ({:.1f} bytes each)",
                                           base::format_count(op_log.records), base::format_size(op_log.bytes),
                                           static_cast<double>(op_log.bytes) / static_cast<double>(op_log.records)));
  }
  if (op_log.lost > 0) {
    page.outside("  op-log: ",
                 base::format_count(op_log.lost) +
                     " operations are not in it: the disk of the results did not take them in time",
                 Ink::Warning);
  }
}

void write_client(Page& page) {
  const model::ClientCost cost = client_cost(page.summary);
  page.gap();
  page.line("what it took", Ink::Heading);
  if (!cost.limited_by.empty()) page.outside("  limited by: ", cost.limited_by);
  if (cost.page_cache_share) page.line("  " + page_cache_words(*cost.page_cache_share));
  write_holds(page, cost);
  page.outside("  client: ", fmt::format("{:.2f} s CPU in user space, {:.2f} s in the kernel, at most {} of memory",
                                         cost.cpu_user_s, cost.cpu_system_s, base::format_size(cost.max_rss_bytes)));
  write_workers(page);
  write_op_log(page);
}

void write_notes(Page& page) {
  if (page.summary.notes.empty()) return;
  page.gap();
  page.line("notes", Ink::Heading);
  for (const std::string& note : page.summary.notes) page.outside("  ", note);
}

void write_end(Page& page) {
  if (page.options.error && page.summary.ended && page.summary.ended->error) {
    page.gap();
    std::istringstream lines(base::to_text(*page.summary.ended->error));
    for (std::string line; std::getline(lines, line);) page.line(one_line(line), Ink::Bad);
  }
  if (page.options.results_dir.empty()) return;
  page.gap();
  page.line("results: " + one_line(page.options.results_dir));
}

}  // namespace

std::string final_table(const model::Summary& summary, const TableOptions& options) {
  Page page{.summary = summary, .options = options, .text = {}};
  write_head(page);
  const Operations operations = operation_rows(summary, options);
  for (std::size_t i = 0; i < summary.stages.size(); ++i) write_stage(page, summary.stages[i], operations.rows[i]);
  write_dropped(page, operations.dropped);
  write_slowest(page);
  write_errors(page);
  write_thresholds(page);
  write_client(page);
  write_notes(page);
  write_end(page);
  return page.text;
}

}  // namespace sluice::report
