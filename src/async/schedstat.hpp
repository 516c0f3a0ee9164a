#pragma once

#include <cstdint>

namespace sluice::async {

/// The kernel's figures about one thread of this process: how long it ran, and how long it was kept waiting for a
/// processor. Opened on that thread, read on any.
class SchedStat {
 public:
  struct Figures {
    std::int64_t on_cpu_ns = 0;
    std::int64_t run_delay_ns = 0;  ///< runnable and not running; grows when the thread gets its processor
  };

  SchedStat() = default;
  ~SchedStat();
  SchedStat(const SchedStat&) = delete;
  SchedStat& operator=(const SchedStat&) = delete;

  /// For the calling thread; does nothing when it is open.
  void open();
  /// Zeros where the kernel tells nothing.
  Figures read() const;

 private:
  int file_ = -1;
};

}  // namespace sluice::async
