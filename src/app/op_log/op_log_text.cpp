#include "app/op_log/op_log_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/held_sum.hpp"
#include "journal/records/notable.hpp"
#include "report/plain_text.hpp"

namespace sluice::app {

namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

constexpr auto kColumns = std::to_array<std::string_view>(
    {"idx", "thread", "op", "client_id", "n_objects", "bytes", "endpoint", "file", "error", "start", "first_byte",
     "end", "duration_ns", "intended", "offset", "tries", "stage_index", "stage"});

template <class Number>
void put_number(Number number, std::string& out) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

/// "GET": what the name is in other tools; names are letters.
void put_verb(model::OpKind kind, std::string& out) {
  for (const char c : name_of(kind)) out += static_cast<char>(c - 'a' + 'A');
}

/// "not_found: ENOENT (2)", of a failure.
std::string error_words(const model::OpRecord& record, model::ErrorKind error) {
  std::string words(name_of(error));
  if (const std::string code = journal::code_words(record); !code.empty()) words += ": " + code;
  return words;
}

bool is_plain(std::string_view text) {
  return std::ranges::none_of(text,
                              [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\'; });
}

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void OpLogText::put_header(std::string& out) const {
  if (format_ == ExportFormat::Json) return;
  for (const std::string_view name : kColumns) {
    if (name != kColumns.front()) out += separator();
    out += name;
  }
  out += '\n';
}

/// "file:///mnt/a/" and "dir/f" are "file://" and "/mnt/a/dir/f"; "s3://b/p/" and "k" are "s3://b" and "b/p/k".
void OpLogText::split(const RecordTarget& target) {
  std::string_view base = target.base_uri;
  // What follows is how the target behaves, and no part of its names.
  if (base.starts_with("null://")) base = base.substr(0, base.find('?'));
  file_.assign(base).append(target.name);
  endpoint_.clear();
  const std::size_t scheme = target.is_known ? file_.find("://") : std::string::npos;
  if (scheme == std::string::npos) return;
  const std::size_t rest = scheme + 3;
  endpoint_.assign(file_, 0, rest);
  file_.erase(0, rest);
  if (endpoint_ != "file://" && endpoint_ != "direct://") endpoint_.append(file_, 0, file_.find('/'));
}

void OpLogText::put_time(std::int64_t at_ns, std::string& out) {
  const std::int64_t wall = base::held_sum(began_ns_, at_ns);
  std::int64_t number = wall / kSecondNs, part = wall % kSecondNs;
  if (part < 0) --number, part += kSecondNs;
  if (number != second_.number) {
    const std::time_t seconds = number;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    second_.number = number;
    second_.text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                               utc.tm_hour, utc.tm_min, utc.tm_sec);
  }
  out += second_.text;
  std::array<char, 10> digits;
  digits[9] = 'Z';
  for (std::size_t i = 9; i-- > 0; part /= 10) digits[i] = static_cast<char>('0' + part % 10);
  out.append(digits.data(), digits.size());
}

void OpLogText::put_cell(std::string_view text, std::string& out) const {
  if (format_ == ExportFormat::Json) {
    out += json_text(text);
  } else if (format_ == ExportFormat::Tsv) {
    if (is_plain(text)) {
      out += text;
    } else {
      out += report::one_line(text);
    }
  } else if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
  } else {
    out += '"';
    for (const char c : text) out.append(c == '"' ? 2 : 1, c);
    out += '"';
  }
}

/// One walk over the columns for every format: between values stands a separator, or in JSON the next name.
void OpLogText::put_row(const OpLogRow& row, std::string& out) {
  split(row.target);
  const model::OpRecord& record = *row.record;
  const bool is_json = format_ == ExportFormat::Json;
  std::size_t column = 0;
  const auto begin = [&] {
    if (is_json) {
      out += column == 0 ? "{\"" : ",\"";
      out += kColumns[column];
      out += "\":";
    } else if (column > 0) {
      out += separator();
    }
    ++column;
  };
  const auto number = [&](auto value) { begin(), put_number(value, out); };
  const auto text = [&](std::string_view value) { begin(), put_cell(value, out); };
  const auto nothing = [&] {
    begin();
    if (is_json) out += "null";
  };
  const auto quoted = [&](auto put) {
    begin();
    if (is_json) out += '"';
    put();
    if (is_json) out += '"';
  };
  const auto time = [&](std::int64_t at_ns) { quoted([&] { put_time(at_ns, out); }); };

  number(row.index);
  number(record.worker);
  quoted([&] { put_verb(record.kind, out); });
  text(row.party);
  number(record.objects);
  number(record.bytes);
  text(endpoint_);
  text(file_);
  record.error ? text(error_words(record, *record.error)) : nothing();
  time(record.start_ns);
  record.first_byte_ns != 0 ? time(record.first_byte_ns) : nothing();
  time(record.end_ns);
  number(record.latency_ns());
  time(record.intended_ns);
  number(record.offset);
  number(record.tries);
  number(row.stage + std::uint64_t{1});
  text(row.stage_name);
  out += is_json ? "}\n" : "\n";
}

}  // namespace sluice::app
