#include "async/output.hpp"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::async {

namespace {

/// A descriptor of our own.
class OwnedOutput : public Output {
 public:
  explicit OwnedOutput(int descriptor) : descriptor_(descriptor) {}
  ~OwnedOutput() override { ::close(descriptor_); }
  OwnedOutput(const OwnedOutput&) = delete;
  OwnedOutput& operator=(const OwnedOutput&) = delete;

  int descriptor() const override { return descriptor_; }

 protected:
  static Written outcome(ssize_t got) {
    return got < 0 ? Written{.bytes = 0, .errnum = errno}
                   : Written{.bytes = static_cast<std::size_t>(got), .errnum = 0};
  }

 private:
  int descriptor_;
};

class PlainOutput final : public OwnedOutput {
 public:
  PlainOutput(int descriptor, bool may_block, bool is_terminal)
      : OwnedOutput(descriptor), may_block_(may_block), is_terminal_(is_terminal) {}

  Written write(std::span<const iovec> parts) override {
    Written written = outcome(::writev(descriptor(), parts.data(), static_cast<int>(parts.size())));
    if (is_terminal_ && written.errnum == EIO) written.errnum = EPIPE;  // it was hung up
    return written;
  }
  bool may_block() const override { return may_block_; }

 private:
  bool may_block_, is_terminal_;
};

class SocketOutput final : public OwnedOutput {
 public:
  using OwnedOutput::OwnedOutput;

  Written write(std::span<const iovec> parts) override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());
    message.msg_iovlen = parts.size();
    return outcome(::sendmsg(descriptor(), &message, MSG_DONTWAIT | MSG_NOSIGNAL));
  }
  bool may_block() const override { return false; }
};

/// The master of a pseudo-terminal: opened anew it would be the master of another one.
bool is_pty_master(int descriptor) {
  unsigned int number = 0;
  return ::ioctl(descriptor, TIOCGPTN, &number) == 0;
}

bool can_be_opened_anew(int descriptor, const struct stat& status) {
  return S_ISFIFO(status.st_mode) || (::isatty(descriptor) == 1 && !is_pty_master(descriptor));
}

}  // namespace

base::Result<std::unique_ptr<Output>> Output::open(int descriptor, std::string_view name) {
  const std::string where = std::string(name) + ", descriptor " + std::to_string(descriptor);
  struct stat status{};
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || ::fstat(descriptor, &status) != 0) {
    return base::fail(base::from_errno(errno, "cannot write to a descriptor", where));
  }
  if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0) {
    return base::fail({.code = base::Code::InvalidArgument,
                       .what = "cannot write to a descriptor that was opened for reading",
                       .where = where,
                       .likely = {"the output was redirected with < where > was meant"},
                       .try_next = {"redirect it to a file or a pipe that can be written"}});
  }
  const bool is_terminal = ::isatty(descriptor) == 1;
  if (can_be_opened_anew(descriptor, status)) {
    const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
    const int anew = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (anew >= 0) return std::make_unique<PlainOutput>(anew, false, is_terminal);
    // No /proc, somebody else's terminal, a pipe without a reader: as it is.
  }
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return base::fail(base::from_errno(errno, "cannot write to a descriptor", where));
  if (!S_ISSOCK(status.st_mode)) return std::make_unique<PlainOutput>(copy, true, is_terminal);
  auto socket = std::make_unique<SocketOutput>(copy);
  int type = 0;
  socklen_t length = sizeof type;
  if (::getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type != SOCK_STREAM) {
    return base::fail({.code = base::Code::Unsupported,
                       .what = "cannot write frames to a socket of datagrams",
                       .where = where,
                       .likely = {"datagrams have a largest size, and may be lost"},
                       .try_next = {"use a pipe or a stream socket"}});
  }
  return socket;
}

}  // namespace sluice::async
