#include "journal/records/foreign_names.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>

#include <fmt/format.h>

#include "base/hash.hpp"
#include "journal/records/chunk_format.hpp"

namespace sluice::journal {

namespace {

constexpr std::size_t kKeyBytes = 8;
constexpr std::size_t kHashDigits = 16;
/// The part of an entry of the table that is a number; the rest is of the hash. Small entries stay in the cache.
constexpr std::uint32_t kNumberMask = (1U << 17) - 1;
static_assert(kChunkRecordsMax <= kNumberMask - 1);

std::uint64_t hash_of(std::string_view name) { return base::hash64(std::as_bytes(std::span(name))); }

/// How long the beginning is that both have.
std::size_t shared_bytes(std::string_view a, std::string_view b) {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t shared = 0;
  for (std::uint64_t word_a = 0, word_b = 0; shared + kKeyBytes <= most; shared += kKeyBytes) {
    std::memcpy(&word_a, a.data() + shared, kKeyBytes);
    std::memcpy(&word_b, b.data() + shared, kKeyBytes);
    if (word_a != word_b) return shared + static_cast<std::size_t>(std::countr_zero(word_a ^ word_b)) / 8;
  }
  while (shared < most && a[shared] == b[shared]) ++shared;
  return shared;
}

}  // namespace

ForeignNames::ForeignNames(std::size_t names_max) : table_(std::bit_ceil(2 * names_max + 1)) {}

void ForeignNames::clear() {
  if (!names_.empty()) std::ranges::fill(table_, 0);
  names_.clear();
  text_.clear();
}

std::string_view ForeignNames::shortened(std::string_view name) {
  if (name.size() <= kForeignNameBytesMax) return name;
  cut_.assign(name.substr(0, kForeignNameBytesMax - kHashDigits - 1));
  cut_ += fmt::format("~{:016x}", hash_of(name));
  return cut_;
}

std::uint32_t ForeignNames::number_of(std::string_view full_name) {
  const std::string_view name = shortened(full_name);
  const std::uint64_t hash = hash_of(name);
  const auto mark = static_cast<std::uint32_t>(hash >> 32 & ~std::uint64_t{kNumberMask});
  const std::size_t mask = table_.size() - 1;
  std::size_t at = hash & mask;
  for (; table_[at] != 0; at = (at + 1) & mask) {
    const std::uint32_t number = (table_[at] & kNumberMask) - 1;
    if ((table_[at] & ~kNumberMask) == mark && this->name(number) == name) return number;
  }
  const auto number = static_cast<std::uint32_t>(names_.size());
  table_[at] = mark | (number + 1);
  names_.push_back({.at = static_cast<std::uint32_t>(text_.size()), .bytes = static_cast<std::uint32_t>(name.size())});
  text_ += name;
  return number;
}

ForeignNames::SortItem ForeignNames::sort_item(std::uint32_t number, std::size_t depth) const {
  const std::string_view left = name(number).substr(depth);
  SortItem item{.number = number, .left = static_cast<std::uint32_t>(std::min(left.size(), kKeyBytes + 1))};
  std::memcpy(&item.key, left.data(), std::min(left.size(), kKeyBytes));
  item.key = std::byteswap(item.key);
  return item;
}

/// How many bytes all these names have in common, `depth` or more.
std::size_t ForeignNames::shared_of(std::span<const SortItem> items, std::size_t depth) const {
  const std::string_view first = name(items[0].number);
  std::size_t shared = first.size();
  for (const SortItem& item : items.subspan(1)) {
    if (shared == depth) break;
    shared = depth + shared_bytes(first.substr(depth, shared - depth), name(item.number).substr(depth));
  }
  return shared;
}

/// Sorts by the first eight bytes that are not shared by all, and leaves to open_ the runs of names that are alike in
/// them.
void ForeignNames::sort_range(const SortRange& range) {
  const std::span<SortItem> items = std::span(items_).subspan(range.from, range.to - range.from);
  const std::size_t depth = shared_of(items, range.depth);
  for (SortItem& item : items) item = sort_item(item.number, depth);
  const auto key = [](const SortItem& item) { return std::tuple(item.key, item.left); };
  std::ranges::sort(items, {}, key);
  for (std::size_t from = 0, to = 0; from < items.size(); from = to) {
    while (to < items.size() && key(items[to]) == key(items[from])) ++to;
    if (to - from == 1 || items[from].left <= kKeyBytes) continue;
    open_.push_back({.from = range.from + from, .to = range.from + to, .depth = depth + kKeyBytes});
  }
}

void ForeignNames::sort() {
  items_.resize(names_.size());
  for (std::uint32_t number = 0; number < items_.size(); ++number) items_[number].number = number;
  open_.assign(1, {.from = 0, .to = items_.size(), .depth = 0});
  while (!open_.empty()) {
    const SortRange range = open_.back();
    open_.pop_back();
    sort_range(range);
  }
}

void ForeignNames::write(ColumnWriter& out) {
  sort();
  rank_.resize(names_.size());
  shared_.clear(), rest_.clear(), rests_.clear();
  std::string_view before;
  for (std::uint32_t i = 0; i < items_.size(); ++i) {
    rank_[items_[i].number] = i;
    const std::string_view name = this->name(items_[i].number);
    const std::size_t shared = shared_bytes(before, name);
    shared_.push_back(shared);
    rest_.push_back(name.size() - shared);
    rests_ += name.substr(shared);
    before = name;
  }
  out.plain(shared_);
  out.plain(rest_);
  out.text(rests_);
}

void NameList::read(ColumnReader& in, std::size_t count, WireProblem& problem) {
  std::vector<std::uint64_t> shared(count), rest(count);
  in.column(shared, {});
  in.column(rest, {});
  std::uint64_t rests = 0, all = 0, before = 0;
  for (std::size_t i = 0; i < count && !problem.found(); ++i) {
    if (shared[i] > before || rest[i] > kForeignNameBytesMax - shared[i])
      problem.set("a name is longer than names are");
    before = shared[i] + rest[i];
    rests += rest[i];
    all += before;
    if (all > kChunkNameBytesMax) problem.set("the names are more than a chunk can hold");
  }
  const std::string_view text = in.text(problem.found() ? 0 : rests);
  if (problem.found()) return;
  text_.reserve(static_cast<std::size_t>(all));
  ends_.reserve(count);
  for (std::size_t i = 0, at = 0; i < count; ++i) {
    const std::size_t previous = i == 0 ? 0 : text_.size() - static_cast<std::size_t>(shared[i - 1] + rest[i - 1]);
    text_.append(text_, previous, static_cast<std::size_t>(shared[i]));
    text_.append(text, at, static_cast<std::size_t>(rest[i]));
    at += static_cast<std::size_t>(rest[i]);
    ends_.push_back(text_.size());
  }
}

}  // namespace sluice::journal
