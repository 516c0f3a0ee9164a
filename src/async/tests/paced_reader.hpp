#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>

#include "base/random.hpp"
#include "base/time.hpp"

namespace sluice::async {

/// How a PacedReader reads.
struct Pace {
  std::uint64_t bytes_per_s = 0;  ///< 0: what comes
  base::Nanos first_stall{0};     ///< before it reads anything
  base::Nanos stall_max{0};       ///< it stops for up to so long, again and again; 0: never
  base::Nanos read_max{0};        ///< and reads for up to so long between two stops
  std::uint64_t seed = 1;
};

/// The other end of a pipe, read by a thread of its own at a bounded speed, with stops of random length. What it reads
/// it hands over and forgets. Owns its descriptor.
class PacedReader {
 public:
  /// Called on the reader's thread.
  using Take = std::function<void(std::string_view bytes)>;

  PacedReader(int descriptor, Pace pace, Take take);
  /// Closes the descriptor; what is unread is lost.
  ~PacedReader();

  /// From now on without bound and without stops.
  void hurry();
  /// Waits for the end of the file; false when it has not come within half a minute.
  bool await_end();
  std::uint64_t stalls() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  void run();
  void stall_if_due(Lock& lock);
  std::size_t allowance(Lock& lock);

  const int descriptor_;
  const Pace pace_;
  const Take take_;
  base::Random random_;  // the thread's own, as are these
  base::Instant began_, next_stall_;
  std::uint64_t read_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool hurries_ = false, leaves_ = false, has_ended_ = false;
  std::uint64_t stalls_ = 0;
  std::thread thread_;
};

}  // namespace sluice::async
