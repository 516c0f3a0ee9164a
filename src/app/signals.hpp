#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "base/time.hpp"

namespace sluice::app {

/// SIGINT, SIGTERM and SIGHUP as calls: they are blocked in every thread and taken by one of its own. A SIGHUP that was
/// ignored at the start stays so, and one that is not the first signal is not told. SIGPIPE and SIGXFSZ are ignored.
/// Made before any other thread. When leave_by() has passed after a signal, the process ends with the signal's exit
/// code whatever it is doing: an output that nobody reads cannot keep it.
class Signals {
 public:
  Signals();
  ~Signals();

  /// `on_signal(signal, how many there have been)` runs on the signals' thread from now on; null: nobody listens. After
  /// the call the old listener is not called any more. A signal that came while nobody listened is told at once.
  void listen(std::function<void(int signal, std::uint32_t count)> on_signal);

  /// The results are safe: once a signal has come, the process is to be gone by then.
  void leave_by(base::Instant when) { leave_by_ns_.store(when.ns); }
  /// The first signal, or 0.
  int first() const { return first_.load(); }

  /// Blocks the signals in the calling thread and those it starts.
  static void block();

 private:
  void run();
  void take(int signal);

  std::mutex mutex_;
  std::function<void(int, std::uint32_t)> on_signal_;
  std::uint32_t count_ = 0, told_ = 0;
  std::atomic<std::int64_t> leave_by_ns_;
  std::atomic<int> first_{0};
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace sluice::app
