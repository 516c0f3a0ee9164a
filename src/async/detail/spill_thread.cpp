#include "async/detail/spill_thread.hpp"

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/assert.hpp"

namespace sluice::async::detail {

/// Without frames it is for what is to be read back.
struct SpillThread::Request {
  // shared because a disk that hangs may hold the frames for longer than the queue lives
  std::shared_ptr<const FrameQueue::SpillBatch> batch;
  SpillDevice::Extent extent;

  Answer answered_by(SpillDevice& device) const {
    if (batch == nullptr) return device.take(extent);
    std::vector<std::string_view> records;
    records.reserve(batch->frames.size());
    for (const Frame& frame : batch->frames) records.push_back(frame.bytes);
    return device.append(records);
  }
  Answer failed_with(base::Error why) const {
    if (batch == nullptr) return Taken(base::fail(std::move(why)));
    return Appended(base::fail(std::move(why)));
  }
};

struct SpillThread::State {
  const MakeDevice make;
  const int event;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Request> request;
  std::optional<Answer> answer;
  bool stops = false, has_ended = true;  ///< as long as there is no thread

  State(MakeDevice maker, int descriptor) : make(std::move(maker)), event(descriptor) {}
  ~State() {
    if (event >= 0) ::close(event);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void post(Answer what) {
    answer = std::move(what);
    const std::uint64_t one = 1;
    (void)::write(event, &one, sizeof one);  // cannot fail but by being full, and then it is signalled
  }
};

SpillThread::SpillThread(MakeDevice make, int event)
    // shared because a thread that a disk holds outlives this object
    : state_(std::make_shared<State>(std::move(make), ::fcntl(event, F_DUPFD_CLOEXEC, 3))) {}

SpillThread::~SpillThread() { end(Deadline::at({0})); }

// shared because a disk that hangs may hold the frames for longer than the queue lives
void SpillThread::append(std::shared_ptr<const FrameQueue::SpillBatch> batch) {
  ask({.batch = std::move(batch), .extent = {}});
}

void SpillThread::take(const SpillDevice::Extent& extent) { ask({.batch = nullptr, .extent = extent}); }

void SpillThread::ask(Request request) {
  const base::Result<void> started = start();
  const std::lock_guard lock(state_->mutex);
  SLUICE_DEBUG_ASSERT(!state_->request && !state_->answer);
  if (!started) return state_->post(request.failed_with(started.error()));
  state_->request = std::move(request);
  state_->changed.notify_all();
}

base::Result<void> SpillThread::start() {
  if (thread_.joinable()) return {};
  if (state_->event < 0) {  // nobody would hear of an answer
    return base::fail({.code = base::Code::ResourceExhausted,
                       .what = "cannot watch over output that waits",
                       .where = "the copy of an eventfd",
                       .likely = {"the process has too many files open"},
                       .try_next = {"raise the limit of open files (ulimit -n)"}});
  }
  try {
    state_->has_ended = false;  // nobody else looks yet
    thread_ = std::thread([state = state_] {
      pthread_setname_np(pthread_self(), "spill");
      run(*state);
    });
  } catch (const std::system_error& error) {
    state_->has_ended = true;
    return base::fail(base::from_errno(error.code().value(), "cannot start a thread for output that waits"));
  }
  return {};
}

void SpillThread::run(State& state) {
  std::unique_ptr<SpillDevice> device = state.make();
  std::unique_lock lock(state.mutex);
  while (true) {
    state.changed.wait(lock, [&] { return state.stops || state.request; });
    if (state.stops || !state.request) break;
    Request request = std::move(*state.request);
    state.request.reset();
    lock.unlock();
    Answer answer = request.answered_by(*device);
    request.batch.reset();  // before the answer: who asked may change the frames then
    lock.lock();
    state.post(std::move(answer));
  }
  lock.unlock();
  device.reset();  // closing a file may wait for the disk
  lock.lock();
  state.has_ended = true;
  state.changed.notify_all();
}

std::optional<SpillThread::Answer> SpillThread::answer() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->answer, std::nullopt);
}

bool SpillThread::end(Deadline deadline) {
  if (!thread_.joinable()) return true;
  std::unique_lock lock(state_->mutex);
  state_->stops = true;
  state_->changed.notify_all();
  state_->changed.wait_until(lock, base::to_chrono(deadline.when()), [this] { return state_->has_ended; });
  const bool has_ended = state_->has_ended;
  lock.unlock();
  if (has_ended) {
    thread_.join();
  } else {
    // tidy-allow: detach because the thread is in a call that the disk holds; it shares nothing but its state
    thread_.detach();
  }
  return has_ended;
}

}  // namespace sluice::async::detail
