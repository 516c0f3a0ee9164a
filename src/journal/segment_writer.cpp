#include "journal/segment_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>

#include "base/assert.hpp"
#include "base/units.hpp"
#include "journal/segment_reader.hpp"

namespace sluice::journal {

namespace {

base::Error slow_disk(const std::string& path, const char* what, std::uint64_t waiting) {
  return {.code = base::Code::DeadlineExceeded,
          .what = what,
          .where = fmt::format("{}: {} frames are not durable yet", path, base::format_count(waiting)),
          .likely = {"the disk of the results directory is busy, perhaps with the load itself", "it hangs"},
          .try_next = {"put the results on another disk: --results DIR", "dmesg | tail"}};
}

base::Error buffer_full(const std::string& path, std::size_t bytes, std::size_t bytes_max) {
  return {.code = base::Code::ResourceExhausted,
          .what = fmt::format("the log of results has {} waiting for the disk, its limit is {}",
                              base::format_size(bytes), base::format_size(bytes_max)),
          .where = path,
          .likely = {"the disk of the results directory hangs or is far slower than the results come"},
          .try_next = {"put the results on another disk: --results DIR", "dmesg | tail"}};
}

base::Error closed(const std::string& path) {
  return {.code = base::Code::Terminated,
          .what = "the log of results is closed",
          .where = path,
          .likely = {"the run has ended"},
          .try_next = {"start a new run"}};
}

}  // namespace

/// What the writer and its thread share. Everything but `device` and `options` is under `mutex`.
struct SegmentWriter::State {
  State(std::unique_ptr<SegmentDevice> the_device, std::string the_path, SegmentOptions the_options)
      : device(std::move(the_device)), path(std::move(the_path)), options(std::move(the_options)) {}

  std::unique_ptr<SegmentDevice> device;
  std::string path;
  SegmentOptions options;
  std::thread thread;  // of the writer only

  std::mutex mutex;
  std::condition_variable work;      // to the thread
  std::condition_variable progress;  // from the thread
  std::vector<std::byte> pending;    // frames that the thread has not taken yet
  base::Instant pending_since;
  std::size_t in_flight_bytes = 0;  // taken by the thread, not durable yet
  std::uint64_t next_number = 0;
  std::uint64_t durable = 0;     // frames below this number are durable
  std::uint64_t file_bytes = 0;  // up to the end of the last whole frame
  std::optional<base::Error> failure;
  bool commit_now = false;
  bool closing = false;
  bool thread_done = false;

