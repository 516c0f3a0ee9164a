#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "model/histogram.hpp"

namespace sluice::async {

class StallWatch;

/// The bounds of an executor.
struct ExecutorOptions {
  std::uint32_t worker_threads = 4;             ///< loop threads, 1 to 256
  std::size_t queue_max = 1024;                 ///< tasks handed over and not yet begun, 1 to 1,000,000
  std::optional<base::Nanos> default_timeout;   ///< of block_on without a deadline; absent: it waits for ever
  std::string name = "executor";                ///< of the threads, at most 12 characters of it
  base::Nanos shutdown_timeout{5'000'000'000};  ///< of the destructor
  StallWatch* watch = nullptr;                  ///< names what holds a loop thread; may be null. outlives: the threads
};

/// What an executor has done so far.
struct ExecutorStats {
  std::size_t live = 0;               ///< tasks that have not ended, begun or not
  std::size_t queued = 0;             ///< of them: not yet begun
  std::size_t queue_high_water = 0;   ///< the most that were ever queued
  std::uint64_t left_behind = 0;      ///< tasks whose waiter left at its deadline or by cancellation before they ended
  std::uint64_t left_behind_now = 0;  ///< of them: those that have not ended yet
  std::uint64_t failed = 0;           ///< tasks that ended by an exception
  std::int64_t max_hold_ns = 0;       ///< longest turn of a loop thread, run-queue delay taken out
  std::int64_t max_preempted_ns = 0;
};

}  // namespace sluice::async
