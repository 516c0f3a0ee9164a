#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "async/runtime.hpp"
#include "base/error.hpp"
#include "base/time.hpp"
#include "journal/segment_device.hpp"
#include "journal/segment_format.hpp"

namespace sluice::journal {

/// How a segment is written and how far it may fall behind.
struct SegmentOptions {
  base::Nanos commit_interval{100'000'000};            ///< what was appended is on its way to the disk this long after
  std::size_t bytes_max = std::size_t{128} << 20;      ///< buffered and not durable yet; beyond it append refuses
  base::Nanos close_timeout{5'000'000'000};            ///< of the destructor
  std::function<void(const base::Error&)> on_failure;  ///< told of the first failed write, once, on a loop thread
};

/// What open() found in a file that was there.
struct SegmentRecovery {
  std::uint64_t frames = 0;          ///< that are whole
  std::uint64_t torn_bytes = 0;      ///< cut from the end
  std::vector<SegmentFlaw> damaged;  ///< left where they are; the first kFlawsMax
};

/// Appends frames to one segment file. Owns the file and one task, which has what was appended written and made durable
/// on a blocking thread every commit_interval, one fdatasync for all (group commit). Any thread may append and sync.
/// After a failed write or sync everything fails with that first Error: the kernel may have dropped the pages, so there
/// is nothing to retry; the frames before the failed one are whole and stay.
/// Ends with close(); the destructor closes too, after at most options.close_timeout, and so is not for loop threads.
/// When the disk hangs, the call and the file are left to the pool, which counts them as abandoned.
class SegmentWriter {
 public:
  /// Makes a new file, durable under its name before this returns; blocks on the disk. outlives: `runtime`.
  /// Errors: what the system says (InvalidArgument where the file exists); Unavailable where another process has it.
  static base::Result<std::unique_ptr<SegmentWriter>> create(async::Runtime& runtime, const std::string& path,
                                                             SegmentOptions options = {});
  /// Goes on with a file: reads it once, cuts a torn tail, leaves damaged frames where they are. Blocks on the disk.
  /// Errors as create(), NotFound, and Corrupt where it is no segment file.
  static base::Result<std::unique_ptr<SegmentWriter>> open(async::Runtime& runtime, const std::string& path,
                                                           SegmentOptions options = {});
  /// Writes to `device` as to a new file whose header is there already; `path` is for messages.
  static std::unique_ptr<SegmentWriter> on_device(async::Runtime& runtime, std::unique_ptr<SegmentDevice> device,
                                                  std::string path, SegmentOptions options = {});

  ~SegmentWriter();
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  /// Buffers one frame and returns its number; never waits for the disk.
  /// Errors: ResourceExhausted (bytes_max; the frame is not taken), InvalidArgument (longer than kPayloadBytesMax),
  /// Terminated (closed), and the first failed write.
  base::Result<std::uint64_t> append(std::span<const std::byte> payload, FrameType type = FrameType::Block);

  /// Waits until all frames appended before it began are durable; asks for a commit at once. The task may outlive this.
  /// Errors: DeadlineExceeded (they may still become durable), Cancelled, and the first failed write.
  async::Task<> sync(async::Deadline deadline);

  /// Syncs and closes; what comes later fails with Terminated. Idempotent; one caller at a time.
  /// Errors: the first failed write; DeadlineExceeded: it gave up on the disk.
  async::Task<> close(async::Deadline deadline);

  /// What append() has buffered and is not durable yet.
  std::size_t buffered_bytes() const;
  /// How many frames of this file are durable.
  std::uint64_t durable_frames() const;
  const SegmentRecovery& recovery() const { return recovery_; }
  const std::string& path() const;

 private:
  struct State;
  SegmentWriter(async::Runtime& runtime, std::unique_ptr<State> state, SegmentRecovery recovery);
  // shared because the task, and a call that was abandoned, outlive a close() that gave up on a hanging disk
  static async::Task<> sync_state(std::shared_ptr<State> state, async::Deadline deadline);

  async::Runtime& runtime_;  // outlives: the one who made it says so
  SegmentRecovery recovery_;
  // shared because the task, and a call that was abandoned, outlive a close() that gave up on a hanging disk
  std::shared_ptr<State> state_;
  std::optional<async::JoinHandle<void>> commits_;  ///< until close()
};

}  // namespace sluice::journal
