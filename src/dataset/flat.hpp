#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "dataset/size_sampler.hpp"
#include "model/names.hpp"

namespace sluice::dataset {

/// Is a prefix short enough for the names behind it? Plans and targets are outside input: ask before making FlatNames,
/// ShardDirectories or PutNames. Errors: InvalidArgument.
base::Result<void> check_prefix(std::string_view prefix);

/// The objects of a flat dataset: `<prefix>prepared-00000042.dat`, or with `shards` (plan key key_prefix_shards)
/// `<prefix>2a/prepared-00000042.dat`: the shard is the index modulo `shards` in hex, at least two digits. Neighbours
/// lie in different shards, and the members of a shard are every shards-th index. Immutable, O(1) memory.
class FlatNames final : public model::Names {
 public:
  static constexpr std::string_view kStem = "prepared-";
  static constexpr std::string_view kEnding = ".dat";
  static constexpr unsigned kDigits = 8;  ///< at least

  /// `prefix`: "" or ending in '/', and one that check_prefix() has nothing against (asserted).
  FlatNames(std::string prefix, std::uint64_t count, std::optional<SizeSampler> sizes = {}, std::uint32_t shards = 0);

  std::string_view prefix() const { return prefix_; }
  /// 0: not sharded.
  std::uint32_t shards() const { return shards_; }

  std::uint64_t count() const override { return count_; }
  std::size_t write_name(std::uint64_t index, std::span<char> out) const override;
  std::uint64_t size_of(std::uint64_t index) const override { return sizes_ ? sizes_->size_at(index) : kSizeUnknown; }
  std::optional<model::NamesRecipe> recipe() const override;

 private:
  std::string prefix_;
  std::uint64_t count_;
  std::optional<SizeSampler> sizes_;
  std::uint32_t shards_;
};

/// The shard directories of a FlatNames: `<prefix>00/`, `<prefix>01/`, ...
class ShardDirectories final : public model::Names {
 public:
  ShardDirectories(std::string prefix, std::uint32_t shards) : prefix_(std::move(prefix)), shards_(shards) {}

  std::uint64_t count() const override { return shards_; }
  std::size_t write_name(std::uint64_t index, std::span<char> out) const override;
  std::optional<model::NamesRecipe> recipe() const override;

 private:
  std::string prefix_;
  std::uint32_t shards_;
};

/// What put on a plain prefix makes: `<prefix>put-<run>-<agent>-<n>`, n from 0, or with shards
/// `<prefix>2a/put-<run>-<agent>-<n>`; other operations that make names put their own verb there. Any index has a name;
/// count() is what the owner said there is to be.
class PutNames final : public model::Names {
 public:
  static constexpr std::uint64_t kUnbounded = UINT64_MAX;

  PutNames(std::string_view prefix, std::string_view run_id, std::string_view agent, std::uint64_t count = kUnbounded,
           std::optional<SizeSampler> sizes = {}, std::uint32_t shards = 0, std::string_view verb = "put");
  /// With a stem that is there already.
  PutNames(std::string prefix, std::string stem, std::uint32_t shards)
      : prefix_(std::move(prefix)), stem_(std::move(stem)), count_(kUnbounded), shards_(shards) {}

  std::uint64_t count() const override { return count_; }
  std::size_t write_name(std::uint64_t index, std::span<char> out) const override;
  std::uint64_t size_of(std::uint64_t index) const override { return sizes_ ? sizes_->size_at(index) : kSizeUnknown; }
  std::optional<model::NamesRecipe> recipe() const override;

 private:
  std::string prefix_;
  std::string stem_;  ///< "put-<run>-<agent>-"
  std::uint64_t count_;
  std::optional<SizeSampler> sizes_;
  std::uint32_t shards_;
};

/// One name.
class SingleName final : public model::Names {
 public:
  explicit SingleName(std::string name, std::uint64_t size = kSizeUnknown) : name_(std::move(name)), size_(size) {}

  std::uint64_t count() const override { return 1; }
  std::size_t write_name(std::uint64_t index, std::span<char> out) const override;
  std::uint64_t size_of(std::uint64_t /*index*/) const override { return size_; }
  std::optional<model::NamesRecipe> recipe() const override;

 private:
  std::string name_;
  std::uint64_t size_;
};

}  // namespace sluice::dataset
