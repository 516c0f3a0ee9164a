#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "async/stall_watch.hpp"

namespace sluice::app {

/// Turns what a StallWatch reports into notes of the run's results: the first ones one by one, the others as a
/// number at the end. Thread-safe.
class StallNotes {
 public:
  static constexpr std::uint64_t kFullMax = 20;

  explicit StallNotes(std::function<void(std::string)> note) : note_(std::move(note)) {}

  /// Any thread; the first kFullMax become notes at once.
  void add(const async::StallReport& report);
  /// The same, of permits.
  void add(const async::PermitHold& hold);
  /// Says how many more there were; before the run's last block.
  void finish();

 private:
  const std::function<void(std::string)> note_;
  std::mutex mutex_;
  std::uint64_t loops_ = 0, permits_ = 0;
};

}  // namespace sluice::app
