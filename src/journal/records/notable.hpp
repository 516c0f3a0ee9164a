#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/block.hpp"
#include "model/op_record.hpp"

namespace sluice::journal {

/// The name of the target of a block's record, by its index, as people and filters know it.
using NameOfTarget = std::function<std::string(std::uint32_t index)>;

/// "ENOENT (2)", "HTTP 503": of a failure whose code is known; else nothing.
std::string code_words(const model::OpRecord& record);
/// What there is to say of an operation beside its kind and its status: "ENOENT (2), tried 3 times".
std::string detail_of(const model::OpRecord& record);

/// The records of a block that become rows of an index.
struct Notable {
  std::vector<model::NotableOp> rows;   ///< ascending by index
  std::uint64_t failures_left_out = 0;  ///< failed records beyond the bound
};

/// Picks from the records of one block after the other, while they are written: all failures, up to a bound, and
/// besides them the slowest 0.2 % of the block's number, at least one where any succeeded. Keeps its memory, which is
/// bounded; allocates nothing in add() after a while. One thread at a time.
class NotablePicker {
 public:
  struct Bounds {
    std::uint32_t failures_max = 1000;  ///< the first of a block
    std::uint32_t slowest_max = 256;    ///< reached by blocks of 128,000 records
  };
  /// One in so many, rounded up.
  static constexpr std::uint64_t kSlowestOneIn = 500;

  NotablePicker() : NotablePicker(Bounds{}) {}
  explicit NotablePicker(Bounds bounds) : bounds_(bounds) {}

  /// The block's next record. Its latency is from start to end; of two that are alike the first is slower.
  void add(const model::OpRecord& record);
  /// The picks of the block, which ends. `name_of` is called once for each row.
  Notable finish(const NameOfTarget& name_of);

 private:
  struct Pick {
    std::uint32_t index = 0;
    std::int64_t latency_ns = 0;
    model::OpRecord record;
  };
  /// The order of slowest_, a heap with the least slow at the front.
  static bool is_slower(const Pick& a, const Pick& b) {
    return a.latency_ns != b.latency_ns ? a.latency_ns > b.latency_ns : a.index < b.index;
  }
  void add_success(const model::OpRecord& record, std::uint32_t index);
  static model::NotableOp row_of(const Pick& pick, const NameOfTarget& name_of);

  const Bounds bounds_;
  std::uint32_t records_ = 0;
  std::uint64_t failures_left_out_ = 0;
  std::vector<Pick> failures_, slowest_;
};

}  // namespace sluice::journal
