#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "app/output.hpp"
#include "app/results/commands.hpp"
#include "app/results/journal_host.hpp"
#include "app/results/results_json.hpp"
#include "app/results/run_choice.hpp"
#include "app/results/run_list.hpp"
#include "app/results/run_source.hpp"
#include "app/terminal.hpp"
#include "base/units.hpp"
#include "journal/block_codec.hpp"
#include "report/plain_text.hpp"
#include "report/text_grid.hpp"

namespace sluice::app {

namespace {

constexpr std::size_t kPlanColumnsMin = 8;
constexpr std::size_t kPageBlocks = 256;

bool is_wanted(const ListedRun& run, const ResultsOptions& options) {
  if (!options.plan.empty() && run.plan != options.plan) return false;
  if (options.since && run.started < *options.since) return false;
  return options.statuses.empty() || std::ranges::find(options.statuses, run.status) != options.statuses.end();
}

void sort_and_cut(std::vector<ListedRun>& runs, const ResultsOptions& options) {
  std::erase_if(runs, [&](const ListedRun& run) { return !is_wanted(run, options); });
  std::ranges::sort(runs, [](const ListedRun& a, const ListedRun& b) {
    return std::tie(b.started, a.id) < std::tie(a.started, b.id);
  });
  if (options.limit && runs.size() > *options.limit) runs.resize(*options.limit);
}

/// The summaries of a database's runs, from the blocks of these kinds.
base::Result<std::map<std::string, model::Summary>> fold_runs(JournalHost& host, const journal::JournalReader& reader,
                                                              const journal::Filter& filter) {
  std::map<std::string, model::Summary> runs;
  IndexProgress progress("reading the journal");
  std::uint64_t done = 0;
  for (std::optional<std::uint64_t> after = 0; after;) {
    SLUICE_TRY(const journal::BlockPage page, host.wait(reader.page(filter, *after, kPageBlocks, JournalHost::soon())));
    for (const journal::BlockPtr& stored : page.blocks) {
      const auto block = journal::decode_block(stored->payload);
      if (block) report::fold(runs[stored->header.party.run], *block);
    }
    progress.at(done += page.blocks.size(), 0, "blocks");
    after = page.next;
  }
  return runs;
}

/// The runs of a database that are not in `known`. Figures are folded for those alone that will be shown.
base::Result<std::vector<ListedRun>> runs_of_journal(const ResultsOptions& options,
                                                     const std::set<std::string>& known) {
  using journal::BlockKind;
  SLUICE_TRY(auto host, JournalHost::create());
  SLUICE_TRY(auto backend, open_journal_backend(options.journal, JournalAccess::Ask));
  SLUICE_TRY(const journal::JournalReader reader, host->reader(std::move(backend)));
  SLUICE_TRY(const auto events,
             fold_runs(*host, reader, {.kinds = {BlockKind::RunStarted, BlockKind::StageEnded, BlockKind::RunEnded}}));
  std::vector<ListedRun> runs;
  for (const auto& [id, summary] : events) {
    if (known.contains(id)) continue;
    runs.push_back(listed_run(summary, report::LogState::Open));
    runs.back().id = id;
  }
  sort_and_cut(runs, options);
  for (ListedRun& run : runs) {
    SLUICE_TRY(const auto whole, fold_runs(*host, reader, {.runs = {run.id}}));
    if (whole.contains(run.id)) run = listed_run(whole.at(run.id), report::LogState::Open);
  }
  return runs;
}

base::Result<std::vector<ListedRun>> find_runs(const ResultsOptions& options) {
  std::vector<ListedRun> runs;
  auto dirs = results_dirs_below(options.results);
  if (!dirs && (dirs.error().code != base::Code::NotFound || options.journal.empty())) {
    return base::fail(std::move(dirs).error());
  }
  IndexProgress progress("reading summaries");
  if (dirs) {
    for (const std::string& dir : *dirs) {
      runs.push_back(listed_run(dir));
      progress.at(runs.size(), dirs->size(), "runs");
    }
  }
  if (!options.journal.empty()) {
    std::set<std::string> known;
    for (const ListedRun& run : runs) known.insert(run.id);
    SLUICE_TRY(auto more, runs_of_journal(options, known));
    std::ranges::move(more, std::back_inserter(runs));
  }
  sort_and_cut(runs, options);
  return runs;
}

Json to_json(const ListedRun& run) {
  Json entry;
  entry["started"] = base::to_iso8601(run.started);
  entry["plan"] = run.plan;
  entry["id"] = run.id;
  entry["target"] = run.target;
  entry["status"] = run.status;
  entry["dir"] = run.dir.empty() ? Json(nullptr) : Json(run.dir);
  entry["duration_s"] = std::isfinite(run.duration_s) ? std::max(0.0, run.duration_s) : 0.0;
  entry["ops_per_s"] = run.ops_per_s;
  entry["bytes_per_s"] = run.bytes_per_s;
  entry["busiest_operation"] = run.operation.empty() ? Json(nullptr) : Json(run.operation);
  entry["p99_ns"] = run.operation.empty() ? Json(nullptr) : Json(run.p99_ns);
  entry["errors"] = run.errors;
  return entry;
}

std::vector<std::string> cells_of(const ListedRun& run) {
  std::string started = base::to_iso8601(run.started).substr(0, 19);
  started[10] = ' ';
  const bool has_load = !run.operation.empty();
  const auto duration = base::Nanos{static_cast<std::int64_t>(std::clamp(run.duration_s, 0.0, 1e9) * 1e9)};
  return {run.started.ns == 0 ? "-" : started,
          report::one_line(run.plan),
          report::one_line(run.id),
          run.status,
          run.duration_s > 0 ? base::format_duration(duration) : "-",
          has_load ? base::format_si(run.ops_per_s) + "/s" : "-",
          has_load && run.bytes_per_s >= 1
              ? base::format_size(static_cast<std::uint64_t>(std::clamp(run.bytes_per_s, 0.0, 1e18))) + "/s"
              : "-",
          has_load ? report::one_line(run.operation) + " " +
                         base::format_duration(base::Nanos{static_cast<std::int64_t>(run.p99_ns)})
                   : "-",
          base::format_count(run.errors)};
}

/// The lines of the table, where a plan's name takes at most `plan_columns`.
std::vector<std::string> table(const std::vector<ListedRun>& runs, std::size_t plan_columns) {
  using enum report::TextGrid::Align;
  report::TextGrid grid({Left, Left, Left, Left, Right, Right, Right, Right, Right}, 0);
  grid.add({"started (UTC)", "plan", "run", "status", "duration", "ops", "bytes", "p99", "errors"});
  for (const ListedRun& run : runs) {
    std::vector<std::string> cells = cells_of(run);
    cells[1] = report::clip(cells[1], plan_columns);
    grid.add(std::move(cells));
  }
  return grid.lines();
}

std::string table_for(const std::vector<ListedRun>& runs, std::size_t width) {
  std::size_t longest = 0;
  for (const ListedRun& run : runs) longest = std::max(longest, report::columns_of(report::one_line(run.plan)));
  std::vector<std::string> lines = table(runs, longest);
  const auto widest = [&] {
    std::size_t most = 0;
    for (const std::string& line : lines) most = std::max(most, report::columns_of(line));
    return most;
  };
  if (width > 0 && widest() > width) {
    const std::size_t excess = widest() - width;
    lines = table(runs, longest > excess + kPlanColumnsMin ? longest - excess : kPlanColumnsMin);
  }
  std::string text;
  for (const std::string& line : lines) text += (width > 0 ? report::clip(line, width) : line) + "\n";
  return text;
}

}  // namespace

int list_command(const ResultsOptions& options, Signals& signals) {
  const auto runs = find_runs(options);
  if (!runs) return report_failure(runs.error(), options);
  begin_answer(signals);
  Output out;
  if (options.json) {
    Json document{{"schema", "sluice.list/1"}, {"runs", Json::array()}, {"error", nullptr}};
    for (const ListedRun& run : *runs) document["runs"].push_back(to_json(run));
    out.put(document_text(document));
  } else if (runs->empty()) {
    std::fprintf(stderr, "no runs in %s\n", shown(options.results).c_str());
  } else {
    out.put(table_for(*runs, terminal_columns(STDOUT_FILENO)));
  }
  return finish_output(out);
}

}  // namespace sluice::app
