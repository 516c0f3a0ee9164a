#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "async/errors.hpp"
#include "async/runtime.hpp"
#include "async/timing.hpp"

namespace sluice::app {

/// How many steps a call has made that may hang in any of them. Any thread.
using Steps = std::atomic<std::uint64_t>;

namespace detail {

template <class T>
async::Task<> until_done_or_stuck(const async::JoinHandle<T>& call,  // outlives: the caller blocks on this
                                  std::shared_ptr<Steps> steps,      // shared because a call left behind makes steps
                                  base::Nanos patience, std::function<void()> tell) {
  constexpr base::Nanos kLookMax{50'000'000}, kTellAfter{2'000'000'000};
  base::Nanos look{500'000};
  std::uint64_t seen = steps->load();
  base::Instant moved = base::now();
  while (!call.is_done()) {
    SLUICE_CO_CHECK(co_await async::pause_until(async::Deadline::in(look)));
    look = std::min(2 * look, kLookMax);
    if (const std::uint64_t now = steps->load(); now != seen) {
      seen = now;
      moved = base::now();
      continue;
    }
    const base::Nanos still = base::now() - moved;
    if (still >= patience) co_return base::fail(async::deadline_exceeded("the call", patience));
    if (still >= kTellAfter && tell) std::exchange(tell, nullptr)();
  }
  co_return base::Result<void>();
}

}  // namespace detail

/// Makes `work(Steps&)` on a blocking thread and waits on the calling one, which is of no loop, for as long as it
/// moves: a call of the disk that takes minutes is fine, one that hangs is not. Errors: of the work; DeadlineExceeded
/// where no step came for `patience`: then it is left behind, and what it uses has to stay until the process ends.
/// `tell` is called once when none has come for 2 s, on a loop thread.
template <class Work, class T = std::invoke_result_t<Work, Steps&>::value_type>
base::Result<T> while_it_moves(async::Runtime& runtime, const std::string& name, base::Nanos patience,
                               std::function<void()> tell, Work work) {
  // shared because a call that was left behind still makes steps
  const auto steps = std::make_shared<Steps>(0);
  async::JoinHandle<T> call = runtime.executor().spawn(
      name, runtime.blocking().run(
                name, [work = std::move(work), steps]() mutable { return work(*steps); }, async::Deadline::never()));
  auto ended = runtime.executor().block_on(detail::until_done_or_stuck(call, steps, patience, std::move(tell)));
  base::Result<T> result = call.join(async::Deadline::at(base::now()));
  if (!ended && !result) return base::fail(std::move(ended).error());
  return result;
}

}  // namespace sluice::app
