#pragma once

#include <memory>
#include <stdexcept>
#include <utility>

#include "async/runtime.hpp"

namespace sluice::journal {

/// The loops and blocking threads of one test. Declared before what runs on them.
class Loops {
 public:
  operator async::Runtime&() { return *runtime_; }

  /// Blocks the test's thread until the task has ended.
  template <class T>
  base::Result<T> wait(async::Task<T> task) {
    return runtime_->executor().block_on(std::move(task));
  }

 private:
  static std::unique_ptr<async::Runtime> make() {
    auto runtime = async::Runtime::create({.worker_threads = 2, .name = "test"});
    if (!runtime) throw std::runtime_error(runtime.error().what);
    return std::move(*runtime);
  }

  std::unique_ptr<async::Runtime> runtime_ = make();
};

inline async::Deadline in(base::Nanos span) { return async::Deadline::in(span); }

}  // namespace sluice::journal
