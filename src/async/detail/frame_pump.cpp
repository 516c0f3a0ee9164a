#include "async/detail/frame_pump.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <unordered_set>
#include <utility>

#include <poll.h>
#include <unistd.h>

#include "async/errors.hpp"
#include "async/spill_file.hpp"
#include "base/units.hpp"

namespace sluice::async::detail {

namespace {

std::string default_gap_text(std::string_view source, std::uint64_t frames, std::uint64_t bytes) {
  return "[" + std::string(source) + ": " + std::to_string(frames) + " frames, " + std::to_string(bytes) +
         " bytes, were dropped here: the reader was too slow]\n";
}

SpillThread::MakeDevice device_of(const FrameWriterOptions& options) {
  if (options.spill_device) return options.spill_device;
  return [directory = options.spill_directory] { return std::make_unique<SpillFile>(directory); };
}

}  // namespace

FramePump::FramePump(FrameWriterOptions options, std::unique_ptr<Output> output, int event)
    : options_(std::move(options)),
      event_(event),
      queue_(options_.limits, options_.gap_text ? options_.gap_text : default_gap_text),
      last_progress_(base::now()),
      work_since_(last_progress_),
      output_(std::move(output)),
      disk_(device_of(options_), event) {}

FramePump::~FramePump() { ::close(event_); }

base::Result<FrameSource> FramePump::open_source(std::string name, FramePolicy policy) {
  const Lock lock(mutex_);
  if (refuses_) return base::fail(terminated(options_.name));
  return queue_.open(std::move(name), policy);
}

void FramePump::close_source(FrameSource source) {
  const Lock lock(mutex_);
  queue_.close(source);
  admit_waiters();
}

/// Taken also where the reader has gone: the frame is dropped and counted then.
FrameQueue::Put FramePump::try_put(FrameSource source, std::string& frame) {
  if (why_closed_) {
    ++late_frames_;
    late_bytes_ += frame.size();
    return FrameQueue::Put::Taken;
  }
  if (frame.empty()) return FrameQueue::Put::Taken;
  if (!waiting_.empty() && waiting_.contains(source)) return FrameQueue::Put::Full;
  if (queue_.is_empty()) work_since_ = base::now();
  const FrameQueue::Put put = queue_.put(source, frame);
  if (is_idle_ || (is_polling_ && !disk_asked_ && queue_.wants_spill())) signal_thread();
  return put;
}

void FramePump::signal_thread() {
  is_idle_ = is_polling_ = false;
  const std::uint64_t one = 1;
  (void)::write(event_, &one, sizeof one);  // cannot fail but by being full, and then it is signalled
}

base::Error FramePump::refusal(FrameQueue::Put put, FrameSource source, std::size_t size_bytes) const {
  const FrameLimits& limits = options_.limits;
  const bool is_control = source == FrameSource::Control;
  const std::size_t budget =
      is_control ? limits.control_bytes_max : std::min(limits.source_bytes_max, limits.bytes_max / 2);
  const std::size_t size_max = std::max(budget, kFrameCost) - kFrameCost;
  switch (put) {
    case FrameQueue::Put::TooLarge:
      return {.code = base::Code::InvalidArgument,
              .what = "a frame of " + std::to_string(size_bytes) + " bytes is too large for " + options_.name,
              .where = "at most " + std::to_string(size_max) + " bytes",
              .likely = {"what was to be several frames was handed over as one"},
              .try_next = {"split it, or raise the limit of a source"}};
    case FrameQueue::Put::NoSource:
      return {.code = base::Code::InvalidArgument,
              .what = "no such source of " + options_.name,
              .likely = {"it was closed before"}};
    case FrameQueue::Put::Full:
    case FrameQueue::Put::Taken: break;
  }
  return {.code = base::Code::ResourceExhausted,
          .what = "the queue of " + options_.name + " is full",
          .where = is_control ? "the control lane" : "source " + std::to_string(static_cast<std::uint32_t>(source)),
          .likely = {"its reader is slower than its writers, or has stopped"},
          .try_next = {"wait with write(), or choose a policy that drops or spills"}};
}

base::Result<void> FramePump::put(FrameSource source, std::string frame) {
  const Lock lock(mutex_);
  if (refuses_) return base::fail(terminated(options_.name));
  const FrameQueue::Put put = try_put(source, frame);
  if (put == FrameQueue::Put::Taken) return {};
  return base::fail(refusal(put, source, frame.size()));
}

// shared because the one who wakes and the one who waits may each leave first
base::Result<bool> FramePump::put_or_wait(const std::shared_ptr<FrameWaiter>& waiter) {
  const Lock lock(mutex_);
  if (refuses_) return base::fail(terminated(options_.name));
  const std::size_t size_bytes = waiter->frame.size();
  const FrameQueue::Put put = try_put(waiter->source, waiter->frame);
  if (put == FrameQueue::Put::Taken) return true;
  if (put != FrameQueue::Put::Full || waiters_.size() >= options_.limits.waiting_max) {
    return base::fail(refusal(put, waiter->source, size_bytes));
  }
  waiters_.push_back(waiter);
  ++waiting_[waiter->source];
  if (queue_.needs_common(waiter->source, size_bytes)) queue_.reserve_common(true);
  return false;
}

// shared because the one who wakes and the one who waits may each leave first
base::Result<void> FramePump::end_wait(const std::shared_ptr<FrameWaiter>& waiter, base::Error why) {
  const Lock lock(mutex_);
  switch (waiter->state) {
    case FrameWaiter::State::Taken: return {};
    case FrameWaiter::State::Terminated: return base::fail(terminated(options_.name));
    case FrameWaiter::State::Waiting: break;
  }
  const auto at = std::ranges::find(waiters_, waiter);
  if (at != waiters_.end()) drop_waiter(at);
  admit_waiters();
  return base::fail(std::move(why));
}

base::Result<void> FramePump::write_blocking(FrameSource source, std::string frame, Deadline deadline) {
  const base::Instant began = base::now();
  bool woken = false;
  std::condition_variable ready;
  auto waiter = std::make_shared<FrameWaiter>();  // shared because write() needs it so
  waiter->source = source;
  waiter->frame = std::move(frame);
  waiter->wake = [&] {
    woken = true;
    ready.notify_one();
    return true;
  };
  SLUICE_TRY(const bool is_taken, put_or_wait(waiter));
  if (is_taken) return {};
  Lock lock(mutex_);
  while (!woken && !deadline.has_passed()) {
    ready.wait_until(lock, base::to_chrono(deadline.when()));
  }
  lock.unlock();
  return end_wait(waiter, deadline_exceeded("a write to " + options_.name, base::now() - began));
}

FramePump::Waiters::iterator FramePump::drop_waiter(Waiters::iterator at) {
  const auto count = waiting_.find((*at)->source);
  if (--count->second == 0) waiting_.erase(count);
  return waiters_.erase(at);
}

/// Puts in what has found room, in the order of waiting; a waiter without room holds up its own source, and where it
/// needs the common half, that.
void FramePump::admit_waiters() {
  queue_.reserve_common(false);
  std::unordered_set<FrameSource> held_up;
  for (auto at = waiters_.begin(); at != waiters_.end();) {
    FrameWaiter& waiter = **at;
    if (held_up.contains(waiter.source)) {
      ++at;
      continue;
    }
    if (!queue_.fits(waiter.source, waiter.frame.size())) {
      held_up.insert(waiter.source);
      if (queue_.needs_common(waiter.source, waiter.frame.size())) queue_.reserve_common(true);
      ++at;
      continue;
    }
    if (waiter.wake()) {
      const bool is_taken = queue_.put(waiter.source, waiter.frame) == FrameQueue::Put::Taken;
      waiter.state = is_taken ? FrameWaiter::State::Taken : FrameWaiter::State::Terminated;
    }
    at = drop_waiter(at);
  }
  if (is_idle_ && !queue_.is_empty()) signal_thread();
}

void FramePump::end_all_waits(FrameWaiter::State state) {
  while (!waiters_.empty()) {
    FrameWaiter& waiter = *waiters_.front();
    if (waiter.wake()) {
      waiter.state = state;
      if (state == FrameWaiter::State::Taken) {
        ++late_frames_;
        late_bytes_ += waiter.frame.size();
      }
    }
    drop_waiter(waiters_.begin());
  }
  queue_.reserve_common(false);
}

/// False once the deadline has passed.
bool FramePump::wait_until(Lock& lock, Deadline deadline) {
  if (deadline.has_passed()) return false;
  changed_.wait_until(lock, base::to_chrono(deadline.when()));
  return true;
}

bool FramePump::flush(Deadline deadline, base::Nanos patience) {
  Lock lock(mutex_);
  const base::Instant began = base::now();
  const std::uint64_t mark = queue_.mark();
  while (!why_closed_ && !has_ended_ && !queue_.is_done(mark)) {
    Deadline until = deadline;
    if (patience != base::Nanos::max()) {
      until = earlier(deadline, Deadline::at(std::max(last_progress_, began) + patience));
    }
    if (!wait_until(lock, until)) return false;
  }
  return !why_closed_ && !was_incomplete_ && queue_.is_done(mark);
}

std::pair<bool, bool> FramePump::finish(Deadline deadline) {
  Lock lock(mutex_);
  refuses_ = true;
  end_all_waits(FrameWaiter::State::Terminated);
  while (!has_ended_ && !why_closed_ && !queue_.is_empty() && wait_until(lock, deadline)) {
  }
  leave_now_ = true;
  signal_thread();
  const Deadline last = Deadline::in(kLast);
  while (!has_ended_ && wait_until(lock, last)) {
  }
  return {queue_.is_empty() && !was_incomplete_, has_ended_};
}

bool FramePump::is_closed() const {
  const Lock lock(mutex_);
  return why_closed_.has_value();
}

std::optional<base::Error> FramePump::why_closed() const {
  const Lock lock(mutex_);
  return why_closed_;
}

base::Nanos FramePump::since_progress() const {
  if (queue_.is_empty()) return base::Nanos{0};
  return base::now() - std::max(last_progress_, work_since_);
}

FrameWriterStats FramePump::stats() const {
  const Lock lock(mutex_);
  FrameWriterStats stats{.queue = queue_.stats(),
                         .frames_written = frames_written_,
                         .bytes_written = bytes_written_,
                         .last_progress = last_progress_,
                         .stalled_now = since_progress(),
                         .longest_stall = longest_stall_,
                         .disk_now = disk_asked_ ? base::now() - *disk_asked_ : base::Nanos{0},
                         .waiting = waiters_.size(),
                         .is_closed = why_closed_.has_value(),
                         .spill_failed = spill_failed_};
  stats.queue.dropped_frames += late_frames_;
  stats.queue.dropped_bytes += late_bytes_;
  stats.longest_stall = std::max(stats.longest_stall, stats.stalled_now);
  return stats;
}

void FramePump::run() {
  Lock lock(mutex_);
  while (!leave_now_) {
    move_spill(lock);
    refill();
    if (batch_.empty()) {
      wait(lock, 0);
    } else {
      write_batch(lock);
    }
  }
  if (!queue_.is_empty()) drop_all();
  lock.unlock();
  done_.clear();
  disk_.end(Deadline::in(kDiskLast));
  output_.reset();  // closing a terminal may wait
  lock.lock();
  has_ended_ = true;
  changed_.notify_all();
}

void FramePump::drop_all() {
  was_incomplete_ = true;
  for (const Frame& frame : batch_) queue_.dropped(frame);
  batch_.clear();
  offset_ = batch_bytes_ = 0;
  queue_.drop_all();
  changed_.notify_all();
}

/// Never waits for the disk: it has one request at a time, and signals the answer.
void FramePump::move_spill(Lock& lock) {
  if (disk_asked_) take_disk_answer();
  if (!disk_asked_) ask_disk(lock);
  if (disk_asked_) take_disk_answer();  // at once, where its thread could not be started
}

void FramePump::take_disk_answer() {
  std::optional<SpillThread::Answer> answer = disk_.answer();
  if (!answer) return;
  disk_asked_.reset();
  if (auto* taken = std::get_if<SpillThread::Taken>(&*answer)) {
    spill_failed_ |= !taken->has_value();
    queue_.loaded(*taken ? std::move(**taken) : std::vector<std::string>{});
  } else if (const auto& appended = std::get<SpillThread::Appended>(*answer)) {
    queue_.spilled({.offset = appended->offset, .size_bytes = appended->size_bytes});
  } else {
    spill_failed_ = true;
    queue_.spill_failed();
  }
  if (!waiters_.empty()) admit_waiters();
}

/// Both in turn, where both are wanted.
void FramePump::ask_disk(Lock& lock) {
  std::optional<FrameQueue::Load> load = last_was_append_ ? queue_.next_load() : std::nullopt;
  auto batch = load ? nullptr : queue_.next_spill();
  if (!load && batch == nullptr) load = queue_.next_load();
  if (!load && batch == nullptr) return;
  last_was_append_ = batch != nullptr;
  disk_asked_ = base::now();
  lock.unlock();  // the first time a thread is started
  if (batch != nullptr) {
    disk_.append(std::move(batch));
  } else if (load) {
    disk_.take({.offset = load->extent.offset, .size_bytes = load->extent.size_bytes});
  }
  lock.lock();
}

void FramePump::refill() {
  while (batch_bytes_ < batch_target_ && batch_.size() < kBatchFramesMax) {
    std::optional<Frame> frame = queue_.take();
    if (!frame) return;
    batch_bytes_ += frame->bytes.size();
    batch_.push_back(std::move(*frame));
  }
}

void FramePump::write_batch(Lock& lock) {
  parts_.clear();
  std::size_t asked = 0;
  for (Frame& frame : batch_) {
    const std::size_t skip = parts_.empty() ? offset_ : 0;
    parts_.push_back({.iov_base = frame.bytes.data() + skip, .iov_len = frame.bytes.size() - skip});
    asked += parts_.back().iov_len;
  }
  lock.unlock();
  done_.clear();
  const Output::Written written = output_->write(parts_);
  const bool may_block = output_->may_block();
  lock.lock();
  if (written.bytes > 0) count_written(written.bytes);
  const bool would_block = written.errnum == EAGAIN || written.errnum == EWOULDBLOCK;
  if (written.errnum != 0 && written.errnum != EINTR && !would_block) {
    const bool has_left = written.errnum == EPIPE || written.errnum == ECONNRESET;
    reader_gone(lock, has_left ? terminated("the reader of " + options_.name)
                               : base::from_errno(written.errnum, "cannot write to " + options_.name));
    return;
  }
  if (written.bytes == asked) {
    batch_target_ = std::min(batch_target_ * 2, kBatchMax);
    return;
  }
  if (would_block || (!may_block && written.errnum != EINTR)) {
    batch_target_ = std::clamp(written.bytes, kBatchMin, kBatchMax);
    hand_back();
    if (!leave_now_) wait(lock, POLLOUT);
  }
}

void FramePump::count_written(std::size_t bytes) {
  const base::Instant now = base::now();
  longest_stall_ = std::max(longest_stall_, now - std::max(last_progress_, work_since_));
  last_progress_ = now;
  stall_reported_ = false;
  bytes_written_ += bytes;
  batch_bytes_ -= bytes;
  offset_ += bytes;
  std::size_t whole = 0;
  while (whole < batch_.size() && offset_ >= batch_[whole].bytes.size()) {
    offset_ -= batch_[whole].bytes.size();
    queue_.written(batch_[whole]);
    done_.push_back(std::move(batch_[whole]));
    ++whole;
  }
  batch_.erase(batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(whole));
  frames_written_ += whole;
  if (whole > 0 && !waiters_.empty()) admit_waiters();
  changed_.notify_all();
}

/// What was not begun goes back, so that the next to be written is chosen when there is room for it.
void FramePump::hand_back() {
  const std::size_t begun = offset_ > 0 ? 1 : 0;
  while (batch_.size() > begun) {
    batch_bytes_ -= batch_.back().bytes.size();
    queue_.give_back(std::move(batch_.back()));
    batch_.pop_back();
  }
}

void FramePump::wait(Lock& lock, short events) {
  // Asked for while this thread was writing: nobody has signalled that, and those who wait for the room would wait on.
  // The same for a load when nothing is left to be written: then nothing keeps it back.
  if (!disk_asked_ && (queue_.wants_spill() || (events == 0 && queue_.wants_load()))) return;
  is_idle_ = events == 0;
  is_polling_ = events != 0;
  timespec timeout{};
  const bool is_bounded = is_polling_ && !stall_reported_;
  if (is_bounded) {
    const std::int64_t left = std::max<std::int64_t>((options_.stalled_after - since_progress()).count(), 0);
    timeout = {.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
  }
  pollfd watched[2] = {{.fd = event_, .events = POLLIN, .revents = 0},
                       {.fd = why_closed_ ? -1 : output_->descriptor(), .events = events, .revents = 0}};
  lock.unlock();
  done_.clear();
  ::ppoll(watched, 2, is_bounded ? &timeout : nullptr, nullptr);
  if ((watched[0].revents & POLLIN) != 0) {
    std::uint64_t count = 0;
    // Only to make it silent. NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): the lock is open here
    (void)::read(event_, &count, sizeof count);
  }
  lock.lock();
  is_idle_ = is_polling_ = false;
  if ((watched[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
    reader_gone(lock, terminated("the reader of " + options_.name));
  } else if (is_bounded && (watched[1].revents & POLLOUT) == 0) {
    report_stall(lock);
  }
}

void FramePump::report_stall(Lock& lock) {
  const base::Nanos since = since_progress();
  if (since < options_.stalled_after) return;
  stall_reported_ = true;
  if (!options_.on_stalled) return;
  lock.unlock();
  options_.on_stalled(since);
  lock.lock();
}

void FramePump::reader_gone(Lock& lock, const base::Error& why) {
  if (why_closed_) return;
  why_closed_ = why;
  if (!queue_.is_empty()) drop_all();
  end_all_waits(FrameWaiter::State::Taken);
  changed_.notify_all();
  if (!options_.on_closed) return;
  lock.unlock();
  options_.on_closed(why);
  lock.lock();
}

}  // namespace sluice::async::detail
