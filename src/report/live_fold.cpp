#include "report/live_fold.hpp"

#include <algorithm>

namespace sluice::report {

namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kHandOverNs = 100'000'000;
constexpr std::int64_t kStaleNs = 2'000'000'000;

}  // namespace

void LiveFold::Second::clear() {
  number = -1;
  from_ns = INT64_MAX;
  to_ns = 0;
  cpu_s = 0;
  for (model::OpStats& stats : ops) stats.clear();
}

void LiveFold::add(const model::Block& block) {
  if (std::holds_alternative<model::StageStarted>(block)) {
    for (Second& second : seconds_) second.clear();
    seen_.fill(false);
    ops_ = bytes_ = 0;
  } else if (const auto* interval = std::get_if<model::Interval>(&block)) {
    add(*interval);
  }
}

void LiveFold::add(const model::Interval& interval) {
  max_stall_ns_ = std::max(max_stall_ns_, interval.max_stall_ns);
  for (std::size_t i = 0; i < model::kOpKinds; ++i) {
    const model::OpStats& stats = interval.ops[i];
    if (stats.empty()) continue;
    seen_[i] = true;
    ops_ += stats.count;
    bytes_ += stats.bytes;
    errors_ += stats.error_count();
  }

  const std::int64_t number = std::max<std::int64_t>(0, interval.to_ns - 1) / kSecondNs;
  if (number > seconds_[newest_].number) {
    newest_ = 1 - newest_;
    seconds_[newest_].clear();
    seconds_[newest_].number = number;
  }
  for (Second& second : seconds_) {
    if (second.number != number) continue;
    second.from_ns = std::min(second.from_ns, interval.from_ns);
    second.to_ns = std::max(second.to_ns, interval.to_ns);
    second.cpu_s += interval.cpu_user_s + interval.cpu_system_s;
    for (std::size_t i = 0; i < model::kOpKinds; ++i) {
      if (!interval.ops[i].empty()) second.ops[i].merge(interval.ops[i]);
    }
  }
}

const LiveFold::Second* LiveFold::last_complete(std::int64_t elapsed_ns) const {
  const Second& newest = seconds_[newest_];
  const Second& before = seconds_[1 - newest_];
  const bool newest_is_complete = elapsed_ns >= (newest.number + 1) * kSecondNs + kHandOverNs;
  const Second& last = newest_is_complete ? newest : before;
  if (last.number < 0 || elapsed_ns > (last.number + 1) * kSecondNs + kStaleNs) return nullptr;
  return &last;
}

void LiveFold::fill(LiveFrame& frame) const {
  frame.ops = ops_;
  frame.bytes = bytes_;
  frame.errors = errors_;
  frame.max_stall_ns = max_stall_ns_;
  frame.operations.clear();
  const Second* last = last_complete(frame.elapsed.count());
  frame.cpu_cores = 0;
  if (last == nullptr && frame.elapsed.count() < kSecondNs + kHandOverNs) return;  // there was none yet
  const double seconds =
      last == nullptr ? 1.0 : static_cast<double>(std::max<std::int64_t>(1, last->to_ns - last->from_ns)) / 1e9;
  frame.cpu_cores = last == nullptr ? 0.0 : last->cpu_s / seconds;
  for (std::size_t i = 0; i < model::kOpKinds; ++i) {
    if (!seen_[i]) continue;
    LiveOp& op = frame.operations.emplace_back();
    op.kind = static_cast<model::OpKind>(i);
    if (last == nullptr || last->ops[i].count == 0) continue;
    const model::Histogram service = last->ops[i].service();
    op.ops_per_s = static_cast<double>(last->ops[i].count) / seconds;
    op.bytes_per_s = static_cast<double>(last->ops[i].bytes) / seconds;
    op.p50_ns = static_cast<std::int64_t>(service.quantile(0.50));
    op.p99_ns = static_cast<std::int64_t>(service.quantile(0.99));
  }
}

}  // namespace sluice::report
