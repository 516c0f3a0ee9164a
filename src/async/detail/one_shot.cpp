#include "async/detail/one_shot.hpp"

#include <algorithm>
#include <climits>
#include <ctime>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::async::detail {

namespace {

/// FUTEX_WAIT_BITSET takes an absolute time on CLOCK_MONOTONIC; see futex(2).
long futex(const std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* until) {
  return syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, until, nullptr, FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t seen, Deadline deadline) {
  if (deadline.is_never()) {
    futex(word, FUTEX_WAIT_BITSET, seen, nullptr);
    return;
  }
  const std::int64_t ns = std::max<std::int64_t>(deadline.when().ns, 0);
  const timespec until{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  futex(word, FUTEX_WAIT_BITSET, seen, &until);
}

void futex_wake_all(const std::atomic<std::uint32_t>& word) { futex(word, FUTEX_WAKE, INT_MAX, nullptr); }

}  // namespace sluice::async::detail
