#include "load/operation_drain.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <pthread.h>

#include "load/worker.hpp"

namespace sluice::load {

namespace {

/// How long the drain rests where there is little to take.
constexpr std::chrono::milliseconds kRest{5};
/// How long what is left may wait for a log that is behind.
constexpr base::Nanos kFinish{10'000'000'000};
/// With so many blocks in a lane it does not rest.
constexpr std::size_t kMany = OperationLane::kWaitingMax / 4;

OperationLane* lane_of(Worker& worker) {
  Recorder* recorder = worker.recorder();
  return recorder == nullptr ? nullptr : recorder->lane();
}

}  // namespace

OperationDrain::OperationDrain(OperationSink& sink, std::uint32_t stage, std::vector<std::string> base_uris)
    : sink_(sink), stage_(stage), base_uris_(std::move(base_uris)) {}

void OperationDrain::start(std::vector<Worker*> workers) {
  workers_ = std::move(workers);
  sink_.begin(stage_, std::move(base_uris_));
  thread_ = std::thread([this] { run(); });
}

void OperationDrain::run() {
  pthread_setname_np(pthread_self(), "op-log");
  std::unique_lock lock(mutex_);
  while (!is_ending_) {
    lock.unlock();
    const std::size_t most = sweep();
    sink_.tick(base::now());
    lock.lock();
    if (most < kMany) changed_.wait_for(lock, kRest, [this] { return is_ending_; });
  }
}

std::size_t OperationDrain::sweep() {
  std::size_t most = 0;
  for (Worker* worker : workers_) {
    OperationLane* lane = lane_of(*worker);
    if (lane == nullptr) continue;
    std::size_t taken = 0;
    // Not more than may wait, so that a quick worker does not keep the others'.
    while (taken < OperationLane::kWaitingMax) {
      std::unique_ptr<OperationLane::Lot> block = lane->take();
      if (block == nullptr) break;
      sink_.take(*block, base::now());
      lane->give_back(std::move(block));
      ++taken;
    }
    most = std::max(most, taken);
  }
  return most;
}

base::Nanos OperationDrain::finish() {
  if (!thread_.joinable()) return base::Nanos{0};
  {
    std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_all();
  sink_.hurry(base::now() + kFinish);
  thread_.join();
  while (sweep() > 0) {
  }
  const base::Nanos held = take_last();
  sink_.end();
  return held;
}

/// Of workers that have ended; one that was left still has its lane's open end, and its time, to itself.
base::Nanos OperationDrain::take_last() {
  base::Nanos held{0};
  for (Worker* worker : workers_) {
    OperationLane* lane = worker->has_ended() ? lane_of(*worker) : nullptr;
    if (lane == nullptr) continue;
    if (const auto last = lane->take_last()) sink_.take(*last, base::now());
    held = std::max(held, lane->held());
  }
  return held;
}

}  // namespace sluice::load
