#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/time.hpp"

namespace sluice::async {

/// Waits for a condition that another thread brings about; false when it did not come within half a minute.
bool comes_true(const std::function<bool()>& condition, base::Nanos at_most = base::Nanos{30'000'000'000});

/// The other end of a pipe, socket or terminal: a thread of its own that reads, and may be stopped for a while. Owns
/// its descriptor.
class SlowReader {
 public:
  explicit SlowReader(int descriptor, bool starts_stopped = false);
  ~SlowReader();

  void stop() { is_stopped_.store(true); }
  void resume();
  /// Reads at most that many bytes more, and stops again.
  void read_some(std::size_t bytes);
  /// Closes the descriptor; what is unread is lost.
  void leave();
  /// What has come until now.
  std::string text() const;
  std::size_t size() const;
  /// Waits for that many bytes, or for the end.
  bool has(std::size_t bytes) const {
    return comes_true([&] { return size() >= bytes; });
  }
  bool has_ended() const { return has_ended_.load(); }

 private:
  void run();

  int descriptor_;
  std::atomic<bool> is_stopped_, leaves_{false}, has_ended_{false};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t allowance_ = SIZE_MAX;
  std::string text_;
  std::thread thread_;
};

struct Ends {
  int read = -1, write = -1;
};
/// The capacity in bytes; 0 is the kernel's own.
Ends make_pipe(int capacity = 0);
Ends make_sockets();
/// A raw pseudo-terminal: `write` is the terminal, `read` its master.
Ends make_terminal();

}  // namespace sluice::async
