#include "journal/postgres/where.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

namespace sluice::journal::postgres {

namespace {

template <class T>
std::vector<std::int64_t> numbers_of(const std::vector<T>& values) {
  std::vector<std::int64_t> numbers;
  numbers.reserve(values.size());
  for (const T value : values) numbers.push_back(static_cast<std::int64_t>(value));
  return numbers;
}

}  // namespace

std::int64_t clamped(std::uint64_t value) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(value, static_cast<std::uint64_t>(kMax)));
}

void Where::add_blocks(const Filter& filter) {
  if (!filter.runs.empty()) add(" AND p.run = ANY({})", std::span(filter.runs));
  if (!filter.parties.empty()) add(" AND p.party = ANY({})", std::span(filter.parties));
  if (!filter.stages.empty()) add(" AND b.stage = ANY({})", std::span<const std::int64_t>(numbers_of(filter.stages)));
  if (!filter.kinds.empty()) add(" AND b.kind = ANY({})", std::span<const std::int64_t>(numbers_of(filter.kinds)));
  if (filter.operations != 0) add(" AND b.operations & {} <> 0", std::int64_t{filter.operations});
  if (!filter.time_ns.is_all()) {
    add(" AND b.to_ns >= {} AND b.from_ns <= {}", filter.time_ns.min, filter.time_ns.max);
  }
  add_zone(filter);
  if (!filter.with_superseded) {
    add(" AND NOT EXISTS (SELECT 1 FROM sluice.fences f"
        " WHERE f.run = p.run AND f.stage = b.stage AND f.attempt = p.attempt)");
  }
}

void Where::add_zone(const Filter& filter) {
  constexpr std::string_view kNone = " AND (b.zone_records IS NULL OR ";
  if (filter.statuses != 0) add(std::string(kNone) + "b.zone_statuses & {} <> 0)", std::int64_t{filter.statuses});
  if (!filter.latency_ns.is_all()) {
    add(std::string(kNone) + "(b.zone_latency_ns_max >= {} AND b.zone_latency_ns_min <= {}))", filter.latency_ns.min,
        filter.latency_ns.max);
  }
  if (!filter.bytes.is_all()) {
    add(std::string(kNone) + "(b.zone_bytes_max >= {} AND b.zone_bytes_min <= {}))", clamped(filter.bytes.min),
        clamped(filter.bytes.max));
  }
}

void Where::add_records(const Filter& filter) {
  if (filter.operations != 0) add(" AND (1::bigint << n.operation::int) & {} <> 0", std::int64_t{filter.operations});
  if (filter.statuses != 0) add(" AND n.status & {} <> 0", std::int64_t{filter.statuses});
  if (!filter.time_ns.is_all()) add(" AND n.end_ns BETWEEN {} AND {}", filter.time_ns.min, filter.time_ns.max);
  if (!filter.latency_ns.is_all()) {
    add(" AND n.latency_ns BETWEEN {} AND {}", filter.latency_ns.min, filter.latency_ns.max);
  }
  if (!filter.bytes.is_all()) {
    add(" AND n.bytes BETWEEN {} AND {}", clamped(filter.bytes.min), clamped(filter.bytes.max));
  }
  add_targets(filter);
}

void Where::add_targets(const Filter& filter) {
  if (filter.targets.empty()) return;
  std::vector<std::string> whole, beginnings;
  for (const TargetMatch& target : filter.targets) (target.is_prefix ? beginnings : whole).push_back(target.text);
  add(" AND (n.target = ANY({}) OR EXISTS (SELECT 1 FROM unnest({}) AS beginning"
      " WHERE substring(n.target FROM 1 FOR length(beginning)) = beginning))",
      std::span<const std::string>(whole), std::span<const std::string>(beginnings));
}

void Where::add_seqs(std::string_view column, std::uint64_t after, std::uint64_t to) {
  add(" AND " + std::string(column) + " > {}", clamped(after));
  add(" AND " + std::string(column) + " <= {}", clamped(to));
}

}  // namespace sluice::journal::postgres
