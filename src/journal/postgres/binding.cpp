#include "journal/postgres/binding.hpp"

#include <charconv>
#include <concepts>
#include <type_traits>

#include <libpq-fe.h>

namespace sluice::journal::postgres {

namespace {

// Of pg_type.dat; they are the same in every server.
constexpr Oid kBytea = 17, kInt8 = 20, kText = 25, kByteaArray = 1001, kTextArray = 1009, kInt8Array = 1016;

/// The highest byte first.
template <std::integral T>
void put(std::string& out, T value) {
  for (int shift = (static_cast<int>(sizeof(T)) - 1) * 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(static_cast<std::make_unsigned_t<T>>(value) >> shift);
  }
}

void put_sized(std::string& out, std::string_view bytes) {
  put(out, static_cast<std::int32_t>(bytes.size()));
  out += bytes;
}

/// One dimension, no nulls, from index 1.
std::string array_head(Oid element, std::size_t count) {
  std::string out;
  put(out, std::int32_t{count == 0 ? 0 : 1});
  put(out, std::int32_t{0});
  put(out, static_cast<std::int32_t>(element));
  if (count != 0) {
    put(out, static_cast<std::int32_t>(count));
    put(out, std::int32_t{1});
  }
  return out;
}

std::string array_of(Oid element, std::span<const std::string> values) {
  std::string out = array_head(element, values.size());
  for (const std::string& value : values) put_sized(out, value);
  return out;
}

}  // namespace

std::size_t Params::add_value(unsigned type, std::string value) {
  types_.push_back(type);
  values_.push_back(std::move(value));
  return values_.size();
}

std::size_t Params::add(std::int64_t value) {
  std::string bytes;
  put(bytes, value);
  return add_value(kInt8, std::move(bytes));
}

std::size_t Params::add_bytes(std::string_view value) { return add_value(kBytea, std::string(value)); }

std::size_t Params::add(std::span<const std::int64_t> values) {
  std::string bytes = array_head(kInt8, values.size());
  for (const std::int64_t value : values) {
    put(bytes, std::int32_t{sizeof value});
    put(bytes, value);
  }
  return add_value(kInt8Array, std::move(bytes));
}

std::size_t Params::add_texts(std::span<const std::string> values) {
  return add_value(kTextArray, array_of(kText, values));
}
std::size_t Params::add(std::span<const std::string> values) {
  return add_value(kByteaArray, array_of(kBytea, values));
}

void Rows::Free::operator()(pg_result* result) const { PQclear(result); }

int Rows::count() const { return result_ ? PQntuples(result_.get()) : 0; }
bool Rows::is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }

std::int64_t Rows::i64(int row, int column) const {
  const std::string_view raw = bytes(row, column);
  if (PQfformat(result_.get(), column) == 0) {
    std::int64_t number = 0;
    std::from_chars(raw.data(), raw.data() + raw.size(), number);
    return number;
  }
  std::uint64_t value = !raw.empty() && (raw.front() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (const char c : raw) value = value << 8 | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(value);
}

std::string_view Rows::bytes(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

void put_copy_begin(std::string& out) {
  using namespace std::string_view_literals;
  out += "PGCOPY\n\377\r\n\0"sv;
  put(out, std::int32_t{0});
  put(out, std::int32_t{0});
}
void put_copy_row(std::string& out, std::int16_t fields) { put(out, fields); }
void put_copy_field(std::string& out, std::int64_t value) {
  put(out, std::int32_t{sizeof value});
  put(out, value);
}
void put_copy_field(std::string& out, std::string_view bytes) { put_sized(out, bytes); }
void put_copy_null(std::string& out) { put(out, std::int32_t{-1}); }
void put_copy_end(std::string& out) { put(out, std::int16_t{-1}); }

}  // namespace sluice::journal::postgres
