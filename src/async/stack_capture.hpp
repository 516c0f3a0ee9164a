#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <pthread.h>

#include "base/time.hpp"

namespace sluice::async {

/// A question to another thread of this process: where are you? It answers from a signal handler, which does nothing
/// but walk its stack into memory that was there before. One question at a time in the process; the constructor waits
/// for its turn, at most for two of the bounds below.
class StackCapture {
 public:
  struct Answer {
    base::Instant turn;  ///< began then; the zero instant outside of a turn. Of the thread's LoopThread
    base::Instant at;
    std::vector<void*> frames;  ///< innermost first, from the interrupted instruction on
  };

  /// Gets ready whatever a handler must not do by itself. Call it before the first question.
  static void prepare();

  StackCapture();
  StackCapture(const StackCapture&) = delete;
  StackCapture& operator=(const StackCapture&) = delete;

  /// Puts the question; the thread must be there during this call, and need not be afterwards. False where it could not
  /// be put: someone else uses the signal, or a thread is stuck in the middle of an earlier answer.
  bool ask(pthread_t thread);
  /// Waits for the answer; nothing when it has not come at `until`. An answer that comes later is thrown away.
  std::optional<Answer> wait(base::Instant until);

 private:
  std::unique_lock<std::mutex> turn_;
  std::uint32_t ticket_ = 0;
};

/// "sluice::load::LoopWorker::refill(...) +0x1b" of each frame; "sluice+0x1234" where no name is known.
std::vector<std::string> names_of(const std::vector<void*>& frames);

}  // namespace sluice::async
