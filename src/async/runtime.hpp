#pragma once

#include <memory>
#include <utility>

#include "async/blocking_pool.hpp"
#include "async/executor.hpp"

namespace sluice::async {

/// The threads that the parts of a program share: loops for their tasks, and blocking threads for the calls in them
/// that may wait. Made first and taken down last by whoever wires the parts together; tasks end before the pool does.
class Runtime {
 public:
  /// Errors: as Executor::create.
  static base::Result<std::unique_ptr<Runtime>> create(ExecutorOptions loops, BlockingPoolOptions blocking = {}) {
    SLUICE_TRY(auto executor, Executor::create(std::move(loops)));
    return std::unique_ptr<Runtime>(new Runtime(std::move(executor), std::move(blocking)));
  }

  Executor& executor() { return *executor_; }
  BlockingPool& blocking() { return blocking_; }

 private:
  Runtime(std::unique_ptr<Executor> executor, BlockingPoolOptions blocking)
      : blocking_(std::move(blocking)), executor_(std::move(executor)) {}

  BlockingPool blocking_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace sluice::async
