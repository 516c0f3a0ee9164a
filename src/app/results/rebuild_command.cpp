#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "app/op_log/op_log_file.hpp"
#include "app/results/commands.hpp"
#include "app/results/journal_host.hpp"
#include "app/results/results_json.hpp"
#include "app/results/run_choice.hpp"
#include "app/results_dir.hpp"
#include "base/units.hpp"
#include "config/plan_reader.hpp"
#include "journal/run_log.hpp"
#include "journal/sqlite/writer_lock.hpp"
#include "protocol/exit_code.hpp"
#include "report/result_files.hpp"

namespace sluice::app {

namespace {

namespace fs = std::filesystem;

/// The run's plan, which says where its time series is; the defaults where it is lost or of another version.
model::RunPlan plan_of(const ResultsDir& results) {
  const base::Result<std::string> resolved = read_file(results.path() + "/plan.resolved.yaml");
  if (!resolved) return {};
  return config::read_plan(*resolved, {.allow_unknown_keys = true}).value_or(model::RunPlan{});
}

base::Error nothing_to_read(const std::string& dir) {
  return {.code = base::Code::Corrupt,
          .what = "the log of results has nothing that can be read, so nothing was replaced",
          .where = dir + "/log",
          .likely = {"the run was killed before it began to measure", "the log was emptied or not copied"},
          .try_next = {"look at summary.json and perf_log.tsv, which are as the run left them"}};
}

/// Summary, tables and time series; says each file. Returns the number of blocks.
base::Result<std::uint64_t> rebuild_files(const std::string& dir, const model::RunPlan& plan) {
  const ResultsDir results(dir);
  report::ResultFold fold("local", plan.perf_interval, plan.perf_log_path);
  IndexProgress progress("reading the log");
  std::uint64_t blocks = 0;
  SLUICE_TRY(const journal::LogReport read, journal::read_run_log(dir, [&](std::string_view, model::Block&& block) {
               fold.add(block);
               progress.at(++blocks, 0, "blocks");
             }));
  for (const journal::LogFlaw& flaw : read.flaws) {
    std::fprintf(stderr, "%s: %s: %s\n", flaw.torn_tail ? "note" : "warning", flaw.file.c_str(), flaw.text.c_str());
  }
  if (read.blocks == 0) return base::fail(nothing_to_read(dir));
  results.release_reserve();  // a run that was killed has left it
  for (const report::ResultFile& file : fold.finish(report::LogState::Final)) {
    SLUICE_CHECK(results.replace(file.name, file.content));
    std::printf("%s/%s\n", dir.c_str(), file.name.c_str());
  }
  return read.blocks;
}

/// The file of op_log_path, where the plan has one. False: something of the log could not be read, and that was told.
base::Result<bool> rebuild_op_log(const std::string& dir, const model::RunPlan& plan) {
  if (plan.op_log_path.empty()) return true;
  IndexProgress progress("writing the op-log");
  SLUICE_TRY(const OpLogReport report,
             write_op_log(dir, plan.op_log_path, [&](std::uint64_t done, std::uint64_t total) {
               if (total > 0) progress.at(done, total, "operations");
               return true;
             }));
  std::printf("%s/%s\n", dir.c_str(), plan.op_log_path.c_str());
  for (const std::string& line : told_of(report)) std::fprintf(stderr, "%s\n", shown(line).c_str());
  return report.damage.empty();
}

void remove_database(const std::string& path) {
  for (const char* part : {"-wal", "-shm", "-journal", ""}) {
    std::error_code ignored;
    fs::remove(path + part, ignored);
  }
}

/// A new journal.db beside the old one, which takes its place when it is whole.
base::Result<void> rebuild_journal(const std::string& dir, const std::string& run, std::uint64_t blocks) {
  const std::string path = dir + "/journal.db";
  const std::string fresh = path + ".new";
  SLUICE_TRY(const journal::WriterLock lock, journal::WriterLock::take(path));
  remove_database(fresh);  // of a rebuild that was killed
  base::Result<void> made;
  {
    SLUICE_TRY(const auto host, JournalHost::create());
    SLUICE_TRY(auto backend, open_journal_backend("sqlite:" + fresh, JournalAccess::Change));
    SLUICE_TRY(const auto journal, host->journal(std::move(backend)));
    if (auto indexed = host->index(*journal, dir, run, blocks); !indexed) made = base::fail(std::move(indexed).error());
  }
  std::error_code failed, ignored;
  if (made) {
    remove_database(path);  // its WAL would be taken for that of the new one
    fs::rename(fresh, path, failed);
    if (failed) made = base::fail(base::from_errno(failed.value(), "journal.db cannot be put in its place", path));
  }
  if (!made) remove_database(fresh);
  fs::remove(fresh + ".lock", ignored);
  if (made) std::printf("%s\n", path.c_str());
  return made;
}

}  // namespace

int rebuild_command(const ResultsOptions& options) {
  const auto run = choose_run(options);
  if (!run) return report_failure(run.error(), options);
  if (auto ended = journal::check_not_written(run->dir); !ended) return report_failure(ended.error(), options);
  const model::RunPlan plan = plan_of(ResultsDir(run->dir));
  const auto blocks = rebuild_files(run->dir, plan);
  if (!blocks) return report_failure(blocks.error(), options);
  std::fprintf(stderr, "rebuilt from %s blocks\n", base::format_count(*blocks).c_str());
  if (auto made = rebuild_journal(run->dir, run->id, *blocks); !made) return report_failure(made.error(), options);
  const auto is_whole = rebuild_op_log(run->dir, plan);
  if (!is_whole) return report_failure(is_whole.error(), options);
  return *is_whole ? protocol::kExitDone : protocol::kExitFailed;
}

}  // namespace sluice::app
