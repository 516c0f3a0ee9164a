#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "journal/tiers/backend.hpp"

namespace sluice::journal::postgres {

/// Questions to the system's resolver that nobody waits for any more. Shared by the connections that ask and by the
/// threads that wait for the answers. Any thread.
class Lookups {
 public:
  static constexpr std::uint64_t kLeftMax = 16;  ///< that go on; beyond them no name is looked up

  void leave() { ++now_, ++ever_; }
  void come_back() { --now_; }
  LeftBehind left() const { return {.now = now_, .ever = ever_}; }

 private:
  std::atomic<std::uint64_t> now_ = 0, ever_ = 0;
};
// shared because a thread that nobody waits for counts itself when its answer comes
using LookupsPtr = std::shared_ptr<Lookups>;

}  // namespace sluice::journal::postgres
