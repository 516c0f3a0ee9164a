#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "journal/records/columns.hpp"

namespace sluice::journal {

/// The foreign names of a chunk while it is made: each once. Keeps its memory. A name that is too long is cut as
/// chunk_format.hpp says.
class ForeignNames {
 public:
  /// `names_max`: 1 to kChunkRecordsMax.
  explicit ForeignNames(std::size_t names_max);

  /// Forgets all names.
  void clear();
  /// The number of a name, from 0 in the order in which they came; it is kept where it is new.
  std::uint32_t number_of(std::string_view name);
  std::size_t size() const { return names_.size(); }
  /// Of all names, as they are kept.
  std::size_t text_bytes() const { return text_.size(); }

  /// Writes the names in an order in which they share most. Where the name `number` then stands is rank()[number].
  void write(ColumnWriter& out);
  const std::vector<std::uint32_t>& rank() const { return rank_; }

 private:
  struct Name {
    std::uint32_t at = 0, bytes = 0;
  };
  /// A name by the eight bytes from some depth on: numbers are compared in the cache, names are not.
  struct SortItem {
    std::uint64_t key = 0;
    std::uint32_t number = 0;
    std::uint32_t left = 0;  ///< bytes from that depth on; 9: more than eight
  };
  struct SortRange {
    std::size_t from = 0, to = 0, depth = 0;
  };

  std::string_view name(std::size_t number) const {
    return std::string_view(text_).substr(names_[number].at, names_[number].bytes);
  }
  std::string_view shortened(std::string_view name);
  SortItem sort_item(std::uint32_t number, std::size_t depth) const;
  std::size_t shared_of(std::span<const SortItem> items, std::size_t depth) const;
  void sort();
  void sort_range(const SortRange& range);

  std::string text_, cut_, rests_;
  std::vector<Name> names_;
  std::vector<std::uint32_t> table_;  ///< open addressing: bits of the hash and number + 1; 0: free
  std::vector<SortItem> items_;
  std::vector<SortRange> open_;
  std::vector<std::uint32_t> rank_;
  std::vector<std::uint64_t> shared_, rest_;
};

/// The foreign names of a chunk that was read. Views live as long as it does.
class NameList {
 public:
  std::size_t size() const { return ends_.size(); }
  /// The name `number`, below size().
  std::string_view operator[](std::size_t number) const {
    const std::size_t from = number == 0 ? 0 : ends_[number - 1];
    return std::string_view(text_).substr(from, ends_[number] - from);
  }

  /// Reads `count` names; never keeps more than kChunkNameBytesMax.
  void read(ColumnReader& in, std::size_t count, WireProblem& problem);

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
};

}  // namespace sluice::journal
