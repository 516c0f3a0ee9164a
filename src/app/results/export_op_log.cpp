#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "app/op_log/op_log_output.hpp"
#include "app/op_log/op_log_rows.hpp"
#include "app/results/commands.hpp"
#include "app/results/journal_chunks.hpp"
#include "app/results/results_json.hpp"
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

/// The run first, then the file: a mistyped run costs no file that is there.
base::Result<OpLogReport> write(const ResultsOptions& options, std::optional<OpLogOutput>& out) {
  const std::string path = options.output.empty() ? "-" : options.output;
  if (options.journal.empty()) {
    SLUICE_TRY(const RunChoice run, choose_run(options));
    // The log is the truth, and needs no index for this.
    if (journal::log_files(run.dir)) {
      SLUICE_TRY(OpLogOutput opened, OpLogOutput::to(path));
      return from_log(run.dir, options.format, out.emplace(std::move(opened)));
    }
  }
  SLUICE_TRY(const auto source, RunSource::open(options));
  SLUICE_TRY(OpLogOutput opened, OpLogOutput::to(path));
  return from_journal(*source, options.format, out.emplace(std::move(opened)));
}

}  // namespace

int export_op_log(const ResultsOptions& options) {
  std::optional<OpLogOutput> out;
  const auto written = write(options, out);
  // A file that is not whole does not get its name.
  const bool is_file = !options.output.empty() && options.output != "-";
  const int finished = out && (written || !is_file) ? finish_output(*out) : 0;
  if (!written) return report_failure(written.error(), options);
  for (const std::string& line : told_of(*written)) std::fprintf(stderr, "%s\n", shown(line).c_str());
  if (!written->damage.empty()) std::fprintf(stderr, "  try:    sluice results verify names all that is damaged\n");
  if (written->records == 0 && written->damage.empty()) {
    std::fprintf(stderr, "note: this run has kept no operations one by one; op_log_path in a plan keeps them\n");
  }
  return written->damage.empty() ? finished : protocol::kExitFailed;
}

}  // namespace sluice::app
