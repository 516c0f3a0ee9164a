#include "async/errors.hpp"

#include "base/units.hpp"

namespace sluice::async {

base::Error cancelled(std::string_view what) {
  return {.code = base::Code::Cancelled, .what = std::string(what) + " was cancelled"};
}

base::Error terminated(std::string_view what) {
  return {.code = base::Code::Terminated, .what = std::string(what) + " is not there any more: it was shut down"};
}

base::Error deadline_exceeded(std::string_view what, base::Nanos waited) {
  return {.code = base::Code::DeadlineExceeded,
          .what = std::string(what) + " did not end within " + base::format_duration(waited)};
}

base::Error queue_full(std::string_view what, std::size_t queue_max) {
  return {.code = base::Code::ResourceExhausted,
          .what = "the queue of " + std::string(what) + " is full",
          .where = "at most " + std::to_string(queue_max) + " may wait"};
}

base::Error would_deadlock(std::string_view what) {
  return {.code = base::Code::InvalidArgument,
          .what = "a loop thread may not wait for " + std::string(what),
          .likely = {"block_on was called from a task or a callback that runs on a loop"},
          .try_next = {"co_await the task there instead"}};
}

base::Error task_failed(std::string_view what, std::string_view exception) {
  return {.code = base::Code::Internal,
          .what = std::string(what) + " failed by an exception",
          .where = std::string(exception)};
}

}  // namespace sluice::async
