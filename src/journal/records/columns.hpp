#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "journal/wire.hpp"

namespace sluice::journal {

/// A column: n unsigned 64-bit numbers.
///
///   u8 guess, u8 width, u8 shift, u8 0, u64 first, u64 base, then `width` planes of n bytes each:
///   byte i of plane p is byte p of number q(i); r(i) = base + (q(i) << shift), modulo 2^64
///   guess 0:  value(i) = r(i)
///   guess 1:  value(i) = value(i - 1) + unzigzag(r(i)), where value(-1) = first
///   guess 2:  the same with the value before of the same worker (worker numbers modulo 4,096; another column says
///             them); the value before of any, for the first of a worker
///   guess 3:  value(i) = g(i) - unzigzag(r(i)), for columns of which chunk_format.hpp says what g(i) is
///
/// Planes, because the low bytes of a measured time are noise and the high ones are nearly constant: each plane is then
/// packed for itself at what its bytes are worth. `first` is 0 for guesses 0 and 3; width is 0 where all r(i) are
/// equal.
inline constexpr std::size_t kColumnHeaderBytes = 20;

enum class Guess : std::uint8_t { None = 0, Before = 1, SameWorker = 2, Given = 3 };

/// The value before, of the same worker or of any: what guess 2 subtracts.
class LastOfWorker {
 public:
  /// Forgets all workers; `first` is the value before the first one.
  void begin(std::uint64_t first);
  /// The value that is guessed for the next of this worker.
  std::uint64_t guess(std::uint64_t worker) const {
    const Entry& entry = last_[worker % last_.size()];
    return entry.is_set ? entry.value : before_;
  }
  /// The worker's value, which follows on the one that was noted before.
  void note(std::uint64_t worker, std::uint64_t value) {
    last_[worker % last_.size()] = {.value = value, .is_set = true};
    before_ = value;
  }

 private:
  struct Entry {
    std::uint64_t value = 0;
    bool is_set = false;
  };
  std::vector<Entry> last_ = std::vector<Entry>(4096);
  std::uint64_t before_ = 0;
};

/// Writes the content of one chunk after the other. Keeps its memory.
class ColumnWriter {
 public:
  void clear() { content_.clear(), cuts_.clear(), sections_.clear(); }
  /// From now on numbers below and from each of these indices (ascending) are of different kinds.
  void set_sections(std::span<const std::size_t> sections) { sections_.assign(sections.begin(), sections.end()); }
  /// A column that is written as it is.
  void plain(std::span<const std::uint64_t> values);
  /// A column with the guess that leaves the fewest bits. `workers` are as many as values.
  void guessed(std::span<const std::uint64_t> values, std::span<const std::uint64_t> workers);
  /// A column with guesses of its own, if these leave fewer bits.
  void with_guesses(std::span<const std::uint64_t> values, std::span<const std::uint64_t> guesses);
  /// Bytes that are no column.
  void text(std::string_view bytes);

  std::span<const std::byte> content() const { return content_; }
  /// Where bytes of another kind begin, ascending: what lies between two cuts is best packed for itself.
  std::span<const std::size_t> cuts() const { return cuts_; }

 private:
  void write(Guess guess, std::uint64_t first, std::span<const std::uint64_t> residuals);

  std::vector<std::byte> content_;
  std::vector<std::size_t> cuts_, sections_;
  std::vector<std::uint64_t> before_, of_worker_;  ///< residuals
  LastOfWorker last_;
};

/// Reads content that may be anything. After a problem everything reads as 0.
class ColumnReader {
 public:
  ColumnReader(std::span<const std::byte> content, WireProblem& problem) : rest_(content), problem_(problem) {}

  /// What besides its bytes a column may need: as many as values, or none where that guess is not expected.
  struct Known {
    std::span<const std::uint64_t> workers, guesses;
  };
  /// Fills `values` with the next column.
  void column(std::span<std::uint64_t> values, Known known);
  /// The next so many bytes; they live as long as the content.
  std::string_view text(std::uint64_t bytes);
  bool at_end() const { return rest_.empty(); }

 private:
  std::span<const std::byte> take(std::uint64_t bytes);
  /// Turns what the planes say into values.
  void add_guesses(Guess guess, std::uint64_t first, std::span<std::uint64_t> values, Known known);

  std::span<const std::byte> rest_;
  WireProblem& problem_;
  LastOfWorker last_;
};

}  // namespace sluice::journal
