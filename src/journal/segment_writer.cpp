#include "journal/segment_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

#include "async/errors.hpp"
#include "async/notice.hpp"
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

/// What the writer, its task and the call on a blocking thread share. `device` is the call's; everything else but the
/// constants is under `mutex`.
struct SegmentWriter::State {
  State(std::unique_ptr<SegmentDevice> the_device, std::string the_path, SegmentOptions the_options,
        std::uint64_t bytes_in_file, std::uint64_t first_number)
      : device(std::move(the_device)),
        path(std::move(the_path)),
        options(std::move(the_options)),
        next_number(first_number),
        durable(first_number),
        file_bytes(bytes_in_file) {}

  const std::unique_ptr<SegmentDevice> device;
  const std::string path;
  const SegmentOptions options;

  std::mutex mutex;
  async::Notice work;              // to the task
  async::Notice progress;          // from the task
  std::vector<std::byte> pending;  // frames that the task has not taken yet
  base::Instant pending_since;
  std::size_t in_flight_bytes = 0;  // taken by the task, not durable yet
  std::uint64_t next_number;
  std::uint64_t durable;     // frames below this number are durable
  std::uint64_t file_bytes;  // up to the end of the last whole frame
  std::optional<base::Error> failure;
  bool commit_now = false;
  bool closing = false;
  bool done = false;  // the task has ended

  /// What a call to the disk has brought about.
  struct Written {
    std::uint64_t frames = 0;  ///< that are durable
    base::Result<void> result;
  };
  Written write_batch(std::span<const std::byte> batch, std::uint64_t offset) const;
  std::vector<std::byte> take_batch();
  void end_commit(std::size_t bytes, Written written);

  // shared because the task, and a call that was abandoned, outlive a close() that gave up on a hanging disk
  static async::Task<bool> next_commit(std::shared_ptr<State> state);
  // shared because the task, and a call that was abandoned, outlive a close() that gave up on a hanging disk
  static async::Task<> commit(std::shared_ptr<State> state, async::BlockingPool& pool);
  // shared because the task, and a call that was abandoned, outlive a close() that gave up on a hanging disk
  static async::Task<> run(std::shared_ptr<State> state, async::BlockingPool& pool);
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

/// On a blocking thread.
SegmentWriter::State::Written SegmentWriter::State::write_batch(std::span<const std::byte> batch,
                                                                std::uint64_t offset) const {
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
    return {kept ? frames : 0, base::fail(std::move(n).error())};
  }
  if (auto synced = device->sync(); !synced) return {0, std::move(synced)};
  return {whole_frames(batch, written).second, {}};
}

std::vector<std::byte> SegmentWriter::State::take_batch() {
  const std::lock_guard lock(mutex);
  commit_now = false;
  in_flight_bytes = pending.size();
  return std::exchange(pending, {});
}

void SegmentWriter::State::end_commit(std::size_t bytes, Written written) {
  if (!written.result && options.on_failure) options.on_failure(written.result.error());
  const std::lock_guard lock(mutex);
  durable += written.frames;
  in_flight_bytes = 0;
  if (written.result) {
    file_bytes += bytes;
  } else {
    failure = std::move(written.result).error();
  }
  progress.tell_all();
}

/// Waits until something is to be committed; false when there is nothing more to come.
// shared because the task, and a call that was abandoned, outlive a close() that gave up on a hanging disk
async::Task<bool> SegmentWriter::State::next_commit(std::shared_ptr<State> state) {
  State& s = *state;
  while (true) {
    std::unique_lock lock(s.mutex);
    if (s.failure) co_return false;
    if (s.pending.empty() && s.closing) co_return false;
    if (s.pending.empty()) s.commit_now = false;
    const base::Instant due = s.pending.empty() ? base::Instant::never() : s.pending_since + s.options.commit_interval;
    if (!s.pending.empty() && (s.closing || s.commit_now || base::now() >= due)) co_return true;
    async::WaitPoint point = s.work.enlist();
    lock.unlock();
    if (co_await point.wait(async::Deadline::at(due)) == async::Wake::Cancelled) co_return false;
  }
}

// shared because the task, and a call that was abandoned, outlive a close() that gave up on a hanging disk
async::Task<> SegmentWriter::State::commit(std::shared_ptr<State> state, async::BlockingPool& pool) {
  std::vector<std::byte> batch = state->take_batch();
  const std::size_t bytes = batch.size();
  // Its own bytes, and the end of the file, which nobody else moves: an abandoned call disturbs nothing.
  auto call = [state, batch = std::move(batch), offset = state->file_bytes] {
    return state->write_batch(batch, offset);
  };
  base::Result<Written> written = co_await pool.run("log of results", std::move(call), async::Deadline::never());
  if (!written && written.error().code == base::Code::Cancelled) co_return base::fail(std::move(written).error());
  state->end_commit(bytes, written ? std::move(*written) : Written{0, base::fail(std::move(written).error())});
  co_return base::Result<void>();
}

// shared because the task, and a call that was abandoned, outlive a close() that gave up on a hanging disk
async::Task<> SegmentWriter::State::run(std::shared_ptr<State> state, async::BlockingPool& pool) {
  base::Result<void> ended;
  while (ended) {
    base::Result<bool> more = co_await next_commit(state);
    if (!more || !*more) break;
    ended = co_await commit(state, pool);
  }
  const std::lock_guard lock(state->mutex);
  state->done = true;
  state->progress.tell_all();
  co_return ended;
}

