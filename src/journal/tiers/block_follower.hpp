#pragma once

#include <cstdint>
#include <memory>
#include <variant>

#include "async/deadline.hpp"
#include "async/task.hpp"
#include "journal/tiers/journal_core.hpp"

namespace sluice::journal {

/// The follower fell behind its bound, and goes on after these blocks.
struct Skipped {
  SeqRange blocks;
};
/// What a follower is told.
using FollowItem = std::variant<BlockPtr, Superseded, Retracted, Skipped>;

/// Follows a journal: first what is there after its cursor, then what is committed. Holds nothing of the journal while
/// it waits, and at most one page of blocks. One task at a time; movable.
class BlockFollower {
 public:
  BlockFollower(JournalCore::Ptr core, Filter filter, std::uint64_t after);
  BlockFollower(BlockFollower&&) noexcept;
  BlockFollower& operator=(BlockFollower&&) noexcept;
  ~BlockFollower();

  /// Waits for the next item. Errors: DeadlineExceeded (ask again: nothing is lost), Cancelled (the same), Terminated
  /// (the journal was shut down), and those of a read.
  async::Task<FollowItem> next(async::Deadline deadline);
  /// Where another follower would go on: everything up to it was given or does not match.
  std::uint64_t cursor() const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace sluice::journal
