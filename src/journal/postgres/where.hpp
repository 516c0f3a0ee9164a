#pragma once

#include <string>
#include <string_view>

#include "journal/postgres/binding.hpp"
#include "journal/tiers/filter.hpp"

namespace sluice::journal::postgres {

/// A WHERE clause made of fixed pieces; all that a caller gave is bound. Tables are called b (blocks), p (parties) and
/// n (notable).
class Where {
 public:
  /// As Filter::may_match(), and without fenced attempts unless they are wanted.
  void add_blocks(const Filter& filter);
  /// As what Filter::matches() asks of a record.
  void add_records(const Filter& filter);
  /// Numbers beyond those that a database holds are its highest.
  void add_seqs(std::string_view column, std::uint64_t after, std::uint64_t to);
  /// `piece` with every "{}" as the next value's number: "b.seq > {}".
  template <class... Values>
  void add(std::string_view piece, const Values&... values) {
    (next_value(piece, values), ...);
    text_ += piece;
  }

  /// "TRUE AND ...".
  std::string text() const { return "TRUE" + text_; }
  Params& params() { return params_; }

 private:
  template <class Value>
  void next_value(std::string_view& piece, const Value& value) {
    const std::size_t at = piece.find("{}");
    text_ += piece.substr(0, at);
    text_ += '$' + std::to_string(params_.add(value));
    piece.remove_prefix(at + 2);
  }
  void add_zone(const Filter& filter);
  void add_targets(const Filter& filter);

  std::string text_;
  Params params_;
};

/// The highest number that a database holds, for what is higher.
std::int64_t clamped(std::uint64_t value);

}  // namespace sluice::journal::postgres
