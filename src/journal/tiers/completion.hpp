#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "async/deadline.hpp"
#include "async/notice.hpp"
#include "async/task.hpp"
#include "journal/tiers/stored_block.hpp"

namespace sluice::journal {

/// What a change of the journal has done.
struct Receipt {
  std::vector<std::uint64_t> numbers;  ///< of an append: each block's seq, 0 where it was there before
  std::vector<BlockPtr> removed;       ///< of drain_above: what went, by seq
};

/// How a change that was handed to the writer ends. Copies are cheap and see the same; dropping them all changes
/// nothing. Any thread.
class Completion {
 public:
  Completion();

  bool is_done() const;
  /// The change's end. Errors: the change's; DeadlineExceeded (it may still be made), Cancelled (the same).
  async::Task<Receipt> wait(async::Deadline deadline) const;

  /// Asks that a change that has not begun is not made. False where it is too late for that.
  bool withdraw();

 private:
  friend class JournalWriter;
  struct State;
  /// False where it was withdrawn.
  bool begin();
  void end(base::Result<Receipt> result);
  // shared because the writer and the one who waits may each leave first
  static async::Task<Receipt> wait_for(std::shared_ptr<State> state, async::Deadline deadline);

  // shared because the writer and the one who waits may each leave first
  std::shared_ptr<State> state_;
};

}  // namespace sluice::journal
