#include <cstdio>
#include <optional>
#include <utility>

#include <unistd.h>

#include "app/results/commands.hpp"
#include "app/results/results_json.hpp"
#include "app/results/run_choice.hpp"
#include "app/results/run_source.hpp"
#include "app/terminal.hpp"
#include "journal/block_codec.hpp"
#include "journal/run_log.hpp"
#include "report/fold.hpp"
#include "report/summary_json.hpp"
#include "report/table.hpp"

namespace sluice::app {

namespace {

constexpr std::size_t kWidthMin = 60;

/// A run as it is shown.
struct Shown {
  model::Summary summary;
  report::LogState log = report::LogState::Final;
  std::string dir;
};

base::Error nothing_to_show(const std::string& where) {
  return {.code = base::Code::NotFound,
          .what = "there is nothing of this run that can be read",
          .where = where,
          .likely = {"the run was killed before it began to measure", "the log was emptied or not copied"},
          .try_next = {"sluice results verify says what is damaged"}};
}

base::Result<Shown> from_log(const std::string& dir) {
  Shown shown_run{.log = is_being_written(dir) ? report::LogState::Open : report::LogState::Final, .dir = dir};
  SLUICE_TRY(const journal::LogReport read, journal::read_run_log(dir, [&](std::string_view, model::Block&& block) {
               report::fold(shown_run.summary, block);
             }));
  for (const journal::LogFlaw& flaw : read.flaws) {
    std::fprintf(stderr, "%s: %s: %s\n", flaw.torn_tail ? "note" : "warning", shown(flaw.file).c_str(),
                 flaw.text.c_str());
  }
  if (read.blocks == 0) return base::fail(nothing_to_show(shown(dir) + "/log"));
  return shown_run;
}

base::Result<Shown> from_journal(const ResultsOptions& options) {
  SLUICE_TRY(const auto source, RunSource::open(options));
  Shown shown_run{.log = report::LogState::Open, .dir = source->run().dir};
  std::uint64_t blocks = 0;
  SLUICE_CHECK(source->visit({}, [&](const journal::StoredBlock& stored) {
    if (const auto block = journal::decode_block(stored.payload)) report::fold(shown_run.summary, *block), ++blocks;
    return true;
  }));
  if (blocks == 0) return base::fail(nothing_to_show("run " + shown(source->run().id)));
  return shown_run;
}

base::Result<Shown> find(const ResultsOptions& options) {
  if (!options.journal.empty()) return from_journal(options);
  SLUICE_TRY(const RunChoice run, choose_run(options));
  auto read = from_log(run.dir);
  if (read || journal::log_files(run.dir)) return read;
  // Without a log its journal may still be there.
  auto other = from_journal(options);
  return other ? std::move(other) : std::move(read);
}

}  // namespace

int show_command(const ResultsOptions& options, Signals& signals) {
  const auto found = find(options);
  if (!found) return report_failure(found.error(), options);
  begin_answer(signals);
  Output out;
  if (options.json) {
    out.put(report::summary_json(found->summary, found->log));
  } else {
    const std::size_t columns = terminal_columns(STDOUT_FILENO);
    report::TableOptions table{.results_dir = found->dir, .log = found->log};
    if (columns > 0) {
      table.width = std::max(columns, kWidthMin);
      table.colour = allows_colour();
    }
    out.put(report::final_table(found->summary, table));
  }
  return finish_output(out);
}

}  // namespace sluice::app