  void run();
  void commit(std::unique_lock<std::mutex>& lock, std::vector<std::byte>& batch);
  base::Result<void> write_batch(std::span<const std::byte> batch, std::uint64_t offset, std::uint64_t& frames_written);
};

namespace {

/// The end of the last frame that lies wholly in the first `written` bytes of a batch, and how many do.
std::pair<std::size_t, std::uint64_t> whole_frames(std::span<const std::byte> batch, std::size_t written) {
  std::size_t end = 0;
  std::uint64_t frames = 0;
  while (end < written) {
    const auto header = parse_frame_header(batch.subspan(end));
    SLUICE_ASSERT(header.has_value());
    if (end + header->frame_bytes() > written) break;
    end += static_cast<std::size_t>(header->frame_bytes());
    ++frames;
  }
  return {end, frames};
}

}  // namespace

base::Result<void> SegmentWriter::State::write_batch(std::span<const std::byte> batch, std::uint64_t offset,
                                                     std::uint64_t& frames_written) {
  std::size_t written = 0;
  while (written < batch.size()) {
    auto n = device->write(batch.subspan(written));
    if (n) {
      written += *n;
      continue;
    }
    // Keep what is whole: cut off the half frame, and make the rest durable if the disk still lets us.
    const auto [end, frames] = whole_frames(batch, written);
    const bool kept = device->truncate(offset + end).has_value() && device->sync().has_value();
    frames_written = kept ? frames : 0;
    return base::fail(std::move(n).error());
  }
  SLUICE_CHECK(device->sync());
  frames_written = whole_frames(batch, written).second;
  return {};
}

void SegmentWriter::State::commit(std::unique_lock<std::mutex>& lock, std::vector<std::byte>& batch) {
  batch.clear();
  batch.swap(pending);
  in_flight_bytes = batch.size();
  commit_now = false;
  const std::uint64_t offset = file_bytes;
  lock.unlock();
  std::uint64_t frames = 0;
  auto result = write_batch(batch, offset, frames);
  if (!result && options.on_failure) options.on_failure(result.error());
  lock.lock();
  durable += frames;
  in_flight_bytes = 0;
  if (result) {
    file_bytes += batch.size();
  } else {
    failure = std::move(result).error();
  }
  progress.notify_all();
}

void SegmentWriter::State::run() {
  std::vector<std::byte> batch;
  std::unique_lock lock(mutex);
  while (!failure) {
    if (pending.empty()) {
      commit_now = false;
      if (closing) break;
      work.wait(lock, [this] { return closing || !pending.empty(); });
      continue;
    }
    const auto due = base::to_chrono(pending_since + options.commit_interval);
    work.wait_until(lock, due, [this] { return closing || commit_now; });
    commit(lock, batch);
  }
  thread_done = true;
  progress.notify_all();
}

SegmentWriter::SegmentWriter(std::unique_ptr<SegmentDevice> device, std::string path, SegmentOptions options,
                             SegmentRecovery recovery, std::uint64_t file_bytes, std::uint64_t next_number)
    : path_(std::move(path)), recovery_(std::move(recovery)), close_timeout_(options.close_timeout) {
  // shared because the thread outlives a close() that gave up on a hanging disk
  state_ = std::make_shared<State>(std::move(device), path_, std::move(options));
  state_->file_bytes = file_bytes;
  state_->next_number = state_->durable = next_number;

  // Signals are for other threads; blocked here, SIGXFSZ becomes the error EFBIG instead of the end of the process.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  state_->thread = std::thread([state = state_] { state->run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(state_->thread.native_handle(), "sluice-log");
}

SegmentWriter::~SegmentWriter() { static_cast<void>(close(base::now() + close_timeout_)); }

base::Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(const std::string& path, SegmentOptions options) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return base::fail(base::from_errno(errno, "cannot make a log of results", path));
  auto device = std::make_unique<FileDevice>(fd, path);
  SLUICE_CHECK(device->lock());
  const FileHeader header = make_file_header();
  for (std::size_t written = 0; written < header.size();) {
    SLUICE_TRY(const std::size_t n, device->write(std::span(header).subspan(written)));
    written += n;
  }
  SLUICE_CHECK(device->sync());
  const std::string folder = std::filesystem::path(path).parent_path().string();
  SLUICE_CHECK(sync_directory(folder.empty() ? "." : folder));
  return std::unique_ptr<SegmentWriter>(
      new SegmentWriter(std::move(device), path, std::move(options), {}, kFileHeaderBytes, 0));
}

base::Result<std::unique_ptr<SegmentWriter>> SegmentWriter::open(const std::string& path, SegmentOptions options) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return base::fail(base::from_errno(errno, "cannot open the log of results", path));
  auto device = std::make_unique<FileDevice>(fd, path);
  SLUICE_CHECK(device->lock());

  SLUICE_TRY(const auto reader, SegmentReader::open(path));
  SegmentRecovery recovery;
  std::uint64_t next_number = 0;
  while (true) {
    SLUICE_TRY(const auto frame, reader->next());
    if (!frame) break;
    ++recovery.frames;
    next_number = std::max(next_number, frame->number + 1);
  }
  recovery.torn_bytes = reader->torn_bytes();
  for (const SegmentFlaw& flaw : reader->flaws()) {
    if (flaw.kind == SegmentFlaw::Kind::Damaged) recovery.damaged.push_back(flaw);
  }
  std::uint64_t end = reader->file_bytes() - recovery.torn_bytes;
  if (recovery.torn_bytes > 0) SLUICE_CHECK(device->truncate(end));
  if (end == 0) {  // killed while the file was made
    SLUICE_CHECK(device->write(make_file_header()));
    end = kFileHeaderBytes;
  }
  SLUICE_CHECK(device->sync());
  return std::unique_ptr<SegmentWriter>(
      new SegmentWriter(std::move(device), path, std::move(options), std::move(recovery), end, next_number));
}

