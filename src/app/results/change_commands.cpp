#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "app/results/commands.hpp"
#include "app/results/log_scan.hpp"
#include "app/results/results_json.hpp"
#include "app/results/run_choice.hpp"
#include "app/results/run_source.hpp"
#include "base/units.hpp"
#include "journal/block_codec.hpp"
#include "journal/discards.hpp"
#include "journal/run_log.hpp"
#include "protocol/exit_code.hpp"

namespace sluice::app {

namespace {

/// The run that is named, or all below the directory that is.
base::Result<std::vector<std::string>> dirs_to_import(const ResultsOptions& options) {
  if (!is_results_dir(options.run)) {
    if (auto below = results_dirs_below(options.run); below && !below->empty()) return below;
  }
  SLUICE_TRY(RunChoice run, choose_run(options));
  return std::vector<std::string>{std::move(run.dir)};
}

base::Result<std::string> import_one(JournalHost& host, journal::Journal& journal, const std::string& dir) {
  const std::string run = run_id_of(dir);
  SLUICE_TRY(const LogScan log, scan_log(dir, run, false));
  std::uint64_t blocks = 0, damaged = 0;
  for (const LogParty& party : log.parties) {
    blocks += count_of(party.readable);
    damaged += party.damage.size();
  }
  SLUICE_TRY(const journal::IndexingReport report, host.index(journal, dir, run, blocks));
  return fmt::format("{}: {} blocks, {} of them new{}{}\n", shown(run), base::format_count(report.blocks),
                     base::format_count(report.stored),
                     damaged == 0 ? std::string() : fmt::format("; {} places of its log cannot be read", damaged),
                     is_being_written(dir) ? "; it goes on" : "");
}

base::Result<std::uint32_t> stage_index(const ResultsOptions& options, const std::vector<model::StageStarted>& stages) {
  std::string names;
  std::vector<std::uint32_t> found;
  for (const model::StageStarted& stage : stages) {
    names += fmt::format("{}{} {}", names.empty() ? "" : ", ", stage.stage + 1, shown(stage.name));
    if (stage.name == options.stage || std::to_string(stage.stage + 1) == options.stage) found.push_back(stage.stage);
  }
  if (found.size() == 1) return found.front();
  return base::fail(base::Error{
      .code = base::Code::NotFound,
      .what = found.empty()
                  ? fmt::format("the run has no stage '{}' in attempt {}", shown(options.stage), options.attempt)
                  : fmt::format("{} stages are called '{}'", found.size(), shown(options.stage)),
      .where = "run " + shown(options.run),
      .likely = {"it is misspelt, or of another attempt"},
      .try_next = {"give its number; the stages are: " + (names.empty() ? "none" : names)}});
}

base::Result<std::vector<model::StageStarted>> stages_of(JournalHost& host, const journal::JournalReader& reader,
                                                         const std::string& run, std::uint32_t attempt) {
  std::vector<model::StageStarted> stages;
  const journal::Filter filter{.runs = {run}, .kinds = {journal::BlockKind::StageStarted}, .with_superseded = true};
  for (std::optional<std::uint64_t> after = 0; after;) {
    SLUICE_TRY(const journal::BlockPage page, host.wait(reader.page(filter, *after, 256, JournalHost::soon())));
    for (const journal::BlockPtr& stored : page.blocks) {
      if (stored->header.party.attempt != attempt) continue;
      auto block = journal::decode_block(stored->payload);
      auto* stage = block ? std::get_if<model::StageStarted>(&*block) : nullptr;
      if (stage == nullptr) continue;
      std::erase_if(stages, [&](const model::StageStarted& other) { return other.stage == stage->stage; });
      stages.push_back(std::move(*stage));
    }
    after = page.next;
  }
  std::ranges::sort(stages, {}, &model::StageStarted::stage);
  return stages;
}

base::Result<void> ask_whether_sure(const ResultsOptions& options, const std::string& what) {
  if (options.is_sure) return {};
  if (isatty(STDIN_FILENO) == 1) {
    std::fprintf(stderr, "discard %s? What is in the log stays, but it will be no result any more. [y/N] ",
                 what.c_str());
    const int answer = std::getchar();
    if (answer == 'y' || answer == 'Y') return {};
    return base::fail(base::Error{.code = base::Code::Cancelled,
                                  .what = "nothing was discarded",
                                  .where = what,
                                  .likely = {"the answer was not y"},
                                  .try_next = {"answer y, or give --yes"}});
  }
  return base::fail(base::Error{.code = base::Code::InvalidArgument,
                                .what = "discarding wants to be confirmed",
                                .where = what,
                                .likely = {"stdin is no terminal, so nobody can be asked"},
                                .try_next = {"give --yes"}});
}

base::Result<std::string> discard(const ResultsOptions& options) {
  auto chosen = choose_run(options);
  if (!chosen && (options.journal.empty() || chosen.error().code != base::Code::NotFound)) {
    return base::fail(std::move(chosen).error());
  }
  RunChoice run = chosen ? std::move(*chosen) : RunChoice{};
  if (!run.dir.empty()) SLUICE_CHECK(refuse_while_written(run.dir));
  SLUICE_TRY(const auto host, JournalHost::create());
  SLUICE_TRY(auto backend, open_journal_backend(options.journal.empty() ? journal_uri_of(run.dir) : options.journal,
                                                JournalAccess::Change));
  SLUICE_TRY(const auto journal, host->journal(std::move(backend)));
  if (run.dir.empty()) {
    SLUICE_TRY(run.id, choose_id(runs_in(journal->reader()), options.run, shown(without_credentials(options.journal))));
  } else if (journal::log_files(run.dir)) {
    // After the mark it would take no more blocks of the attempt: what it lacks comes first.
    SLUICE_TRY(const LogScan log, scan_log(run.dir, run.id, false));
    std::uint64_t blocks = 0;
    for (const LogParty& party : log.parties) blocks += count_of(party.readable);
    SLUICE_CHECK(host->index(*journal, run.dir, run.id, blocks));
  }
  SLUICE_TRY(const auto stages, stages_of(*host, journal->reader(), run.id, options.attempt));
  SLUICE_TRY(const std::uint32_t stage, stage_index(options, stages));
  const auto named = std::ranges::find(stages, stage, &model::StageStarted::stage);
  const std::string what =
      fmt::format("attempt {} of stage {} {} of run {}", options.attempt, stage + 1, shown(named->name), shown(run.id));
  SLUICE_CHECK(ask_whether_sure(options, what));
  if (!run.dir.empty()) SLUICE_CHECK(journal::add_discard(run.dir, {.stage = stage, .attempt = options.attempt}));
  SLUICE_CHECK(host->wait(journal->discard(run.id, stage, options.attempt, JournalHost::soon())));
  return what + " is discarded\n";
}

}  // namespace

int import_command(const ResultsOptions& options) {
  const auto dirs = dirs_to_import(options);
  if (!dirs) return report_failure(dirs.error(), options);
  const auto host = JournalHost::create();
  if (!host) return report_failure(host.error(), options);
  auto backend = open_journal_backend(options.into, JournalAccess::Change);
  if (!backend) return report_failure(backend.error(), options);
  const auto journal = (*host)->journal(std::move(*backend));
  if (!journal) return report_failure(journal.error(), options);
  Output out;
  std::size_t failed = 0;
  for (const std::string& dir : *dirs) {
    const auto imported = import_one(**host, **journal, dir);
    if (imported) {
      out.put(*imported);
      out.flush();
    } else {
      ++failed;
      report_failure(imported.error(), options);
    }
  }
  if (failed > 0) std::fprintf(stderr, "%zu of %zu runs could not be imported whole\n", failed, dirs->size());
  const int written = finish_output(out);
  return failed > 0 ? protocol::kExitFailed : written;
}

int discard_command(const ResultsOptions& options) {
  const auto done = discard(options);
  if (!done) return report_failure(done.error(), options);
  Output out;
  out.put(*done);
  return finish_output(out);
}

}  // namespace sluice::app
