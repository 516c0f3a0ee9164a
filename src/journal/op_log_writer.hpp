#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "journal/block_log.hpp"
#include "journal/records/notable.hpp"
#include "journal/records/record_chunk.hpp"
#include "model/op_record.hpp"

namespace sluice::journal {

/// Writes operations into a run's log, one by one: chunks of up to 65,536, and before the first record of each set of
/// targets what its number stands for. Keeps 20 MB. One thread at a time, which is no loop's: where the log has no
/// room, take() waits for it, at most `patience` at a time, and what it then still does not take is counted as lost,
/// and told with the next block of the stage, or at its end. A log that refuses a block has been told what is in it.
class OpLogWriter {
 public:
  struct Options {
    RecordEncoder::Options encoder;
    base::Nanos chunk_age_max{1'000'000'000};  ///< a chunk is written when its first record is this old
    base::Nanos patience{5'000'000'000};
  };

  explicit OpLogWriter(BlockLog& log) : OpLogWriter(log, Options{}) {}
  /// outlives: `log`.
  OpLogWriter(BlockLog& log, Options options);

  /// The operations are of this stage from now on, and their `endpoint` is an index in `base_uris`.
  void begin(std::uint32_t stage, std::vector<std::string> base_uris);
  /// Takes operations, in any order.
  void take(std::span<const model::TakenRecord> records, base::Instant now);
  /// Writes what is older than chunk_age_max; to be called a few times a second.
  void tick(base::Instant now);
  /// Writes what is left. The names of targets need not live longer than this.
  void end();
  /// From now until the next begin() no call waits for the log beyond `until`. Any thread.
  void hurry(base::Instant until) { wait_until_ns_ = until.ns; }

 private:
  /// What is known of a set of names that records came with.
  struct Known {
    enum class Kind : std::uint8_t { Numbered, Derived, Foreign };
    Kind kind = Kind::Foreign;
    std::uint32_t number = 0;
  };
  struct Target {
    const model::Names* names = nullptr;
    std::uint64_t index = 0;
    std::uint32_t endpoint = 0;
  };
  struct Numbered {
    std::string base_uri;
    model::NamesRecipe recipe;
  };

  void add(const model::TakenRecord& taken);
  Known known(const model::Names& names, std::uint32_t endpoint);
  Known look_up(const model::Names& names, std::uint32_t endpoint);
  std::uint32_t number_of(const model::NamesRecipe& recipe, const std::string& base_uri);
  std::size_t write_name(const Target& target, std::span<char> out) const;
  void write_chunk();
  bool wait_for_room();

  BlockLog& log_;  // outlives: the one who made it says so
  const Options options_;
  RecordEncoder encoder_;
  NotablePicker picker_;
  std::uint32_t stage_ = 0;
  std::vector<std::string> base_uris_;
  std::vector<Numbered> numbered_;  ///< by number; of the whole run
  std::map<std::pair<const model::Names*, std::uint32_t>, Known> known_;
  std::pair<const model::Names*, std::uint32_t> last_names_;
  Known last_known_;
  std::vector<Target> targets_;  ///< of the open chunk's records
  std::optional<base::Instant> chunk_since_;
  std::uint64_t lost_ = 0;     ///< of this stage, and not told yet
  bool is_waited_for_ = true;  ///< false since the log has used up the patience
  std::atomic<std::int64_t> wait_until_ns_{base::Instant::never().ns};
};

}  // namespace sluice::journal
