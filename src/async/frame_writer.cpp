#include "async/frame_writer.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "async/detail/frame_pump.hpp"
#include "async/errors.hpp"
#include "async/wait_point.hpp"
#include "base/assert.hpp"

namespace sluice::async {

namespace {

/// The coroutine of write(): it holds what it needs, whatever becomes of the writer.
// shared because the task may outlive the writer
Task<void> write_when_there_is_room(std::shared_ptr<detail::FramePump> pump, FrameSource source, std::string frame,
                                    Deadline deadline) {
  const base::Instant began = base::now();
  WaitPoint point;
  auto waiter = std::make_shared<detail::FrameWaiter>();  // shared because the pump and the task may each leave first
  waiter->source = source;
  waiter->frame = std::move(frame);
  waiter->wake = [waker = point.waker()] { return waker.wake(); };
  SLUICE_CO_TRY(const bool is_taken, pump->put_or_wait(waiter));
  if (is_taken) co_return base::Result<void>{};
  const Wake how = co_await point.wait(deadline);
  const std::string_view what = "a write of a frame";
  co_return pump->end_wait(waiter,
                           how == Wake::Cancelled ? cancelled(what) : deadline_exceeded(what, base::now() - began));
}

/// Signals are for other threads; with SIGPIPE among them, a closed pipe is an errno.
void block_all_signals(sigset_t& before) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
}

}  // namespace

base::Result<std::unique_ptr<FrameWriter>> FrameWriter::create(int descriptor, Options options) {
  SLUICE_TRY(std::unique_ptr<Output> output, Output::open(descriptor, options.name));
  return create(std::move(output), std::move(options));
}

base::Result<std::unique_ptr<FrameWriter>> FrameWriter::create(std::unique_ptr<Output> output, Options options) {
  const std::string name = options.name;
  const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event < 0) return base::fail(base::from_errno(errno, "cannot watch over " + name));
  // shared because a thread that is stuck in a write outlives the writer, and so may tasks in write()
  auto pump = std::make_shared<detail::FramePump>(std::move(options), std::move(output), event);
  std::unique_ptr<FrameWriter> writer(new FrameWriter(pump));
  sigset_t before;
  block_all_signals(before);  // inherited by the new thread from its first moment
  base::Result<void> started;
  try {
    writer->thread_ = std::thread([pump = std::move(pump)] {
      pthread_setname_np(pthread_self(), "frames");
      pump->run();
    });
  } catch (const std::system_error& error) {
    started = base::fail(base::from_errno(error.code().value(), "cannot start the thread of " + name));
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!started) return base::fail(std::move(started).error());
  return writer;
}

// shared because a thread that is stuck in a write outlives this object, and so may tasks in write()
FrameWriter::FrameWriter(std::shared_ptr<detail::FramePump> pump) : pump_(std::move(pump)) {}

FrameWriter::~FrameWriter() {
  if (thread_.joinable()) close(Deadline::in(kLastBound));
}

base::Result<FrameSource> FrameWriter::open_source(std::string name, FramePolicy policy) {
  return pump_->open_source(std::move(name), policy);
}

void FrameWriter::close_source(FrameSource source) { pump_->close_source(source); }

base::Result<void> FrameWriter::put(FrameSource source, std::string frame) {
  return pump_->put(source, std::move(frame));
}

Task<void> FrameWriter::write(FrameSource source, std::string frame, Deadline deadline) {
  return write_when_there_is_room(pump_, source, std::move(frame), deadline);
}

base::Result<void> FrameWriter::write_blocking(FrameSource source, std::string frame, Deadline deadline) {
  return pump_->write_blocking(source, std::move(frame), deadline);
}

bool FrameWriter::flush(Deadline deadline, base::Nanos patience) { return pump_->flush(deadline, patience); }

bool FrameWriter::close(Deadline deadline) {
  SLUICE_ASSERT(thread_.get_id() != std::this_thread::get_id());
  if (!thread_.joinable()) return pump_->finish(Deadline::at({0})).first;
  const auto [is_complete, has_ended] = pump_->finish(deadline);
  if (has_ended) {
    thread_.join();
  } else {
    // tidy-allow: detach because the thread is in a write that the kernel holds; it shares nothing but the pump
    thread_.detach();
  }
  return is_complete;
}

bool FrameWriter::is_closed() const { return pump_->is_closed(); }
std::optional<base::Error> FrameWriter::why_closed() const { return pump_->why_closed(); }

FrameWriterStats FrameWriter::stats() const { return pump_->stats(); }

}  // namespace sluice::async
