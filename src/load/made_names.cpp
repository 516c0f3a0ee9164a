#include "load/made_names.hpp"

#include <algorithm>

namespace sluice::load {

std::string_view made_verb_of(model::OpKind kind) {
  switch (kind) {
    case model::OpKind::Put:
    case model::OpKind::Mkdir:
    case model::OpKind::Copy:
    case model::OpKind::Rename: return name_of(kind);
    case model::OpKind::Get:
    case model::OpKind::List:
    case model::OpKind::Stat:
    case model::OpKind::Delete:
    case model::OpKind::Rmdir:
    case model::OpKind::Read:
    case model::OpKind::Write: return {};
  }
  return {};
}

void MadeNames::begin(std::uint32_t workers) {
  base_ = upper_bound();
  workers_ = workers;
  counts_ = std::make_unique<Count[]>(workers);
}

std::uint64_t MadeNames::upper_bound() const {
  if (counts_ == nullptr) return base_;
  std::uint64_t most = 0;
  for (std::uint32_t w = 0; w < workers_; ++w) most = std::max(most, counts_[w].value.load(std::memory_order_relaxed));
  return base_ + most * workers_;
}

MadeNames* MadeRegistry::find(std::size_t line) const {
  const auto entry = std::ranges::find(entries_, line, &Entry::line);
  return entry == entries_.end() ? nullptr : entry->names.get();
}

MadeNames& MadeRegistry::add(std::size_t line, std::unique_ptr<MadeNames> names) {
  entries_.push_back({line, std::move(names)});
  return *entries_.back().names;
}

std::vector<MadeNames*> MadeRegistry::all() const {
  std::vector<MadeNames*> names;
  names.reserve(entries_.size());
  for (const Entry& entry : entries_) names.push_back(entry.names.get());
  return names;
}

}  // namespace sluice::load
