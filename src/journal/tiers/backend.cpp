#include "journal/tiers/backend.hpp"

#include <tuple>

#include "async/errors.hpp"

namespace sluice::journal {

base::Result<void> CallBounds::check(std::string_view what) const {
  if (cancel.is_cancelled()) return base::fail(async::cancelled(what));
  if (deadline.has_passed()) {
    return base::fail(base::Code::DeadlineExceeded, std::string(what) + " did not end before its deadline");
  }
  return {};
}

bool is_slower(const FoundRecord& a, const FoundRecord& b) {
  return std::tie(b.record.latency_ns, a.block.seq, a.record.index) <
         std::tie(a.record.latency_ns, b.block.seq, b.record.index);
}

}  // namespace sluice::journal
