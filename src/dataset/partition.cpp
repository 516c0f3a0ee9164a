#include "dataset/partition.hpp"

namespace sluice::dataset {

Concatenated::Concatenated(std::vector<std::unique_ptr<model::Names>> parts) : parts_(std::move(parts)) {
  std::uint64_t end = 0;
  for (const auto& part : parts_) ends_.push_back(end += part->count());
}

std::pair<const model::Names*, std::uint64_t> Concatenated::part_of(std::uint64_t index) const {
  SLUICE_DEBUG_ASSERT(index < count());
  const auto found = static_cast<std::size_t>(std::ranges::upper_bound(ends_, index) - ends_.begin());
  return {parts_[found].get(), found == 0 ? index : index - ends_[found - 1]};
}

std::size_t Concatenated::write_name(std::uint64_t index, std::span<char> out) const {
  const auto [part, inside] = part_of(index);
  return part->write_name(inside, out);
}

std::uint64_t Concatenated::size_of(std::uint64_t index) const {
  const auto [part, inside] = part_of(index);
  return part->size_of(inside);
}

model::NameOrigin Concatenated::origin(std::uint64_t index) const {
  const auto [part, inside] = part_of(index);
  return part->origin(inside);
}

}  // namespace sluice::dataset
