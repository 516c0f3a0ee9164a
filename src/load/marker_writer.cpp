#include "load/marker_writer.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace sluice::load {

namespace {

/// How often a stop is looked for while a write is awaited.
constexpr base::Nanos kLook{50'000'000};

}  // namespace

/// One write, as the stage's thread sees it.
struct MarkerWriter::Write {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<base::Result<void>> result;  ///< under the mutex; when it has ended
};

// shared because a write that was given up still touches the context
MarkerWriter::MarkerWriter(std::shared_ptr<RunContext> context, StageControl& control)
    : context_(std::move(context)), control_(control), pool_({.threads_max = 1, .queue_max = 1, .name = "marker"}) {}

base::Result<void> MarkerWriter::start(const Place& base, std::string name, std::string text) {
  auto write = std::make_shared<Write>();  // shared because a write that was given up still says that it has ended
  last_ = write;
  return pool_.begin("writing the marker of a dataset",
                     [context = context_, backend = base.backend, name = std::move(name), text = std::move(text),
                      write = std::move(write)] {
                       base::Result<void> result = backend->write_small(name, text);
                       std::lock_guard lock(write->mutex);
                       write->result = std::move(result);
                       write->changed.notify_all();
                     });
}

base::Result<void> MarkerWriter::wait() {
  if (last_ == nullptr) return {};
  const base::Instant limit = base::now() + context_->plan.drain_timeout;
  std::unique_lock lock(last_->mutex);
  std::optional<base::Result<void>>& result = last_->result;
  for (;;) {
    if (result) return std::exchange(*result, {});
    const base::Instant t = base::now();
    const base::Instant until = std::min(limit, control_.drain_until());
    if (is_given_up_ || t >= until) {
      if (!std::exchange(is_given_up_, true)) ++context_->abandoned;
      base::Error error{.code = base::Code::DeadlineExceeded,
                        .what = "writing the marker of a dataset did not return within the drain timeout",
                        .where = context_->plan.target};
      return base::fail(std::move(error)
                            .add_likely("the storage does not answer: a hung mount, a dead server")
                            .add_try("ps -eLo state,wchan:32,comm | grep '^D': what do they wait for?"));
    }
    last_->changed.wait_until(lock, base::to_chrono(std::min(until, t + kLook)));
  }
}

base::Result<void> MarkerWriter::write(const Place& base, std::string name, std::string text) {
  // One that failed on its way is made good by this one; one that hangs is not.
  if (auto before = wait(); !before && before.error().code == base::Code::DeadlineExceeded) return before;
  SLUICE_CHECK(start(base, std::move(name), std::move(text)));
  return wait();
}

bool MarkerWriter::begin(const Place& base, std::string name, std::string text) {
  if (last_ != nullptr) {
    std::lock_guard lock(last_->mutex);
    if (!last_->result) return false;
  }
  return start(base, std::move(name), std::move(text)).has_value();
}

}  // namespace sluice::load
