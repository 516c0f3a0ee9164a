#pragma once

#include <memory>
#include <span>
#include <string_view>

#include <sys/uio.h>

#include "base/error.hpp"

namespace sluice::async {

/// How one descriptor is written. Used by one thread; its end closes what it opened, never the descriptor it was given.
class Output {
 public:
  struct Written {
    std::size_t bytes = 0;  ///< may be fewer than asked for
    int errnum = 0;         ///< 0, or why nothing was written: EINTR and EAGAIN are no failures
  };

  virtual ~Output() = default;

  /// Writes as much as goes. Where may_block() it waits for as long as the descriptor makes it wait.
  virtual Written write(std::span<const iovec> parts) = 0;
  /// To be polled for POLLOUT.
  virtual int descriptor() const = 0;
  virtual bool may_block() const = 0;

  /// The way that fits the descriptor, whose O_NONBLOCK is never touched, as it is shared with other processes:
  /// - a pipe or terminal is opened anew through /proc/self/fd, non-blocking;
  /// - a stream socket is written with MSG_DONTWAIT and MSG_NOSIGNAL;
  /// - the rest (files, which never refuse, and what cannot be opened anew) is written as it is, and may block.
  /// Errors: InvalidArgument (not open, not writable), Unsupported (a socket that is no stream).
  static base::Result<std::unique_ptr<Output>> open(int descriptor, std::string_view name);
};

}  // namespace sluice::async