SegmentWriter::SegmentWriter(async::Runtime& runtime, std::unique_ptr<State> state, SegmentRecovery recovery)
    : runtime_(runtime), recovery_(std::move(recovery)), state_(std::move(state)) {
  // With a token of its own: a run that is cancelled still writes down how it ended.
  auto spawned = runtime_.executor().try_spawn("log of results", State::run(state_, runtime_.blocking()), {});
  if (spawned) {
    commits_ = std::move(*spawned);
  } else {
    state_->failure = std::move(spawned).error();
    state_->done = true;
  }
}

SegmentWriter::~SegmentWriter() {
  const auto deadline = async::Deadline::in(state_->options.close_timeout);
  static_cast<void>(runtime_.executor().block_on(close(deadline)));
}

base::Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(async::Runtime& runtime, const std::string& path,
                                                                   SegmentOptions options) {
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
  return on_device(runtime, std::move(device), path, std::move(options));
}

base::Result<std::unique_ptr<SegmentWriter>> SegmentWriter::open(async::Runtime& runtime, const std::string& path,
                                                                 SegmentOptions options) {
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
  auto state = std::make_unique<State>(std::move(device), path, std::move(options), end, next_number);
  return std::unique_ptr<SegmentWriter>(new SegmentWriter(runtime, std::move(state), std::move(recovery)));
}

std::unique_ptr<SegmentWriter> SegmentWriter::on_device(async::Runtime& runtime, std::unique_ptr<SegmentDevice> device,
                                                        std::string path, SegmentOptions options) {
  auto state = std::make_unique<State>(std::move(device), std::move(path), std::move(options), kFileHeaderBytes,
                                       std::uint64_t{0});
  return std::unique_ptr<SegmentWriter>(new SegmentWriter(runtime, std::move(state), {}));
}

base::Result<std::uint64_t> SegmentWriter::append(std::span<const std::byte> payload, FrameType type) {
  if (payload.size() > kPayloadBytesMax) {
    return base::fail(
        base::Error{.code = base::Code::InvalidArgument,
                    .what = fmt::format("a frame of {} is longer than the log takes ({})",
                                        base::format_size(payload.size()), base::format_size(kPayloadBytesMax)),
                    .where = state_->path,
                    .likely = {"a mistake in the program: one interval cannot be that large"},
                    .try_next = {"please report it"}});
  }
  const std::scoped_lock lock(state_->mutex);
  State& s = *state_;
  if (s.failure) return base::fail(*s.failure);
  if (s.closing) return base::fail(closed(s.path));
  const std::size_t waiting = s.pending.size() + s.in_flight_bytes;
  if (waiting + kFrameHeaderBytes + payload.size() > s.options.bytes_max) {
    return base::fail(buffer_full(s.path, waiting, s.options.bytes_max));
  }
  if (s.pending.empty()) {
    s.pending_since = base::now();
    s.work.tell_all();
  }
  const auto header = make_frame_header(type, s.next_number, payload);
  s.pending.insert(s.pending.end(), header.begin(), header.end());
  s.pending.insert(s.pending.end(), payload.begin(), payload.end());
  return s.next_number++;
}

std::size_t SegmentWriter::buffered_bytes() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->pending.size() + state_->in_flight_bytes;
}

async::Task<> SegmentWriter::sync(async::Deadline deadline) { return sync_state(state_, deadline); }

// shared because the task, and a call that was abandoned, outlive a close() that gave up on a hanging disk
async::Task<> SegmentWriter::sync_state(std::shared_ptr<State> state, async::Deadline deadline) {
  State& s = *state;
  std::unique_lock lock(s.mutex);
  const std::uint64_t wanted = s.next_number;
  if (s.durable < wanted) {
    s.commit_now = true;
    s.work.tell_all();
  }
  while (s.durable < wanted) {
    if (s.failure) co_return base::fail(*s.failure);
    if (s.done) co_return base::fail(closed(s.path));
    async::WaitPoint point = s.progress.enlist();
    lock.unlock();
    const async::Wake wake = co_await point.wait(deadline);
    lock.lock();
    if (wake == async::Wake::Woken || s.durable >= wanted) continue;
    if (wake == async::Wake::Cancelled) co_return base::fail(async::cancelled("waiting for the log of results"));
    const std::uint64_t waiting = wanted - s.durable;
    co_return base::fail(slow_disk(s.path, "the log of results was not durable in time", waiting));
  }
  co_return base::Result<void>();
}

async::Task<> SegmentWriter::close(async::Deadline deadline) {
  State& s = *state_;
  {
    const std::lock_guard lock(s.mutex);
    s.closing = true;
    s.work.tell_all();
  }
  // A disk that was given up once is not waited for again.
  if (commits_) {
    async::JoinHandle<void> commits = std::move(*commits_);
    commits_.reset();
    static_cast<void>(co_await commits.wait(deadline));
  }
  const std::lock_guard lock(s.mutex);
  if (s.failure) co_return base::fail(*s.failure);
  const std::uint64_t waiting = s.next_number - s.durable;
  if (waiting > 0 || !s.done)
    co_return base::fail(slow_disk(s.path, "the log of results could not be closed in time", waiting));
  co_return base::Result<void>();
}

const std::string& SegmentWriter::path() const { return state_->path; }

std::uint64_t SegmentWriter::durable_frames() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->durable;
}

}  // namespace sluice::journal
