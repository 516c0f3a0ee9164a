#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "load/operation_sink.hpp"

namespace sluice::load {

class Worker;

/// Takes the operations of a pass's workers away to the sink, on a thread of its own.
class OperationDrain {
 public:
  /// outlives: `sink`.
  OperationDrain(OperationSink& sink, std::uint32_t stage, std::vector<std::string> base_uris);
  ~OperationDrain() { finish(); }
  OperationDrain(const OperationDrain&) = delete;
  OperationDrain& operator=(const OperationDrain&) = delete;

  /// Begins; the workers live until finish() has returned. Throws std::system_error where there is no thread for it.
  void start(std::vector<Worker*> workers);
  /// Takes what the workers have handed over, and ends, at most 10 s later. They have ended, or were left. Returns for
  /// how long the one that waited most was held back by the op-log.
  base::Nanos finish();

 private:
  void run();
  /// The most blocks that a lane had.
  std::size_t sweep();
  base::Nanos take_last();

  OperationSink& sink_;  // outlives: the app's
  const std::uint32_t stage_;
  std::vector<std::string> base_uris_;
  std::vector<Worker*> workers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace sluice::load
