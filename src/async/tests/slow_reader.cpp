#include "async/tests/slow_reader.hpp"

#include <algorithm>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

namespace sluice::async {

bool comes_true(const std::function<bool()>& condition, base::Nanos at_most) {
  const base::Instant give_up = base::now() + at_most;
  while (!condition()) {
    if (base::now() > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

SlowReader::SlowReader(int descriptor, bool starts_stopped)
    : descriptor_(descriptor), is_stopped_(starts_stopped), thread_([this] { run(); }) {}

SlowReader::~SlowReader() { leave(); }

void SlowReader::leave() {
  {
    std::lock_guard lock(mutex_);
    leaves_.store(true);
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void SlowReader::resume() {
  std::lock_guard lock(mutex_);
  is_stopped_.store(false);
  allowance_ = SIZE_MAX;
  changed_.notify_all();
}

void SlowReader::read_some(std::size_t bytes) {
  std::lock_guard lock(mutex_);
  is_stopped_.store(false);
  allowance_ = bytes;
  changed_.notify_all();
}

std::string SlowReader::text() const {
  std::lock_guard lock(mutex_);
  return text_;
}

std::size_t SlowReader::size() const {
  std::lock_guard lock(mutex_);
  return text_.size();
}

void SlowReader::run() {
  std::string piece(65536, '\0');
  while (true) {
    std::size_t most = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return leaves_ || !is_stopped_; });
      if (leaves_) break;
      most = std::min(piece.size(), allowance_);
    }
    pollfd ready{.fd = descriptor_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 5) == 0) continue;
    const ssize_t got = ::read(descriptor_, piece.data(), most);
    if (got <= 0) break;
    std::lock_guard lock(mutex_);
    text_.append(piece, 0, static_cast<std::size_t>(got));
    if (allowance_ != SIZE_MAX) allowance_ -= static_cast<std::size_t>(got);
    if (allowance_ == 0) is_stopped_.store(true);
  }
  ::close(descriptor_);
  has_ended_.store(true);
}

Ends make_pipe(int capacity) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  if (capacity > 0 && ::fcntl(ends[1], F_SETPIPE_SZ, capacity) < 0) std::abort();
  return {.read = ends[0], .write = ends[1]};
}

Ends make_sockets() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  return {.read = ends[0], .write = ends[1]};
}

Ends make_terminal() {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  char name[64];
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) std::abort();
  if (::ptsname_r(master, name, sizeof name) != 0) std::abort();
  const int terminal = ::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  termios settings{};
  if (::tcgetattr(terminal, &settings) != 0) std::abort();
  ::cfmakeraw(&settings);
  if (::tcsetattr(terminal, TCSANOW, &settings) != 0) std::abort();
  return {.read = master, .write = terminal};
}

}  // namespace sluice::async
