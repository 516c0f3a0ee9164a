#pragma once

#include <boost/asio/awaitable.hpp>

#include "base/error.hpp"

namespace sluice::async {

/// An asynchronous function: does nothing until it is awaited or given to an Executor, and ends with a Result.
///
/// Cancellation is inherited by everything that a task awaits, and comes back as a Result with the code Cancelled from
/// the leaf that was waiting (sleep_until, Permits::acquire, BlockingPool::run, Channel, JoinHandle::wait, with_deadline).
/// A task that is cancelled is not torn down from outside: it returns. What a leaf of Asio throws (operation_aborted)
/// ends the task and is turned into Cancelled by whoever runs it. Parameters are taken by value, or by a reference that
/// says what it outlives.
template <class T = void>
using Task = boost::asio::awaitable<base::Result<T>>;

}  // namespace sluice::async

/// `SLUICE_CO_TRY(auto x, co_await f());` declares x with the value, or ends the coroutine with the error.
#define SLUICE_CO_TRY(declaration, expression) \
  SLUICE_CO_TRY_IMPL(SLUICE_CONCAT(sluice_co_try_, __LINE__), declaration, expression)
#define SLUICE_CO_TRY_IMPL(name, declaration, expression)             \
  auto name = (expression);                                           \
  if (!name) co_return ::sluice::base::fail(std::move(name).error()); \
  declaration = std::move(*name)

/// `SLUICE_CO_CHECK(co_await f());` for a Task<>: ends the coroutine with its error.
#define SLUICE_CO_CHECK(expression)                                      \
  do {                                                                   \
    if (auto sluice_check = (expression); !sluice_check) {               \
      co_return ::sluice::base::fail(std::move(sluice_check).error());   \
    }                                                                    \
  } while (false)
