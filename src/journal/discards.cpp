#include "journal/discards.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "journal/segment_device.hpp"

namespace sluice::journal {

namespace {

constexpr std::string_view kHeader = "stage\tattempt\n";
/// No run has so many; a file that is longer is none of ours.
constexpr std::size_t kBytesMax = std::size_t{1} << 20;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

base::Error not_ours(const std::string& path, std::size_t line) {
  return {.code = base::Code::Corrupt,
          .what = "the list of discarded attempts cannot be understood",
          .where = fmt::format("{}, line {}", path, line),
          .likely = {"it was edited", "it was damaged"},
          .try_next = {"mend that line: a stage, counted from 0, a tab, an attempt"}};
}

bool parse(const std::string& line, DiscardedAttempt& out) {
  const char* const end = line.data() + line.size();
  const auto stage = std::from_chars(line.data(), end, out.stage);
  if (stage.ec != std::errc{} || stage.ptr == end || *stage.ptr != '\t') return false;
  const auto attempt = std::from_chars(stage.ptr + 1, end, out.attempt);
  return attempt.ec == std::errc{} && attempt.ptr == end;
}

}  // namespace

std::string discards_path(std::string_view results_dir) { return fmt::format("{}/discards.tsv", results_dir); }

base::Result<std::vector<DiscardedAttempt>> read_discards(std::string_view results_dir) {
  const std::string path = discards_path(results_dir);
  const File file(std::fopen(path.c_str(), "re"));
  if (file == nullptr) {
    if (errno == ENOENT || errno == ENOTDIR) return std::vector<DiscardedAttempt>();
    return base::fail(base::from_errno(errno, "the list of discarded attempts cannot be read", path));
  }
  std::string text(kBytesMax + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return base::fail(base::from_errno(errno, "the list of discarded attempts cannot be read", path));
  }
  if (text.size() > kBytesMax || !text.starts_with(kHeader)) return base::fail(not_ours(path, 1));
  std::vector<DiscardedAttempt> found;
  std::size_t number = 1;
  for (std::string_view rest = std::string_view(text).substr(kHeader.size()); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    ++number;
    if (DiscardedAttempt one; parse(std::string(rest.substr(0, end)), one)) {
      found.push_back(one);
    } else {
      return base::fail(not_ours(path, number));
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return found;
}

base::Result<void> add_discard(std::string_view results_dir, const DiscardedAttempt& discarded) {
  SLUICE_TRY(std::vector<DiscardedAttempt> all, read_discards(results_dir));
  if (std::ranges::find(all, discarded) != all.end()) return {};
  all.push_back(discarded);
  std::string text(kHeader);
  for (const DiscardedAttempt& one : all) text += fmt::format("{}\t{}\n", one.stage, one.attempt);
  const std::string path = discards_path(results_dir);
  const std::string temporary = path + ".new";
  {
    const File file(std::fopen(temporary.c_str(), "we"));
    if (file == nullptr || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
        std::fflush(file.get()) != 0 || ::fdatasync(::fileno(file.get())) != 0) {
      const int error = errno;
      ::unlink(temporary.c_str());
      return base::fail(base::from_errno(error, "the list of discarded attempts cannot be written", path));
    }
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return base::fail(base::from_errno(errno, "the list of discarded attempts cannot be written", path));
  }
  return sync_directory(std::string(results_dir));
}

}  // namespace sluice::journal