std::unique_ptr<SegmentWriter> SegmentWriter::on_device(std::unique_ptr<SegmentDevice> device, std::string path,
                                                        SegmentOptions options) {
  return std::unique_ptr<SegmentWriter>(
      new SegmentWriter(std::move(device), std::move(path), std::move(options), {}, kFileHeaderBytes, 0));
}

base::Result<std::uint64_t> SegmentWriter::append(std::span<const std::byte> payload, FrameType type) {
  if (payload.size() > kPayloadBytesMax) {
    return base::fail(
        base::Error{.code = base::Code::InvalidArgument,
                    .what = fmt::format("a frame of {} is longer than the log takes ({})",
                                        base::format_size(payload.size()), base::format_size(kPayloadBytesMax)),
                    .where = path_,
                    .likely = {"a mistake in the program: one interval cannot be that large"},
                    .try_next = {"please report it"}});
  }
  const std::scoped_lock lock(state_->mutex);
  State& s = *state_;
  if (s.failure) return base::fail(*s.failure);
  if (s.closing) return base::fail(closed(path_));
  const std::size_t waiting = s.pending.size() + s.in_flight_bytes;
  if (waiting + kFrameHeaderBytes + payload.size() > s.options.bytes_max) {
    return base::fail(buffer_full(path_, waiting, s.options.bytes_max));
  }
  if (s.pending.empty()) {
    s.pending_since = base::now();
    s.work.notify_one();
  }
  const auto header = make_frame_header(type, s.next_number, payload);
  s.pending.insert(s.pending.end(), header.begin(), header.end());
  s.pending.insert(s.pending.end(), payload.begin(), payload.end());
  return s.next_number++;
}

base::Result<void> SegmentWriter::sync(base::Instant deadline) {
  std::unique_lock lock(state_->mutex);
  State& s = *state_;
  const std::uint64_t wanted = s.next_number;
  if (s.durable >= wanted) return {};
  s.commit_now = true;
  s.work.notify_one();
  const bool decided = s.progress.wait_until(lock, base::to_chrono(deadline),
                                             [&] { return s.durable >= wanted || s.failure || s.thread_done; });
  if (s.durable >= wanted) return {};
  if (s.failure) return base::fail(*s.failure);
  if (decided) return base::fail(closed(path_));
  return base::fail(slow_disk(path_, "the log of results was not durable in time", wanted - s.durable));
}

base::Result<void> SegmentWriter::close(base::Instant deadline) {
  std::unique_lock lock(state_->mutex);
  State& s = *state_;
  s.closing = true;
  s.work.notify_one();
  // A disk that was given up once is not waited for again.
  if (s.thread.joinable()) s.progress.wait_until(lock, base::to_chrono(deadline), [&] { return s.thread_done; });
  const std::uint64_t waiting = s.next_number - s.durable;
  const bool done = s.thread_done;
  const auto failure = s.failure;
  lock.unlock();
  if (s.thread.joinable()) {
    // tidy-allow: detach because a thread that hangs in the disk cannot be joined; it owns all that it touches
    done ? s.thread.join() : s.thread.detach();
  }
  if (failure) return base::fail(*failure);
  if (!done) return base::fail(slow_disk(path_, "the log of results could not be closed in time", waiting));
  return {};
}

std::uint64_t SegmentWriter::durable_frames() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->durable;
}

}  // namespace sluice::journal
