#include "app/results_dir.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::app {

namespace {

constexpr std::size_t kFileBytesMax = std::size_t{64} << 20;
constexpr const char* kReserveName = ".reserve";
constexpr off_t kReserveBytes = off_t{512} * 1024;

/// A descriptor that closes itself.
class File {
 public:
  File(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool is_open() const { return fd_ >= 0; }
  int get() const { return fd_; }

  bool write_all(std::string_view content) const {
    while (!content.empty()) {
      const ssize_t put = write(fd_, content.data(), content.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return false;
      content.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
  }

 private:
  const int fd_;
};

/// Letters, digits, '-', '_' and '.' of a plan's name; the rest becomes '-'.
std::string safe(std::string_view name) {
  std::string text(name.substr(0, 64));
  for (char& c : text) {
    const bool fine =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!fine) c = '-';
  }
  return text.empty() ? "run" : text;
}

base::Error no_results(int errnum, const std::string& path) {
  base::Error error = base::from_errno(errnum, "the results directory cannot be written", path);
  if (errnum == ENOENT) {  // what was missing above it would have been made
    error.likely = {"it was removed meanwhile, or its file system takes no new directories, as /proc"};
    error.try_next.clear();
  }
  return std::move(error.add_try("--results DIR names another place"));
}

base::Result<void> make_directories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return base::fail(no_results(error.value(), path));
  return {};
}

}  // namespace

base::Result<ResultsDir> ResultsDir::create(const std::string& parent, std::string_view plan_name,
                                            std::string_view run_id, base::WallTime now) {
  SLUICE_CHECK(make_directories(parent));
  std::string path = parent + "/" + base::to_compact(now) + "-" + safe(plan_name) + "-" + std::string(run_id);
  if (mkdir(path.c_str(), 0755) != 0) return base::fail(no_results(errno, path));
  return ResultsDir(std::move(path));
}

void ResultsDir::keep_reserve() const {
  const File file(path_ + "/" + kReserveName, O_WRONLY | O_CREAT);
  if (file.is_open()) static_cast<void>(posix_fallocate(file.get(), 0, kReserveBytes));
}

void ResultsDir::release_reserve() const { unlink((path_ + "/" + kReserveName).c_str()); }

base::Result<void> ResultsDir::replace(std::string_view name, std::string_view content) const {
  const std::string path = path_ + "/" + std::string(name);
  SLUICE_CHECK(make_directories(std::filesystem::path(path).parent_path().string()));
  const std::string temporary = path + ".new";
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file.is_open() || !file.write_all(content) || fdatasync(file.get()) != 0) {
      const int error = errno;
      unlink(temporary.c_str());
      return base::fail(no_results(error, path));
    }
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return base::fail(no_results(errno, path));
  return {};
}

base::Result<void> ResultsDir::append(std::string_view name, std::string_view content) const {
  const std::string path = path_ + "/" + std::string(name);
  File file(path, O_WRONLY | O_CREAT | O_APPEND);
  if (!file.is_open()) {
    SLUICE_CHECK(make_directories(std::filesystem::path(path).parent_path().string()));
    const File again(path, O_WRONLY | O_CREAT | O_APPEND);
    if (!again.is_open() || !again.write_all(content)) return base::fail(no_results(errno, path));
    return {};
  }
  if (!file.write_all(content)) return base::fail(no_results(errno, path));
  return {};
}

std::vector<std::string> runs_of_plan(const std::string& parent, std::string_view plan_name) {
  std::vector<std::string> ids;
  const std::string middle = "-" + safe(plan_name) + "-";
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
    const std::string name = entry.path().filename().string();
    const std::size_t dash = name.rfind('-');
    if (dash == std::string::npos || dash + 1 == name.size()) continue;
    // <UTC time>-<plan name>-<run id>, and the time has no dash.
    if (name.substr(0, dash + 1).ends_with(middle) && name.find('-') + middle.size() == dash + 1)
      ids.push_back(name.substr(dash + 1));
  }
  return ids;
}

std::string make_run_id() {
  constexpr std::string_view kLetters = "abcdefghijkmnpqrstuvwxyz23456789";  // 32, without those that look alike
  std::array<unsigned char, 10> bytes{};
  static_cast<void>(getrandom(bytes.data(), bytes.size(), 0));
  std::string id;
  for (const unsigned char byte : bytes) id += kLetters[byte % kLetters.size()];
  return id;
}

base::Result<std::string> read_file(const std::string& path) {
  const File file(path, O_RDONLY);
  if (!file.is_open()) return base::fail(base::from_errno(errno, "the file cannot be read", path));
  std::string text;
  std::array<char, 65'536> piece;
  for (;;) {
    const ssize_t got = read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::fail(base::from_errno(errno, "the file cannot be read", path));
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > kFileBytesMax)
      return base::fail(base::Code::ResourceExhausted, "the file is too large for a plan", path);
  }
}

}  // namespace sluice::app
