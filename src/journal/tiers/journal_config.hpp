#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/time.hpp"

namespace sluice::journal {

/// The bounds of a journal. Every one is a promise: what is beyond it waits in order, or is refused with the reason.
struct JournalConfig {
  std::uint64_t reads_max = 64;                ///< calls of readers on the backend at once
  std::uint64_t streams_max = 8;               ///< finite streams at once
  std::uint64_t streams_of_client_max = 4;     ///< of them: of one client
  std::size_t appends_max = 256;               ///< changes that wait for the one writer
  std::size_t stream_items_max = 256;          ///< blocks that a stream or a follower holds ready
  base::Nanos read_timeout{5'000'000'000};     ///< of a read, its wait for a permit included; the caller's if sooner
  base::Nanos write_timeout{10'000'000'000};   ///< of a change on the backend, its wait for the barrier included
  base::Nanos stream_timeout{60'000'000'000};  ///< of a finite stream, all in all
  std::uint64_t follower_lag_max = 100'000;    ///< blocks that a follower which was live once may fall behind
  std::uint32_t abandoned_reads_max = 16;      ///< calls that outlived their deadline; beyond them reads fail at once
  std::uint32_t abandoned_writes_max = 4;      ///< the same of changes
  std::size_t cache_blocks_max = 2048;
  std::size_t cache_bytes_max = std::size_t{64} << 20;   ///< a chunk of operation records alone is half a MiB
  std::size_t commit_blocks_max = 4096;                  ///< of several appends, in one change
  std::size_t commit_bytes_max = std::size_t{64} << 20;  ///< the same, in bytes
  base::Nanos commit_every{10'000'000};                  ///< between small commits, in the long run
  std::uint32_t commits_at_once = 200;                   ///< small ones without a wait, after a quiet time
  std::size_t small_commit_blocks = 64;                  ///< an append of as many waits for no pace
  std::size_t query_bytes_max = std::size_t{256} << 20;  ///< of the answer of one query
  base::Nanos poll_interval{200'000'000};                ///< how soon a follower sees what other processes write
  std::function<void(const std::string&)>
      warn;  ///< told of what was given up, once a second and kind at most; any thread
};

}  // namespace sluice::journal
