#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "journal/sqlite/connection.hpp"
#include "journal/tiers/backend.hpp"

namespace sluice::journal {

/// A statement made of fixed pieces, and the values that are to be bound to it, in order. The pieces depend on which
/// fields of a filter are set, never on what is in them. Refers to the request it was made of.
class FilterQuery {
 public:
  /// The rows `kHeaderColumns, kBlockColumns` of a page; no LIMIT, the caller stops. Inside of a read transaction.
  static base::Result<FilterQuery> of_blocks(Connection& connection, const ReadRequest& request);
  /// The rows `kHeaderColumns`, then those of record_at(), at most `records_max`.
  static base::Result<FilterQuery> of_records(Connection& connection, const NotableRequest& request);

  /// No block can match: there is nothing to ask.
  bool is_empty() const { return is_empty_; }
  const std::string& text() const { return text_; }
  /// The statement with its values, which live in this query.
  base::Result<Statement> prepare(Connection& connection) const;

 private:
  using Value = std::variant<std::int64_t, std::string, const std::vector<TargetMatch>*>;

  FilterQuery& add(std::string_view piece);
  FilterQuery& add(std::string_view piece, Value value);
  base::Result<void> add_parties(Connection& connection, const Filter& filter);
  base::Result<void> add_fences(Connection& connection, const Filter& filter);
  base::Result<void> add_block_conditions(Connection& connection, const Filter& filter);
  void add_header_conditions(const Filter& filter);
  void add_zone_conditions(const Filter& filter);
  void add_record_conditions(const Filter& filter);

  std::string text_;
  std::vector<Value> values_;
  bool is_empty_ = false;
};

}  // namespace sluice::journal
