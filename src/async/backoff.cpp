#include "async/backoff.hpp"

#include <algorithm>

#include "base/units.hpp"

namespace sluice::async {

namespace {
constexpr std::size_t kEarlierMax = 5;  // the last of them is the error itself
}

std::optional<base::Nanos> Backoff::next(const base::Error& failure) {
  const base::Instant now = base::now();
  if (failures_++ == 0) first_ = now;
  earlier_.push_back(failure.what);
  if (earlier_.size() > kEarlierMax) earlier_.erase(earlier_.begin());
  if (failures_ >= options_.tries_max) return std::nullopt;
  const base::Nanos wait{static_cast<std::int64_t>(random_.unit() * static_cast<double>(step_.count()))};
  const double grown = static_cast<double>(step_.count()) * options_.multiplier;
  step_ = base::Nanos{static_cast<std::int64_t>(std::min(grown, static_cast<double>(options_.max.count())))};
  if (!options_.deadline.is_never() && now + wait >= options_.deadline.when()) return std::nullopt;
  return wait;
}

void Backoff::reset() {
  failures_ = 0;
  step_ = options_.initial;
  earlier_.clear();
}

base::Error Backoff::give_up(base::Error last) const {
  last.chain.push_back("given up after " + base::format_count(failures_) + (failures_ == 1 ? " try" : " tries") +
                       " in " + base::format_duration(base::now() - first_));
  for (std::size_t i = earlier_.size(); i-- > 1;) last.chain.push_back("before that: " + earlier_[i - 1]);
  return last;
}

}  // namespace sluice::async
