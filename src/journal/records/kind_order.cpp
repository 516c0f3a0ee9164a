#include "journal/records/kind_order.hpp"

#include <algorithm>
#include <array>

#include "model/operation.hpp"

namespace sluice::journal {

void KindOrder::set(std::span<const std::uint64_t> kinds) {
  std::array<std::size_t, model::kOpKinds> place{};
  for (const std::uint64_t kind : kinds) ++place[kind];
  sections_.clear();
  std::size_t next = 0;
  for (std::size_t& each : place) {
    const std::size_t count = each;
    if (count > 0 && next > 0) sections_.push_back(next);
    each = next;
    next += count;
  }
  record_at_.resize(kinds.size());
  for (std::uint32_t i = 0; i < kinds.size(); ++i) record_at_[place[kinds[i]]++] = i;
}

std::span<const std::uint64_t> KindOrder::gather(std::span<const std::uint64_t> values,
                                                 std::vector<std::uint64_t>& memory) const {
  if (sections_.empty()) return values;
  memory.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) memory[i] = values[record_at_[i]];
  return memory;
}

void KindOrder::scatter(std::span<std::uint64_t> values, std::vector<std::uint64_t>& memory) const {
  if (sections_.empty()) return;
  memory.assign(values.begin(), values.end());
  for (std::size_t i = 0; i < values.size(); ++i) values[record_at_[i]] = memory[i];
}

}  // namespace sluice::journal
