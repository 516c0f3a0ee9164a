#pragma once

#include <cstdint>

#include "async/permits.hpp"
#include "base/time.hpp"

namespace sluice::journal {

/// Calls of one kind on the backend, since the journal began.
struct CallStats {
  std::uint64_t calls = 0, failed = 0;
  std::uint64_t gave_up = 0;  ///< of the failed: at their deadline or cancelled, a call may still be going on
  base::Nanos time_total{0}, time_max{0};  ///< on the backend, the wait for a permit or a thread not included
};

/// What a journal is doing, and has done.
struct JournalStats {
  std::uint64_t head = 0;
  CallStats reads, writes;
  std::uint64_t blocks_written = 0, bytes_written = 0, duplicates = 0;
  std::uint64_t cache_hits = 0, cache_misses = 0;
  std::uint64_t streams_now = 0, followers_now = 0;
  std::size_t appends_queued = 0;
  /// Calls that outlived their deadline, of the backend and of the system below it: that still go on, and all.
  std::uint64_t abandoned_now = 0, abandoned = 0;
  async::PermitStats read_permits, stream_slots;
};

}  // namespace sluice::journal
