#include "app/output.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::app {

base::Result<Output> Output::to_file(const std::string& path) {
  struct stat status{};
  const bool is_there = ::stat(path.c_str(), &status) == 0;
  if (is_there && S_ISDIR(status.st_mode)) {
    return base::fail(base::from_errno(EISDIR, "the file cannot be written", path));
  }
  Output output;
  // A pipe or a device is written to as it is.
  if (!is_there || S_ISREG(status.st_mode)) output.part_ = path + ".part";
  const std::string& opened = output.part_.empty() ? path : output.part_;
  const int fd = ::open(opened.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return base::fail(base::from_errno(errno, "the file cannot be written", opened));
  output.fd_ = fd;
  output.name_ = path;
  return output;
}

Output::Output(Output&& other) noexcept
    : kept_(std::move(other.kept_)),
      name_(std::move(other.name_)),
      part_(std::exchange(other.part_, {})),
      fd_(std::exchange(other.fd_, -1)),
      is_over_(other.is_over_),
      failure_(std::move(other.failure_)) {}

Output::~Output() {
  if (fd_ > STDERR_FILENO) ::close(fd_);
  if (!part_.empty()) ::unlink(part_.c_str());  // it was not finished
}

void Output::put(std::string_view text) {
  kept_ += text;
  if (kept_.size() >= kKeptMax) flush();
}

void Output::flush() {
  std::string_view rest = kept_;
  while (!rest.empty() && !is_over_) {
    const ssize_t put = ::write(fd_, rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      is_over_ = true;
      if (errno != EPIPE) failure_ = base::from_errno(errno, "what was printed could not be written", name_);
      break;
    }
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
  kept_.clear();
}

void Output::sync() {
  flush();
  if (is_over_ || ::fdatasync(fd_) == 0 || errno == EINVAL || errno == EROFS) return;
  is_over_ = true;
  failure_ = base::from_errno(errno, "what was printed could not be written", name_);
}

base::Result<void> Output::finish() {
  flush();
  if (fd_ > STDERR_FILENO && ::close(std::exchange(fd_, -1)) != 0 && !failure_) {
    failure_ = base::from_errno(errno, "what was printed could not be written", name_);
  }
  if (!failure_ && !part_.empty()) {
    if (::rename(part_.c_str(), name_.c_str()) == 0) {
      part_.clear();
    } else {
      failure_ = base::from_errno(errno, "what was printed cannot have its name", name_);
    }
  }
  if (failure_) return base::fail(std::move(failure_->add_try("write it to another file or disk")));
  return {};
}

}  // namespace sluice::app
