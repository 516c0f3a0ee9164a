#include "app/results/run_choice.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/block_codec.hpp"
#include "journal/run_log.hpp"
#include "journal/segment_reader.hpp"
#include "report/plain_text.hpp"

namespace sluice::app {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShownMax = 200;
constexpr std::size_t kExamplesMax = 5;
/// A log that is written gets a block a second.
constexpr std::int64_t kRecent = 10'000'000'000;

std::string name_of_dir(const std::string& dir) {
  const fs::path path = fs::path(dir).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

/// <UTC time>-<plan name>-<run id>
std::string id_in_name(const std::string& dir) {
  const std::string name = name_of_dir(dir);
  const std::size_t dash = name.rfind('-');
  return dash == std::string::npos ? name : name.substr(dash + 1);
}

std::optional<std::string> id_in_log(const std::string& dir) {
  const auto files = journal::log_files(dir);
  if (!files) return std::nullopt;
  for (const std::string& path : *files) {
    auto reader = journal::SegmentReader::open(path);
    if (!reader) continue;
    const auto next = (*reader)->next();
    const std::optional<journal::Frame> frame = next ? *next : std::nullopt;
    if (!frame) continue;
    const auto block = journal::decode_block(frame->payload);
    if (!block) continue;
    if (const auto* started = std::get_if<model::RunStarted>(&*block); started && !started->run_id.empty()) {
      return started->run_id;
    }
  }
  return std::nullopt;
}

/// Of the character of UTF-8 that begins there; 0 where none does.
std::size_t length_of_character(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = byte(at);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xC2 && first < 0xE0 ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0U) != 0x80) return 0;
  }
  return length;
}

bool has_writer(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  // Shared, so that two who ask do not take each other for the writer.
  bool has = ::flock(fd, LOCK_SH | LOCK_NB) != 0;
  struct stat status = {};
  if (has && errno != EWOULDBLOCK) {
    has =
        ::fstat(fd, &status) == 0 &&
        base::wall_now().ns - (std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec) < kRecent;
  }
  ::close(fd);
  return has;
}

base::Error ambiguous(const std::string& run, const std::vector<std::string>& found) {
  std::string examples;
  for (std::size_t i = 0; i < std::min(found.size(), kExamplesMax); ++i) {
    examples += (i > 0 ? ", " : "") + shown(found[i]);
  }
  if (found.size() > kExamplesMax) examples += ", ...";
  return {.code = base::Code::InvalidArgument,
          .what = fmt::format("{} runs begin with '{}'", found.size(), shown(run)),
          .where = std::move(examples),
          .likely = {"more of the run id is needed"},
          .try_next = {"give more of it, or the whole results directory"}};
}

base::Error no_run(const std::string& run, const std::string& where) {
  return {.code = base::Code::NotFound,
          .what = fmt::format("there is no run '{}'", shown(run)),
          .where = shown(where),
          .likely = {"it is misspelt", "it left its results elsewhere"},
          .try_next = {"sluice results list shows what there is", "--results DIR looks in another place"}};
}

base::Result<RunChoice> choose_below(const ResultsOptions& options) {
  auto dirs = results_dirs_below(options.results);
  if (!dirs) {
    if (dirs.error().code != base::Code::NotFound) return base::fail(std::move(dirs).error());
    return base::fail(no_run(options.run, "below " + options.results));
  }
  std::vector<std::string> found;
  std::string dir;
  for (const std::string& candidate : *dirs) {
    const std::string id = id_in_name(candidate);
    if (name_of_dir(candidate) == options.run || id == options.run) {
      return RunChoice{.dir = candidate, .id = run_id_of(candidate)};
    }
    if (!id.starts_with(options.run)) continue;
    found.push_back(id);
    dir = candidate;
  }
  if (found.empty()) return base::fail(no_run(options.run, "below " + options.results));
  if (found.size() > 1) return base::fail(ambiguous(options.run, found));
  return RunChoice{.dir = dir, .id = run_id_of(dir)};
}

}  // namespace

std::string shown(const std::string& text) {
  std::string safe;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = length_of_character(text, at);
    safe += length == 0 ? fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]))
                        : report::one_line(text.substr(at, length));
    at += std::max<std::size_t>(length, 1);
  }
  return report::clip(safe, kShownMax);
}

bool is_results_dir(const std::string& dir) {
  std::error_code ignored;
  return fs::is_directory(fs::path(dir) / "log", ignored) ||
         fs::is_regular_file(fs::path(dir) / "summary.json", ignored);
}

base::Result<std::vector<std::string>> results_dirs_below(const std::string& parent) {
  std::vector<std::string> dirs;
  std::error_code failed;
  for (fs::directory_iterator it(parent, failed), end; !failed && it != end; it.increment(failed)) {
    if (is_results_dir(it->path().string())) dirs.push_back(it->path().string());
  }
  if (failed) {
    return base::fail(base::from_errno(failed.value(), "the runs cannot be listed", shown(parent))
                          .add_try("--results DIR looks in another place"));
  }
  std::ranges::sort(dirs);
  return dirs;
}

std::string run_id_of(const std::string& dir) { return id_in_log(dir).value_or(id_in_name(dir)); }

base::Result<std::string> choose_id(const std::vector<std::string>& ids, const std::string& run,
                                    const std::string& where) {
  std::vector<std::string> found;
  for (const std::string& id : ids) {
    if (id == run) return id;
    if (id.starts_with(run)) found.push_back(id);
  }
  if (found.empty()) return base::fail(no_run(run, where));
  if (found.size() > 1) return base::fail(ambiguous(run, found));
  return found.front();
}

base::Result<RunChoice> choose_run(const ResultsOptions& options) {
  if (options.run.empty() || options.run.find('\0') != std::string::npos) {
    return base::fail(base::Error{.code = base::Code::InvalidArgument,
                                  .what = "no run is named",
                                  .where = "the command line",
                                  .likely = {"a variable of the shell is empty"},
                                  .try_next = {"name a results directory, or the beginning of a run id"}});
  }
  if (is_results_dir(options.run)) return RunChoice{.dir = options.run, .id = run_id_of(options.run)};
  const bool is_path = options.run.find('/') != std::string::npos || options.run == "." || options.run == "..";
  auto below = is_path ? base::Result<RunChoice>(base::fail(no_run(options.run, "there is no such directory")))
                       : choose_below(options);
  std::error_code ignored;
  if (below || below.error().code != base::Code::NotFound || !fs::is_directory(options.run, ignored)) return below;
  auto files = journal::log_files(options.run);  // says what a directory lacks
  return base::fail(files ? std::move(below).error() : std::move(files).error());
}

bool is_being_written(const std::string& dir) {
  const auto files = journal::log_files(dir);
  return files && std::ranges::any_of(*files, [](const std::string& path) { return has_writer(path); });
}

base::Result<void> refuse_while_written(const std::string& dir) {
  if (!is_being_written(dir)) return {};
  return base::fail(base::Error{.code = base::Code::Unavailable,
                                .what = "another process is writing this run",
                                .where = shown(dir),
                                .likely = {"the run is still going on"},
                                .try_next = {"wait for its end: sluice results follow " + shown(dir)}});
}

}  // namespace sluice::app
