#include "async/yield_turn.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice::async {

boost::asio::awaitable<void> yield_turn(YieldBudget& budget, std::uint32_t completions) {
  if (!budget.spent(completions)) co_return;
#ifndef __clang_analyzer__  // it takes Asio's pointer to the awaitable that resumes for undefined
  co_await boost::asio::post(boost::asio::use_awaitable);
#endif
  budget.renew(base::now());
}

}  // namespace sluice::async
