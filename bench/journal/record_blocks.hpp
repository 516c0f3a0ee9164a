#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.hpp"
#include "journal/records/notable.hpp"
#include "journal/tiers/stored_block.hpp"
#include "model/op_record.hpp"

namespace sluice::journal {

/// What the op-log of one party would leave in a journal: a block for each 65,536 operations, a thousandth of which
/// are slow by far, with the rows that NotablePicker picks. One thread at a time.
class RecordBlocks {
 public:
  static constexpr std::uint32_t kRecords = 65'536, kFailures = 10;

  explicit RecordBlocks(std::uint64_t seed) : random_(seed) {}

  /// The operations of the next block: random reads of 4 KiB, 64 in flight, 400,000 a second.
  std::span<const model::OpRecord> next_records();
  /// The block of those, with `payload`.
  StoredBlock block_of(std::vector<std::byte> payload);

  static constexpr std::int64_t kBeganNs = 1'790'000'000'000'000'000;

 private:
  base::Random random_;
  std::int64_t now_ns_ = 0;
  std::uint64_t number_ = 0;
  std::vector<model::OpRecord> records_;
  NotablePicker picker_;
};

}  // namespace sluice::journal
