#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "async/deadline.hpp"
#include "async/frame_queue.hpp"
#include "async/output.hpp"
#include "async/spill_device.hpp"
#include "async/task.hpp"
#include "base/error.hpp"
#include "base/time.hpp"

namespace sluice::async {

namespace detail {
class FramePump;
}

/// The bounds of a writer, and who hears of its reader.
struct FrameWriterOptions {
  std::string name = "output";  ///< what errors and gap frames call it
  FrameLimits limits;
  std::string spill_directory = "/var/tmp";  ///< not /tmp, which is often memory
  /// Makes what is spilled to, on the thread that will use it; a SpillFile in spill_directory where none is given.
  std::function<std::unique_ptr<SpillDevice>()> spill_device;
  base::Nanos stalled_after{5'000'000'000};
  /// Called once a stall, when nothing was written for stalled_after although something waits. On the writer's thread:
  /// it must not block and must not call flush() or close(). It is not called while that thread itself is held by a
  /// descriptor that blocks, nor where only the spill file's disk is waited for; stats() tells of both.
  std::function<void(base::Nanos since_progress)> on_stalled;
  /// Called once, when the reader has closed (Terminated) or writing has failed (as the system says). Same thread, same
  /// rules. From then on frames are counted as dropped, without any error.
  std::function<void(const base::Error& why)> on_closed;
  /// What stands where frames were dropped; a line of text where none is given.
  FrameQueue::GapText gap_text;
};

/// What a writer has done, and how its reader is.
struct FrameWriterStats {
  FrameQueueStats queue;
  std::uint64_t frames_written = 0, bytes_written = 0;
  base::Instant last_progress;   ///< when bytes were written last, or the writer was made
  base::Nanos stalled_now{0};    ///< for how long something has waited without progress; 0 with nothing to write
  base::Nanos longest_stall{0};  ///< the longest of these, the present one included
  base::Nanos disk_now{0};       ///< for how long the spill file's disk has owed an answer; 0 where it owes none
  std::size_t waiting = 0;       ///< callers in write()
  bool is_closed = false;        ///< the reader has gone
  bool spill_failed = false;     ///< Spill is Wait since the file failed
};

/// Output that cannot freeze the program: the one owner of what is written to a descriptor.
///
/// Anybody hands whole frames over and goes on; one thread of the writer's own ("frames") writes them. Loops and tasks
/// never write. That thread polls the descriptor and an eventfd and writes without blocking. Where a descriptor cannot
/// be written so (a file, a terminal that cannot be opened anew) it does the blocking write itself: it is there to
/// wait, holds no lock meanwhile, and nobody waits for it without a deadline. So the writer works before, beside and
/// after any Executor. What is spilled goes to its file, and comes back, on a second thread ("spill"), which is started
/// for the first of it: "frames" never waits for the disk.
///
/// What is guaranteed:
/// - Frames are whole, in order per source, never interleaved; a partial write is resumed.
/// - Sources have their share of queue and descriptor (FrameQueue); a frame is committed only with its first byte.
/// - A disk that hangs holds up only what is on it, or on its way there, and what is behind that in the same source.
/// - put() and control() never wait, write() waits as a task or in a thread that may, and each wait has a deadline.
/// - O_NONBLOCK of the given descriptor is never changed, and SIGPIPE never raised in another thread.
/// - The destructor is a close() within kLastBound. Threads that are stuck in the kernel are left to the process.
class FrameWriter {
 public:
  using Options = FrameWriterOptions;
  static constexpr base::Nanos kLastBound{500'000'000};

  /// Starts the thread. The descriptor is the caller's and may be closed at any time after this.
  /// Errors: those of Output::open, ResourceExhausted (no thread, no eventfd).
  static base::Result<std::unique_ptr<FrameWriter>> create(int descriptor, Options options);
  /// For tests, and outputs that are no descriptor.
  static base::Result<std::unique_ptr<FrameWriter>> create(std::unique_ptr<Output> output, Options options);
  ~FrameWriter();
  FrameWriter(const FrameWriter&) = delete;
  FrameWriter& operator=(const FrameWriter&) = delete;

  /// Any thread. Errors: ResourceExhausted (sources_max), Terminated (after close()).
  base::Result<FrameSource> open_source(std::string name, FramePolicy policy);
  /// What the source has is still written. Any thread.
  void close_source(FrameSource source);

  /// Hands one frame over; any thread, loops included; never waits. Errors: ResourceExhausted (no room, under Wait and
  /// Spill), InvalidArgument (larger than source_bytes_max, or no such source), Terminated (after close()).
  base::Result<void> put(FrameSource source, std::string frame);
  /// As put(), on the lane that has its own budget, is written before all others, and never drops.
  base::Result<void> control(std::string frame) { return put(FrameSource::Control, std::move(frame)); }

  /// As put(), but waits for room: those that wait are served in their order. Errors: also DeadlineExceeded, Cancelled;
  /// then the frame was not taken. The task may outlive the writer.
  Task<void> write(FrameSource source, std::string frame, Deadline deadline);
  /// The same for a thread that may block; never on a loop.
  base::Result<void> write_blocking(FrameSource source, std::string frame, Deadline deadline);

  /// Blocks a thread that may block until everything that was handed over before is written: true. False when the
  /// reader has closed, at the deadline, or once nothing was written for `patience`.
  bool flush(Deadline deadline, base::Nanos patience = base::Nanos::max());
  /// Takes nothing more, ends all waits with Terminated, and writes what is there until the deadline; what is left then
  /// is dropped and counted. Then ends both threads, or leaves to the process what is stuck in a call; that is known at
  /// most 100 ms after the deadline. True when everything was written. Idempotent; one thread at a time.
  bool close(Deadline deadline);

  /// The reader has gone, or writing has failed. Any thread.
  bool is_closed() const;
  /// Why, as on_closed is told; known as soon as is_closed() is true or flush() has returned for it. Any thread.
  std::optional<base::Error> why_closed() const;
  /// Any thread.
  FrameWriterStats stats() const;

 private:
  // shared because a thread that is stuck in a write outlives this object, and so may tasks in write()
  explicit FrameWriter(std::shared_ptr<detail::FramePump> pump);

  // shared because a thread that is stuck in a write outlives this object, and so may tasks in write()
  const std::shared_ptr<detail::FramePump> pump_;
  std::thread thread_;
};

}  // namespace sluice::async
