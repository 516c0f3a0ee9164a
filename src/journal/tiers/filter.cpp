#include "journal/tiers/filter.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace sluice::journal {

namespace {

template <class T>
bool is_in(const std::vector<T>& set, const T& value) {
  return set.empty() || std::ranges::find(set, value) != set.end();
}

base::Error refused(std::string what) {
  return {.code = base::Code::InvalidArgument,
          .what = std::move(what),
          .where = "the filter",
          .try_next = {"give the smaller value first, and leave out what is not meant"}};
}

template <class T>
base::Result<void> check_range(std::string_view name, const Range<T>& range) {
  if (range.min > range.max) {
    return base::fail(refused(fmt::format("{} from {} to {} is no range", name, range.min, range.max)));
  }
  return {};
}

template <class T>
base::Result<void> check_size(std::string_view name, const std::vector<T>& set) {
  if (set.size() <= kFilterValuesMax) return {};
  return base::fail(refused(fmt::format("{} {} are more than {}", set.size(), name, kFilterValuesMax)));
}

}  // namespace

base::Result<void> Filter::check() const {
  SLUICE_CHECK(check_range("time", time_ns));
  SLUICE_CHECK(check_range("latency", latency_ns));
  SLUICE_CHECK(check_range("size", bytes));
  SLUICE_CHECK(check_size("runs", runs));
  SLUICE_CHECK(check_size("parties", parties));
  SLUICE_CHECK(check_size("stages", stages));
  SLUICE_CHECK(check_size("kinds", kinds));
  SLUICE_CHECK(check_size("targets", targets));
  constexpr auto kNumberMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (bytes.min > kNumberMax || (bytes.max > kNumberMax && bytes.max != Range<std::uint64_t>{}.max)) {
    return base::fail(refused(fmt::format("a size of more than {} bytes", kNumberMax)));
  }
  return {};
}

bool Filter::may_match(const BlockHeader& header) const {
  if (!is_in(runs, header.party.run) || !is_in(parties, header.party.party) || !is_in(kinds, header.kind)) return false;
  if (!stages.empty() && (!header.stage || !is_in(stages, *header.stage))) return false;
  if (operations != 0 && (operations & header.operations) == 0) return false;
  if (header.to_ns < time_ns.min || header.from_ns > time_ns.max) return false;
  if (!header.zone) return true;
  const ZoneMap& zone = *header.zone;
  if (statuses != 0 && (statuses & zone.statuses) == 0) return false;
  if (zone.latency_ns_max < latency_ns.min || zone.latency_ns_min > latency_ns.max) return false;
  return zone.bytes_max >= bytes.min && zone.bytes_min <= bytes.max;
}

bool Filter::matches(const BlockHeader& header, const NotableRecord& record) const {
  if (!may_match(header)) return false;
  if (operations != 0 && (operations & operation_bit(record.operation)) == 0) return false;
  if (statuses != 0 && (statuses & record.status) == 0) return false;
  if (!time_ns.has(record.end_ns) || !latency_ns.has(record.latency_ns) || !bytes.has(record.bytes)) return false;
  return targets.empty() ||
         std::ranges::any_of(targets, [&](const TargetMatch& one) { return one.has(record.target); });
}

}  // namespace sluice::journal
