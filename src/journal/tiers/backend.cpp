#include "journal/tiers/backend.hpp"

#include "async/errors.hpp"

namespace sluice::journal {

base::Result<void> CallBounds::check(std::string_view what) const {
  if (cancel.is_cancelled()) return base::fail(async::cancelled(what));
  if (deadline.has_passed()) {
    return base::fail(base::Code::DeadlineExceeded, std::string(what) + " did not end before its deadline");
  }
  return {};
}

}  // namespace sluice::journal
