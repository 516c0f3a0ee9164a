#include <cstdio>
#include <string>
#include <utility>

#include "app/op_log_output.hpp"
#include "app/op_log_rows.hpp"
#include "app/results/commands.hpp"
#include "app/results/journal_chunks.hpp"
#include "app/results/results_json.hpp"
#include "base/units.hpp"
#include "journal/run_log.hpp"
#include "protocol/exit_code.hpp"

namespace sluice::app {

namespace {

OpLogProgress shown_progress(IndexProgress& progress) {
  return [&progress](std::uint64_t done, std::uint64_t total) {
    if (total > 0) progress.at(done, total, "operations");
    return true;
  };
}

base::Result<OpLogReport> from_log(const std::string& dir, ExportFormat format, OpLogOutput& out) {
  IndexProgress progress("exporting");
  const OpLogProgress go_on = shown_progress(progress);
  SLUICE_TRY(LookedThrough log, look_through(dir, go_on));
  SLUICE_CHECK(write_rows(
      *log.reader, log.input, format, [&](std::string_view text) { return out.put(text); }, go_on, log.report));
  return std::move(log.report);
}

base::Result<OpLogReport> from_journal(RunSource& source, ExportFormat format, OpLogOutput& out) {
  IndexProgress progress("exporting");
  const OpLogProgress go_on = shown_progress(progress);
  JournalChunks chunks(source);
  SLUICE_CHECK(chunks.learn());
  SLUICE_TRY(OpLogReport report, chunks.find(go_on));
  SLUICE_CHECK(
      write_rows(chunks, chunks.input(), format, [&](std::string_view text) { return out.put(text); }, go_on, report));
  return report;
}

base::Result<OpLogReport> write(const ResultsOptions& options, OpLogOutput& out) {
  if (options.journal.empty()) {
    SLUICE_TRY(const RunChoice run, choose_run(options));
    // The log is the truth, and needs no index for this.
    if (journal::log_files(run.dir)) return from_log(run.dir, options.format, out);
  }
  SLUICE_TRY(const auto source, RunSource::open(options));
  return from_journal(*source, options.format, out);
}

}  // namespace

int export_op_log(const ResultsOptions& options) {
  auto out = OpLogOutput::to(options.output.empty() ? "-" : options.output);
  if (!out) return report_failure(out.error(), options);
  const auto written = write(options, *out);
  const int finished = finish_output(*out);
  if (!written) return report_failure(written.error(), options);
  for (const std::string& line : written->torn) std::fprintf(stderr, "note: %s\n", shown(line).c_str());
  for (const std::string& line : written->damage) std::fprintf(stderr, "error: %s\n", shown(line).c_str());
  if (written->lost > 0) {
    std::fprintf(stderr, "warning: %s operations are not in it: the run could not keep them\n",
                 base::format_count(written->lost).c_str());
  }
  if (written->records == 0 && written->damage.empty()) {
    std::fprintf(stderr, "note: this run has kept no operations one by one; op_log_path in a plan keeps them\n");
  }
  return written->damage.empty() ? finished : protocol::kExitFailed;
}

}  // namespace sluice::app
