#pragma once

#include <cstdint>
#include <optional>

#include "model/summary.hpp"

namespace sluice::report {

/// Operations and bytes a second. Zero where the window is empty.
struct Rates {
  double ops_per_s = 0;
  double bytes_per_s = 0;
};

/// What completed inside the measured window, over the window.
Rates rates_of(const model::OpStats& stats, std::int64_t window_ns);

/// The rates of one size class. Windows are counted per operation, not per class: its share of the operation's rate is
/// its share of the operation's count (and bytes), so the classes add up to the operation.
Rates class_rates_of(const model::OpStats& stats, const model::SizeClassStats& in_class, std::int64_t window_ns);

/// The statistics of `kind` (absent: of all operations) over the load stages together. Warm-up is left out.
model::OpStats load_stats(const model::Summary& summary, std::optional<model::OpKind> kind);

/// The windows of the load stages together, in ns.
std::int64_t load_window_ns(const model::Summary& summary);

/// All operations of one stage together.
model::OpStats all_operations(const model::OpStatsSet& set);

}  // namespace sluice::report
