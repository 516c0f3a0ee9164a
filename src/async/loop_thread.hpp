#pragma once

#include <string>

#include "async/stall_watch.hpp"

namespace sluice::async {

/// A thread that runs a loop, for as long as this object lives: made, used and destroyed on that thread. While it is
/// there, block_on is refused on this thread, and each turn's hold is measured.
class LoopThread {
 public:
  explicit LoopThread(std::string name);
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  /// The loop that the calling thread runs; null on every other thread.
  static LoopThread* current() noexcept;

  /// A turn begins, for `work`, whose text must live as long as the turn.
  void enter(const char* work) noexcept;
  void leave() noexcept;

  const std::string& name() const { return name_; }
  const StallMeter& meter() const { return meter_; }

 private:
  const std::string name_;
  StallMeter meter_;
  base::Instant entered_;
};

}  // namespace sluice::async
