#pragma once

#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

#include "async/executor.hpp"
#include "async/loop_guard.hpp"
#include "async/runtime.hpp"

namespace sluice::async {

inline std::unique_ptr<Executor> make_executor(ExecutorOptions options = {.worker_threads = 2, .name = "test"}) {
  auto executor = Executor::create(std::move(options));
  if (!executor) throw std::runtime_error(executor.error().what);
  return std::move(*executor);
}

/// Loops and blocking threads of one test.
inline std::unique_ptr<Runtime> make_runtime() {
  auto runtime = Runtime::create({.worker_threads = 2, .name = "test"});
  if (!runtime) throw std::runtime_error(runtime.error().what);
  return std::move(*runtime);
}

/// A door that blocks whoever comes until it is opened: for calls that hold their thread on purpose.
class Gate {
 public:
  void open() {
    std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  /// At most 20 s, so that a test that fails still ends.
  void pass() {
    const LoopGuard::Allow allow("a task that holds its thread is what some tests are about");
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait_for(lock, std::chrono::seconds(20), [this] { return is_open_; });
  }
  bool await_arrivals(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return arrived_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
  int arrived_ = 0;
};

/// Looks at a condition until it holds, at most 20 s.
template <class Condition>
bool eventually(Condition condition) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  const base::Instant end = base::now() + base::Nanos{20'000'000'000};
  while (!condition()) {
    if (base::now() > end) return false;
    never.wait_for(lock, std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace sluice::async
