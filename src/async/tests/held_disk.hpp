#pragma once

#include <functional>
#include <memory>

#include "async/spill_device.hpp"

namespace sluice::async {

/// A disk that hangs, and goes on or fails when the test says so. It keeps what it is given in memory. Thread-safe.
class HeldDisk {
 public:
  HeldDisk();
  /// Lets go of whoever is still held.
  ~HeldDisk();
  HeldDisk(const HeldDisk&) = delete;
  HeldDisk& operator=(const HeldDisk&) = delete;

  /// What FrameWriterOptions::spill_device asks for.
  std::function<std::unique_ptr<SpillDevice>()> maker() const;

  /// From the next call on.
  void hold();
  void hold_takes();
  void release();
  /// As release(), but these calls and all later ones fail.
  void fail();

  /// A call hangs now.
  bool is_holding() const;
  /// Calls that have ended.
  std::uint64_t calls() const;
  /// The device was made, and has been destroyed.
  bool has_ended() const;

 private:
  struct State;
  class Device;

  // shared because a thread that is left behind outlives the test's own
  const std::shared_ptr<State> state_;
};

}  // namespace sluice::async
