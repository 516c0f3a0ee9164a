#include "app/op_log/op_log_file.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

#include "app/op_log/op_log_output.hpp"

namespace sluice::app {

namespace {

namespace fs = std::filesystem;

base::Error cannot_be_made(base::Error error) {
  error.chain.insert(error.chain.begin(), std::move(error.what));
  error.what = "the op-log could not be written";
  error.add_try("what the log has: sluice results export --op-log -o FILE writes it to another disk");
  return error;
}

base::Result<OpLogReport> write_to(const std::string& file, LookedThrough& log, const OpLogProgress& go_on) {
  SLUICE_TRY(OpLogOutput out, OpLogOutput::to(file));
  SLUICE_CHECK(write_rows(
      *log.reader, log.input, ExportFormat::Tsv, [&](std::string_view text) { return out.put(text); }, go_on,
      log.report));
  SLUICE_CHECK(out.finish_durably());
  return std::move(log.report);
}

}  // namespace

base::Result<OpLogReport> write_op_log(const std::string& results_dir, const std::string& path,
                                       const OpLogProgress& go_on) {
  const fs::path whole = fs::path(results_dir) / path;
  SLUICE_TRY(LookedThrough log, look_through(results_dir, go_on));
  std::error_code failed;
  fs::create_directories(whole.parent_path(), failed);
  if (failed) {
    return base::fail(
        cannot_be_made(base::from_errno(failed.value(), "its folder cannot be made", whole.parent_path().string())));
  }
  auto written = write_to(whole.string(), log, go_on);
  if (written || written.error().code == base::Code::Cancelled) return written;
  return base::fail(cannot_be_made(std::move(written).error()));
}

}  // namespace sluice::app
