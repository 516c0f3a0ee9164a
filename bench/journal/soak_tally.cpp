#include "soak_tally.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sluice::journal {

namespace {

constexpr const char* kNames[kCalls] = {"append", "read", "stream", "follow", "change"};

/// Deadlines pass, callers cancel, journals close, databases go away, bounds are reached, blocks are taken out.
bool is_expected(base::Code code) {
  switch (code) {
    case base::Code::NotFound:
    case base::Code::Unavailable:
    case base::Code::DeadlineExceeded:
    case base::Code::Cancelled:
    case base::Code::Terminated:
    case base::Code::ResourceExhausted: return true;
    case base::Code::InvalidArgument:
    case base::Code::PermissionDenied:
    case base::Code::Unauthenticated:
    case base::Code::Corrupt:
    case base::Code::Unsupported:
    case base::Code::Internal: return false;
  }
  return false;
}

}  // namespace

void Tally::note(Call call, const base::Error* error, base::Instant deadline) {
  const base::Nanos overrun = base::now() - deadline;
  {
    const std::lock_guard lock(mutex_);
    CallEnds& ends = ends_[static_cast<std::size_t>(call)];
    ends.overrun_max = std::max(ends.overrun_max, overrun);
    ++(error == nullptr ? ends.done : ends.failed);
    if (error != nullptr) ++ends.codes[error->code];
  }
  if (error != nullptr && !is_expected(error->code)) {
    wrong(fmt::format("{}: {}", kNames[static_cast<std::size_t>(call)], to_text(*error)));
  }
}

void Tally::wrong(std::string what) {
  const std::lock_guard lock(mutex_);
  ++wrongs_count_;
  if (wrongs_.size() < kWrongsMax) wrongs_.push_back(std::move(what));
}

CallEnds Tally::of(Call call) const {
  const std::lock_guard lock(mutex_);
  return ends_[static_cast<std::size_t>(call)];
}

std::vector<std::string> Tally::wrongs() const {
  const std::lock_guard lock(mutex_);
  return wrongs_;
}

std::uint64_t Tally::wrongs_count() const {
  const std::lock_guard lock(mutex_);
  return wrongs_count_;
}

}  // namespace sluice::journal
