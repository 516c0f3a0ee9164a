#include "journal/tiers/backend.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "async/errors.hpp"

namespace sluice::journal {

base::Result<void> CallBounds::check(std::string_view what) const {
  if (cancel.is_cancelled()) return base::fail(async::cancelled(what));
  if (deadline.has_passed()) {
    return base::fail(base::Code::DeadlineExceeded, std::string(what) + " did not end before its deadline");
  }
  return {};
}

void add_number(std::vector<SeqRange>& ranges, std::uint64_t number) {
  if (!ranges.empty() && ranges.back().last + 1 == number) {
    ranges.back().last = number;
  } else {
    ranges.push_back({number, number});
  }
}

void put_in_order(std::vector<SeqRange>& ranges) {
  std::ranges::sort(ranges, {}, &SeqRange::first);
  std::vector<SeqRange> joined;
  for (const SeqRange& range : ranges) {
    if (!joined.empty() && joined.back().last + 1 == range.first) {
      joined.back().last = range.last;
    } else {
      joined.push_back(range);
    }
  }
  ranges = std::move(joined);
}

bool is_slower(const FoundRecord& a, const FoundRecord& b) {
  return std::tie(b.record.latency_ns, a.block.seq, a.record.index) <
         std::tie(a.record.latency_ns, b.block.seq, b.record.index);
}

}  // namespace sluice::journal
