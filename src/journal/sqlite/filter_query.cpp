#include "journal/sqlite/filter_query.hpp"

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "journal/sqlite/block_rows.hpp"
#include "journal/sqlite/json_array.hpp"
#include "journal/sqlite/target_matching.hpp"

namespace sluice::journal {

namespace {

std::int64_t bounded(std::uint64_t number) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(number, static_cast<std::uint64_t>(kMax)));
}

/// Kinds that are few in any history; an index holds them.
bool are_events(const std::vector<BlockKind>& kinds) {
  return !kinds.empty() && std::ranges::none_of(kinds, [](BlockKind kind) {
    return kind == BlockKind::Interval || kind == BlockKind::Records;
  });
}

}  // namespace

FilterQuery& FilterQuery::add(std::string_view piece) {
  text_ += piece;
  return *this;
}

FilterQuery& FilterQuery::add(std::string_view piece, Value value) {
  values_.push_back(std::move(value));
  return add(piece);
}

base::Result<FilterQuery> FilterQuery::of_blocks(Connection& connection, const ReadRequest& request) {
  FilterQuery query;
  query.add("SELECT ").add(kHeaderColumns).add(kBlockColumns).add(" FROM blocks b ");
  // Always in the order of seq: by any other index all rows would be sorted before the first one.
  query.add(are_events(request.filter.kinds) ? "INDEXED BY blocks_of_events" : "NOT INDEXED");
  query.add(" LEFT JOIN payloads y ON y.seq = b.seq WHERE b.seq > ?", bounded(request.after));
  query.add(" AND b.seq <= ?", bounded(request.to));
  SLUICE_CHECK(query.add_block_conditions(connection, request.filter));
  query.add(request.newest_first ? " ORDER BY b.seq DESC" : " ORDER BY b.seq");
  return query;
}

base::Result<FilterQuery> FilterQuery::of_records(Connection& connection, const NotableRequest& request) {
  FilterQuery query;
  query.add("SELECT ").add(kHeaderColumns);
  query.add(", n.record, n.operation, n.status, n.end_ns, n.latency_ns, n.bytes, n.target, n.detail FROM blocks b ");
  query.add(are_events(request.filter.kinds) ? "INDEXED BY blocks_of_events" : "NOT INDEXED");
  query.add(" CROSS JOIN notable n ON n.seq = b.seq WHERE b.seq >= ?", bounded(request.after_seq));
  query.add(" AND b.seq <= ?", bounded(request.to));
  query.add(" AND (b.seq > ?", bounded(request.after_seq)).add(" OR n.record > ?)", request.after_index);
  SLUICE_CHECK(query.add_block_conditions(connection, request.filter));
  query.add_record_conditions(request.filter);
  query.add(request.slowest_first ? " ORDER BY n.latency_ns DESC, b.seq, n.record" : " ORDER BY b.seq, n.record");
  query.add(" LIMIT ?", bounded(request.records_max));
  return query;
}

base::Result<void> FilterQuery::add_block_conditions(Connection& connection, const Filter& filter) {
  SLUICE_CHECK(add_parties(connection, filter));
  add_header_conditions(filter);
  add_zone_conditions(filter);
  return add_fences(connection, filter);
}

base::Result<void> FilterQuery::add_parties(Connection& connection, const Filter& filter) {
  if (filter.runs.empty() && filter.parties.empty()) return {};
  const std::unordered_set<std::string> runs(filter.runs.begin(), filter.runs.end());
  const std::unordered_set<std::string> parties(filter.parties.begin(), filter.parties.end());
  SLUICE_TRY(const auto* all, connection.parties().all(connection));
  std::vector<std::int64_t> wanted;
  for (const auto& [number, key] : *all) {
    if (!runs.empty() && !runs.contains(key.run)) continue;
    if (parties.empty() || parties.contains(key.party)) wanted.push_back(number);
  }
  is_empty_ = wanted.empty();
  if (is_empty_) return {};
  const std::string array = array_of(wanted);
  // Behind the newest row of heads their blocks may stand anywhere.
  SLUICE_TRY(Statement select,
             connection.prepare(
                 "WITH wanted AS (SELECT value AS party FROM json_each(?)) "
                 "SELECT coalesce(min(p.seq_min), 1), max(coalesce(max(h.last_seq), 0), coalesce("
                 "(SELECT max(b.seq) FROM blocks b WHERE b.seq > coalesce((SELECT max(last_seq) FROM heads), 0) "
                 "AND b.party IN (SELECT party FROM wanted)), 0)) "
                 "FROM wanted JOIN party_ids p ON p.id = wanted.party LEFT JOIN heads h ON h.party = p.id"));
  SLUICE_CHECK(select.bind_text(array).step());
  // A run's blocks stand together: this is what makes it quick to find one in a long history.
  add(" AND b.seq >= ?", select.integer(0)).add(" AND b.seq <= ?", select.integer(1));
  add(" AND b.party IN (SELECT value FROM json_each(?))", array);
  return {};
}

