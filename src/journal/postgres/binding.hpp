#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct pg_result;  // libpq's PGresult

namespace sluice::journal::postgres {

/// Values of a statement's $1, $2, ..., in PostgreSQL's binary format: nothing is quoted, and nothing of them is read
/// as SQL.
class Params {
 public:
  /// Each adds one, as bigint where it is a number, and returns its number, from 1.
  std::size_t add(std::int64_t value);
  std::size_t add_bytes(std::string_view value);
  std::size_t add(std::span<const std::int64_t> values);       ///< bigint[]
  std::size_t add(std::span<const std::string> values);        ///< bytea[]
  std::size_t add_texts(std::span<const std::string> values);  ///< text[]

  int count() const { return static_cast<int>(values_.size()); }
  const std::vector<unsigned>& types() const { return types_; }
  const std::vector<std::string>& values() const { return values_; }

 private:
  std::size_t add_value(unsigned type, std::string value);

  std::vector<unsigned> types_;
  std::vector<std::string> values_;
};

/// What a statement returned. Views live as long as it does.
class Rows {
 public:
  Rows() = default;
  /// Takes it over.
  explicit Rows(pg_result* result) : result_(result) {}

  /// How many there are.
  int count() const;
  bool is_null(int row, int column) const;
  /// Of smallint, integer, bigint, and in the binary format boolean; 0 where it is null.
  std::int64_t i64(int row, int column) const;
  std::uint64_t u64(int row, int column) const { return static_cast<std::uint64_t>(i64(row, column)); }
  /// Of text and bytea.
  std::string_view bytes(int row, int column) const;

 private:
  struct Free {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Free> result_;
};

// Rows of COPY ... FROM STDIN WITH (FORMAT binary), as text to be sent.
void put_copy_begin(std::string& out);
void put_copy_row(std::string& out, std::int16_t fields);
void put_copy_field(std::string& out, std::int64_t value);
void put_copy_field(std::string& out, std::string_view bytes);
void put_copy_null(std::string& out);
void put_copy_end(std::string& out);

}  // namespace sluice::journal::postgres
