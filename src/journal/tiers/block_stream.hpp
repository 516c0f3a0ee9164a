#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "async/deadline.hpp"
#include "async/task.hpp"
#include "journal/tiers/journal_core.hpp"

namespace sluice::journal {

/// A finite stream of blocks. It has a stream slot until it has ended, was dropped, or has come to its deadline
/// (JournalConfig::stream_timeout), whoever reads it or not; and nothing else: each page of it is a read of its own. It
/// runs only when it is asked, so what waits for its consumer is at most one page. One task at a time; movable.
class BlockStream {
 public:
  BlockStream(JournalCore::Ptr core, Filter filter, std::uint64_t after, std::uint64_t to, std::string client,
              async::Permit slot);
  BlockStream(BlockStream&&) noexcept;
  BlockStream& operator=(BlockStream&&) noexcept;
  ~BlockStream();

  /// The next block, by seq; null after the last. Errors: DeadlineExceeded (this call's deadline: ask again; or the
  /// stream's own: it has ended), Cancelled, Unavailable (something was discarded meanwhile: it has ended), Terminated,
  /// and those of a read.
  async::Task<BlockPtr> next(async::Deadline deadline);
  /// The last block that it can have.
  std::uint64_t to() const;

  struct State;

 private:
  // shared because the task that watches the deadline may end after the stream
  std::shared_ptr<State> state_;
};

}  // namespace sluice::journal
