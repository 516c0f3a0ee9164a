#include "journal/sqlite/writer_lock.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/time.hpp"

namespace sluice::journal {

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "unknown host";
}

/// What the holder wrote; made fit for a terminal, as anybody may have written it.
std::string holder_of(int fd) {
  std::array<char, 400> text{};
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  std::string holder(text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  std::ranges::replace_if(holder, [](char c) { return c < ' ' || c > '~'; }, '?');
  return holder.empty() ? "a process that has not said its name yet" : holder;
}

void write_holder(int fd) {
  const std::string holder =
      fmt::format("process {} on {} since {}\n", ::getpid(), host_name(), base::to_iso8601(base::wall_now()));
  // Where it cannot be written, the next one only hears less.
  if (::ftruncate(fd, 0) == 0) (void)!::pwrite(fd, holder.data(), holder.size(), 0);
}

}  // namespace

base::Result<WriterLock> WriterLock::take(const std::string& database) {
  const std::string path = database + ".lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return base::fail(base::from_errno(errno, "cannot open the database of results for writing", path));
  WriterLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) {
    write_holder(fd);
    return lock;
  }
  if (errno != EWOULDBLOCK) return lock;
  const std::string holder = holder_of(fd);
  ::close(std::exchange(lock.fd_, -1));  // so that the holder's words stay
  return base::fail(base::Error{
      .code = base::Code::Unavailable,
      .what = "the database of results is being written by " + holder,
      .where = database,
      .likely = {"a run into the same database is still going on"},
      .try_next = {"wait for it, or read meanwhile: reading needs no lock", "see who has it: fuser " + path}});
}

WriterLock::WriterLock(WriterLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

WriterLock::~WriterLock() {
  if (fd_ < 0) return;
  (void)!::ftruncate(fd_, 0);
  ::close(fd_);
}

}  // namespace sluice::journal
