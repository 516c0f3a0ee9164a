#pragma once

#include <boost/asio/awaitable.hpp>

#include "async/yield_budget.hpp"

namespace sluice::async {

/// `co_await yield_turn(budget);` once an operation, in every coroutine loop whose awaits may complete at once. Where
/// the budget is spent the coroutine goes to the end of its executor's queue, and has a fresh budget when it comes
/// back; else it goes on without suspending (about 20 ns). Not an end of the loop: look at your cancel token, too.
boost::asio::awaitable<void> yield_turn(YieldBudget& budget,  // outlives: the caller awaits this
                                        std::uint32_t completions = 1);

}  // namespace sluice::async
