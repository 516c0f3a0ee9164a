#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <sys/uio.h>

#include "async/detail/spill_thread.hpp"
#include "async/frame_writer.hpp"

namespace sluice::async::detail {

/// One who waits for room. `wake` is called once, under the pump's mutex; false says that the wait had ended before.
struct FrameWaiter {
  enum class State : std::uint8_t { Waiting, Taken, Terminated };
  FrameSource source = FrameSource::Control;
  std::string frame;
  std::function<bool()> wake;
  State state = State::Waiting;
};

/// What a FrameWriter, its thread and its waiting callers share: the queue behind one mutex, and the thread's main
/// function. Everything is called from any thread but run(); what only the thread uses is marked so.
class FramePump {
 public:
  FramePump(FrameWriterOptions options, std::unique_ptr<Output> output, int event);
  ~FramePump();
  FramePump(const FramePump&) = delete;
  FramePump& operator=(const FramePump&) = delete;

  /// As FrameWriter.
  base::Result<FrameSource> open_source(std::string name, FramePolicy policy);
  void close_source(FrameSource source);
  base::Result<void> put(FrameSource source, std::string frame);

  /// True: taken at once. False: the waiter waits until it is woken, or forgotten.
  // shared because the one who wakes and the one who waits may each leave first
  base::Result<bool> put_or_wait(const std::shared_ptr<FrameWaiter>& waiter);
  /// The wait has ended; what became of the frame. `why` is the error where it was not taken.
  // shared because the one who wakes and the one who waits may each leave first
  base::Result<void> end_wait(const std::shared_ptr<FrameWaiter>& waiter, base::Error why);
  base::Result<void> write_blocking(FrameSource source, std::string frame, Deadline deadline);

  /// As FrameWriter.
  bool flush(Deadline deadline, base::Nanos patience);
  /// What close() promises, but for the thread itself: second is whether that has ended, or is about to.
  std::pair<bool, bool> finish(Deadline deadline);
  bool is_closed() const;
  std::optional<base::Error> why_closed() const;
  FrameWriterStats stats() const;

  /// The thread's main function.
  void run();

 private:
  using Lock = std::unique_lock<std::mutex>;
  /// What is taken from the queue at once: little while the reader is slow, as it may have to be given back.
  static constexpr std::size_t kBatchMin = 4096, kBatchMax = 65536, kBatchFramesMax = 256;
  /// How long the thread waits at its end for the disk's; shorter than finish() waits for both.
  static constexpr base::Nanos kDiskLast{50'000'000}, kLast{100'000'000};

  FrameQueue::Put try_put(FrameSource source, std::string& frame);
  base::Error refusal(FrameQueue::Put put, FrameSource source, std::size_t size_bytes) const;
  void note_work();
  void wake_thread();
  void admit_waiters();
  // shared because the one who wakes and the one who waits may each leave first
  using Waiters = std::list<std::shared_ptr<FrameWaiter>>;
  Waiters::iterator drop_waiter(Waiters::iterator at);
  void end_all_waits(FrameWaiter::State state);
  bool wait_until(Lock& lock, Deadline deadline);
  void signal_thread();
  base::Nanos since_progress() const;

  void move_spill(Lock& lock);
  void take_disk_answer();
  void ask_disk(Lock& lock);
  void refill();
  void write_batch(Lock& lock);
  void count_written(std::size_t bytes);
  void drop_all();
  void hand_back();
  void wait(Lock& lock, short events);
  void report_stall(Lock& lock);
  void reader_gone(Lock& lock, const base::Error& why);

  const FrameWriterOptions options_;
  const int event_;  ///< an eventfd that ends the thread's poll

  mutable std::mutex mutex_;
  std::condition_variable changed_;  ///< progress, or the thread's end
  FrameQueue queue_;
  Waiters waiters_;
  std::unordered_map<FrameSource, std::size_t> waiting_;  ///< by source; those behind a waiter wait, too
  base::Instant last_progress_, work_since_;
  base::Nanos longest_stall_{0};
  std::uint64_t frames_written_ = 0, bytes_written_ = 0, late_frames_ = 0, late_bytes_ = 0;
  bool refuses_ = false;     ///< close() was called
  bool leave_now_ = false;   ///< close() has come to its deadline
  bool has_ended_ = false;   ///< the thread touches nothing any more but this object's end
  bool is_idle_ = false;     ///< the thread waits for frames
  bool is_polling_ = false;  ///< the thread waits for the descriptor
  bool spill_failed_ = false, was_incomplete_ = false;
  std::optional<base::Instant> disk_asked_;  ///< when the disk was asked for what it has not answered yet
  std::optional<base::Error> why_closed_;    ///< set when the reader has gone or writing has failed

  // Only the thread's.
  std::unique_ptr<Output> output_;
  SpillThread disk_;
  bool last_was_append_ = false;
  std::vector<Frame> batch_;  ///< taken; of the first, offset_ bytes are written
  std::vector<Frame> done_;   ///< written; freed when the mutex is not held
  std::vector<iovec> parts_;
  std::size_t offset_ = 0, batch_bytes_ = 0, batch_target_ = kBatchMin;
  bool stall_reported_ = false;
};

}  // namespace sluice::async::detail
