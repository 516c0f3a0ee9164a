#include "journal/run_log.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "journal/block_codec.hpp"
#include "journal/segment_device.hpp"
#include "journal/segment_reader.hpp"

namespace sluice::journal {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLogFolder = "log";
constexpr std::string_view kSegmentEnding = ".seg";

base::Error no_log(std::string_view results_dir) {
  return {.code = base::Code::NotFound,
          .what = "there is no log of results",
          .where = fmt::format("{}/{}", results_dir, kLogFolder),
          .likely = {"this is not the results directory of a run", "the run ended before it began to measure"},
          .try_next = {"name a results directory as sluice run prints it at its end"}};
}

base::Result<void> read_segment(const std::string& path, const BlockVisitor& visit, LogReport& report) {
  SLUICE_TRY(const auto log, SegmentReader::open(path));
  const std::string party = fs::path(path).stem().string();
  const auto count_and_visit = [&](const Frame& /*frame*/, model::Block&& block) -> base::Result<bool> {
    ++report.blocks;
    visit(party, std::move(block));
    return true;
  };
  SLUICE_CHECK(read_blocks(*log, path, count_and_visit, report.flaws));
  return {};
}

}  // namespace

base::Result<bool> read_blocks(SegmentReader& log, const std::string& file, const FrameVisitor& visit,
                               std::vector<LogFlaw>& flaws) {
  std::size_t undecodable = 0;
  while (true) {
    SLUICE_TRY(const auto frame, log.next());
    if (!frame) break;
    if (frame->type != FrameType::Block) continue;
    base::Result<bool> goes_on = true;
    if (auto block = decode_block(frame->payload)) {
      goes_on = visit(*frame, std::move(*block));
    } else {
      goes_on = base::fail(std::move(block).error());
    }
    if (!goes_on && undecodable++ < kFlawsMax) {
      flaws.push_back({file, frame->offset, frame_words(frame->number, frame->offset) + ": " + goes_on.error().what});
    }
    if (goes_on && !*goes_on) return false;
  }
  for (const SegmentFlaw& flaw : log.flaws()) {
    flaws.push_back({file, flaw.offset, flaw.text, flaw.kind == SegmentFlaw::Kind::TornTail});
  }
  return true;
}

std::string run_log_path(std::string_view results_dir, std::string_view party) {
  return fmt::format("{}/{}/{}{}", results_dir, kLogFolder, party, kSegmentEnding);
}

base::Result<std::vector<std::string>> log_files(std::string_view results_dir) {
  std::error_code failed;
  std::vector<std::string> segments;
  for (fs::directory_iterator it(fs::path(results_dir) / kLogFolder, failed), end; !failed && it != end;
       it.increment(failed)) {
    if (it->path().extension() == kSegmentEnding) segments.push_back(it->path().string());
  }
  if (failed && failed.value() != ENOENT && failed.value() != ENOTDIR) {
    return base::fail(base::from_errno(failed.value(), "cannot read the folder of the log",
                                       fmt::format("{}/{}", results_dir, kLogFolder)));
  }
  if (segments.empty()) return base::fail(no_log(results_dir));
  std::ranges::sort(segments);
  return segments;
}

RunLog::RunLog(std::unique_ptr<SegmentWriter> segment, std::size_t records_bytes_max)
    : segment_(std::move(segment)), records_bytes_max_(records_bytes_max) {}

base::Result<std::unique_ptr<RunLog>> RunLog::create(async::Runtime& runtime, std::string_view results_dir,
                                                     std::string_view party, SegmentOptions options) {
  const std::string folder = fmt::format("{}/{}", results_dir, kLogFolder);
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
    return base::fail(base::from_errno(errno, "cannot make the folder of the log", folder));
  }
  SLUICE_CHECK(sync_directory(std::string(results_dir)));
  const std::size_t records_bytes_max = options.bytes_max / 2;
  SLUICE_TRY(auto segment, SegmentWriter::create(runtime, run_log_path(results_dir, party), std::move(options)));
  return std::unique_ptr<RunLog>(new RunLog(std::move(segment), records_bytes_max));
}

base::Result<std::unique_ptr<RunLog>> RunLog::open(async::Runtime& runtime, std::string_view results_dir,
                                                   std::string_view party, SegmentOptions options) {
  const std::size_t records_bytes_max = options.bytes_max / 2;
  SLUICE_TRY(auto segment, SegmentWriter::open(runtime, run_log_path(results_dir, party), std::move(options)));
  return std::unique_ptr<RunLog>(new RunLog(std::move(segment), records_bytes_max));
}

base::Result<void> RunLog::append(const model::Block& block) {
  SLUICE_CHECK(segment_->append(encode_block(block)));
  return {};
}

bool RunLog::has_room_for_records() const { return segment_->buffered_bytes() <= records_bytes_max_; }

async::Task<> RunLog::sync(async::Deadline deadline) { return segment_->sync(deadline); }

async::Task<> RunLog::close(async::Deadline deadline) { return segment_->close(deadline); }

std::uint64_t RunLog::durable_blocks() const { return segment_->durable_frames(); }

const SegmentRecovery& RunLog::recovery() const { return segment_->recovery(); }

const std::string& RunLog::path() const { return segment_->path(); }

base::Result<LogReport> read_run_log(std::string_view results_dir, const BlockVisitor& visit) {
  SLUICE_TRY(const auto segments, log_files(results_dir));
  LogReport report;
  for (const std::string& path : segments) SLUICE_CHECK(read_segment(path, visit, report));
  return report;
}

base::Result<void> check_not_written(std::string_view results_dir) {
  SLUICE_TRY(const auto segments, log_files(results_dir));
  for (const std::string& path : segments) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return base::fail(base::from_errno(errno, "cannot open the log of results", path));
    SLUICE_CHECK(FileDevice(fd, path).lock());
  }
  return {};
}

base::Result<RunLogContent> read_run_log(std::string_view results_dir) {
  RunLogContent content;
  SLUICE_TRY(content.report, read_run_log(results_dir, [&content](std::string_view, model::Block&& block) {
               content.blocks.push_back(std::move(block));
             }));
  return content;
}

}  // namespace sluice::journal