void FilterQuery::add_header_conditions(const Filter& filter) {
  if (!filter.stages.empty()) add(" AND b.stage IN (SELECT value FROM json_each(?))", array_of(filter.stages));
  if (!filter.kinds.empty()) add(" AND b.kind IN (SELECT value FROM json_each(?))", array_of(filter.kinds));
  if (are_events(filter.kinds)) add(" AND b.kind NOT IN (3, 7)");  // as the index says it
  if (filter.operations != 0) add(" AND b.operations & ? <> 0", std::int64_t{filter.operations});
  if (!filter.time_ns.is_all()) {
    add(" AND b.to_ns >= ?", filter.time_ns.min).add(" AND b.from_ns <= ?", filter.time_ns.max);
  }
}

void FilterQuery::add_zone_conditions(const Filter& filter) {
  if (filter.statuses != 0) add(" AND (b.records IS NULL OR b.statuses & ? <> 0)", std::int64_t{filter.statuses});
  if (!filter.latency_ns.is_all()) {
    add(" AND (b.records IS NULL OR b.latency_ns_max >= ?", filter.latency_ns.min);
    add(" AND b.latency_ns_min <= ?)", filter.latency_ns.max);
  }
  if (!filter.bytes.is_all()) {
    add(" AND (b.records IS NULL OR b.bytes_max >= ?", bounded(filter.bytes.min));
    add(" AND b.bytes_min <= ?)", bounded(filter.bytes.max));
  }
}

void FilterQuery::add_record_conditions(const Filter& filter) {
  if (filter.operations != 0) add(" AND (1 << n.operation) & ? <> 0", std::int64_t{filter.operations});
  if (filter.statuses != 0) add(" AND n.status & ? <> 0", std::int64_t{filter.statuses});
  if (!filter.time_ns.is_all()) {
    add(" AND n.end_ns >= ?", filter.time_ns.min).add(" AND n.end_ns <= ?", filter.time_ns.max);
  }
  if (!filter.latency_ns.is_all()) {
    add(" AND n.latency_ns >= ?", filter.latency_ns.min).add(" AND n.latency_ns <= ?", filter.latency_ns.max);
  }
  if (!filter.bytes.is_all()) {
    add(" AND n.bytes >= ?", bounded(filter.bytes.min)).add(" AND n.bytes <= ?", bounded(filter.bytes.max));
  }
  if (!filter.targets.empty()) add(" AND sluice_matches(?, n.target)", &filter.targets);
}

base::Result<void> FilterQuery::add_fences(Connection& connection, const Filter& filter) {
  if (filter.with_superseded) return {};
  SLUICE_TRY(const std::int64_t has_fences, connection.number("SELECT EXISTS (SELECT 1 FROM fences)"));
  if (has_fences == 0) return {};
  add(" AND NOT EXISTS (SELECT 1 FROM party_ids p JOIN fences f ON f.run = p.run AND f.attempt = p.attempt "
      "WHERE p.id = b.party AND f.stage = b.stage)");
  return {};
}

base::Result<Statement> FilterQuery::prepare(Connection& connection) const {
  SLUICE_TRY(Statement statement, connection.prepare(text_));
  for (const Value& value : values_) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      statement.bind(*number);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      statement.bind_text(*text);
    } else {
      statement.bind_pointer(std::get<const std::vector<TargetMatch>*>(value), kTargetsType);
    }
  }
  return statement;
}

}  // namespace sluice::journal
