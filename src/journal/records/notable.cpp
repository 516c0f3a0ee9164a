#include "journal/records/notable.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.hpp"

namespace sluice::journal {

namespace {

using model::OpRecord;

}  // namespace

std::string code_words(const OpRecord& record) {
  if (!record.error || record.code == 0) return {};
  if (record.code >= OpRecord::kHttpStatusMin) return fmt::format("HTTP {}", record.code);
  return fmt::format("{} ({})", base::errno_name(static_cast<int>(record.code)), record.code);
}

std::string detail_of(const OpRecord& record) {
  std::string text = code_words(record);
  if (record.tries > 0) {
    text += fmt::format("{}tried {} times", text.empty() ? "" : ", ", std::uint64_t{record.tries} + 1);
  }
  return text;
}

void NotablePicker::add(const OpRecord& record) {
  const std::uint32_t index = records_++;
  if (!record.error) return add_success(record, index);
  if (failures_.size() < bounds_.failures_max) {
    failures_.push_back({.index = index, .latency_ns = record.latency_ns(), .record = record});
  } else {
    ++failures_left_out_;
  }
}

void NotablePicker::add_success(const OpRecord& record, std::uint32_t index) {
  const std::int64_t latency = record.latency_ns();
  if (slowest_.size() == bounds_.slowest_max) {
    // Of two that are alike the first is slower, so this one has to be slower than the last.
    if (slowest_.empty() || latency <= slowest_.front().latency_ns) return;
    std::ranges::pop_heap(slowest_, is_slower);
    slowest_.pop_back();
  }
  slowest_.push_back({.index = index, .latency_ns = latency, .record = record});
  std::ranges::push_heap(slowest_, is_slower);
}

model::NotableOp NotablePicker::row_of(const Pick& pick, const NameOfTarget& name_of) {
  const OpRecord& record = pick.record;
  return {.index = pick.index,
          .kind = record.kind,
          .error = record.error,
          .end_ns = record.end_ns,
          .latency_ns = pick.latency_ns,
          .bytes = record.bytes,
          .key = name_of(pick.index),
          .detail = detail_of(record)};
}

Notable NotablePicker::finish(const NameOfTarget& name_of) {
  std::ranges::sort(slowest_, is_slower);
  const std::size_t wanted = (records_ + kSlowestOneIn - 1) / kSlowestOneIn;
  if (slowest_.size() > wanted) slowest_.erase(slowest_.begin() + static_cast<std::ptrdiff_t>(wanted), slowest_.end());
  failures_.insert(failures_.end(), slowest_.begin(), slowest_.end());
  std::ranges::sort(failures_, {}, &Pick::index);
  Notable notable;
  notable.rows.reserve(failures_.size());
  for (const Pick& pick : failures_) notable.rows.push_back(row_of(pick, name_of));
  notable.failures_left_out = std::exchange(failures_left_out_, 0);
  records_ = 0;
  failures_.clear();
  slowest_.clear();
  return notable;
}

}  // namespace sluice::journal
