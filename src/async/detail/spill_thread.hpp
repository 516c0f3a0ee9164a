#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "async/deadline.hpp"
#include "async/frame_queue.hpp"
#include "async/spill_device.hpp"

namespace sluice::async::detail {

/// The thread ("spill") that alone makes, uses and ends the spill device of one FramePump, so that the pump itself
/// never waits for a disk. It is started for the first request, and does one at a time. This object is the pump's
/// thread's; what both threads touch is shared, so that a disk that hangs for ever is left behind with what it was
/// given.
class SpillThread {
 public:
  using MakeDevice = std::function<std::unique_ptr<SpillDevice>()>;
  using Appended = base::Result<SpillDevice::Extent>;
  using Taken = base::Result<std::vector<std::string>>;
  using Answer = std::variant<Appended, Taken>;

  /// Signals the eventfd with every answer; keeps a copy of it.
  SpillThread(MakeDevice make, int event);
  /// An end() that does not wait.
  ~SpillThread();
  SpillThread(const SpillThread&) = delete;
  SpillThread& operator=(const SpillThread&) = delete;

  /// Asks for the frames to be appended, or an extent to be read back; only when the last request was answered. Where
  /// the thread cannot be started, that is the answer.
  // shared because a disk that hangs may hold the frames for longer than the queue lives
  void append(std::shared_ptr<const FrameQueue::SpillBatch> batch);
  void take(const SpillDevice::Extent& extent);
  /// The answer, once; none while the disk owes it.
  std::optional<Answer> answer();
  /// Starts nothing more and ends the thread, or leaves it to the process when it is in a call at the deadline: false.
  /// Idempotent.
  bool end(Deadline deadline);

 private:
  struct Request;
  struct State;

  void ask(Request request);
  base::Result<void> start();
  static void run(State& state);

  // shared because a thread that a disk holds outlives this object
  const std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace sluice::async::detail
