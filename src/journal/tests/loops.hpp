#pragma once

#include <memory>
#include <utility>

#include "async/tests/executors.hpp"

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
  std::unique_ptr<async::Runtime> runtime_ = async::make_runtime();
};

inline async::Deadline in(base::Nanos span) { return async::Deadline::in(span); }

}  // namespace sluice::journal
