#include "dataset/flat.hpp"

#include <bit>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "dataset/decimal.hpp"
#include "model/names_recipe.hpp"

namespace sluice::dataset {

namespace {

constexpr std::size_t kNameTailMax = 192;  ///< the longest text that is appended to a prefix

char* append(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

/// "2a/": at least two hex digits.
char* append_shard(char* at, std::uint32_t shard) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const int digits = std::max(2, (static_cast<int>(std::bit_width(shard)) + 3) / 4);
  for (int i = digits - 1; i >= 0; --i) *at++ = kHex[shard >> (4 * i) & 15U];
  *at++ = '/';
  return at;
}

}  // namespace

base::Result<void> check_prefix(std::string_view prefix) {
  if (prefix.size() + kNameTailMax <= model::kNameBytesMax) return {};
  return base::fail(
      base::Error{.code = base::Code::InvalidArgument,
                  .what = fmt::format("a path of {} bytes below the target is too long: at most {} can be used",
                                      prefix.size(), model::kNameBytesMax - kNameTailMax),
                  .where = fmt::format("\"{}...\"", prefix.substr(0, 64)),
                  .likely = {"the target stands far above the files"},
                  .try_next = {"put the first part of the path into the target"}});
}

FlatNames::FlatNames(std::string prefix, std::uint64_t count, std::optional<SizeSampler> sizes, std::uint32_t shards)
    : prefix_(std::move(prefix)), count_(count), sizes_(std::move(sizes)), shards_(shards) {
  SLUICE_ASSERT(prefix_.empty() || prefix_.ends_with('/'));
  SLUICE_ASSERT(check_prefix(prefix_));
}

std::size_t FlatNames::write_name(std::uint64_t index, std::span<char> out) const {
  SLUICE_DEBUG_ASSERT(out.size() >= model::kNameBytesMax);
  char* at = append(out.data(), prefix_);
  if (shards_ != 0) at = append_shard(at, static_cast<std::uint32_t>(index % shards_));
  at = append(at, kStem);
  at = append_eight_digits(at, index);
  at = append(at, kEnding);
  return static_cast<std::size_t>(at - out.data());
}

std::size_t ShardDirectories::write_name(std::uint64_t index, std::span<char> out) const {
  SLUICE_DEBUG_ASSERT(out.size() >= model::kNameBytesMax);
  char* at = append_shard(append(out.data(), prefix_), static_cast<std::uint32_t>(index));
  return static_cast<std::size_t>(at - out.data());
}

PutNames::PutNames(std::string_view prefix, std::string_view run_id, std::string_view agent, std::uint64_t count,
                   std::optional<SizeSampler> sizes, std::uint32_t shards, std::string_view verb)
    : prefix_(prefix),
      stem_(fmt::format("{}-{}-{}-", verb, run_id, agent)),
      count_(count),
      sizes_(std::move(sizes)),
      shards_(shards) {
  SLUICE_ASSERT(check_prefix(prefix_) && stem_.size() + 32 <= kNameTailMax);
}

std::size_t PutNames::write_name(std::uint64_t index, std::span<char> out) const {
  SLUICE_DEBUG_ASSERT(out.size() >= model::kNameBytesMax);
  char* at = append(out.data(), prefix_);
  if (shards_ != 0) at = append_shard(at, static_cast<std::uint32_t>(index % shards_));
  at = append(at, stem_);
  at = append_decimal(at, index, 1);
  return static_cast<std::size_t>(at - out.data());
}

std::size_t SingleName::write_name(std::uint64_t /*index*/, std::span<char> out) const {
  SLUICE_DEBUG_ASSERT(out.size() >= name_.size());
  return static_cast<std::size_t>(append(out.data(), name_) - out.data());
}

std::optional<model::NamesRecipe> FlatNames::recipe() const {
  return model::NamesRecipe{
      .kind = model::NamesRecipe::Kind::Flat, .prefix = prefix_, .shards = shards_, .count = count_};
}

std::optional<model::NamesRecipe> ShardDirectories::recipe() const {
  return model::NamesRecipe{.kind = model::NamesRecipe::Kind::Shards, .prefix = prefix_, .shards = shards_};
}

std::optional<model::NamesRecipe> PutNames::recipe() const {
  return model::NamesRecipe{
      .kind = model::NamesRecipe::Kind::Numbered, .prefix = prefix_, .stem = stem_, .shards = shards_};
}

std::optional<model::NamesRecipe> SingleName::recipe() const {
  return model::NamesRecipe{.kind = model::NamesRecipe::Kind::Single, .prefix = name_};
}

}  // namespace sluice::dataset
