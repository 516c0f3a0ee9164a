#pragma once

#include <array>
#include <string>

#include "async/hold_mark.hpp"
#include "async/stall_meter.hpp"

namespace sluice::async {

class StallWatch;

/// A thread that runs a loop, for as long as this object lives: made, used and destroyed on that thread. While it is
/// there, block_on is refused on this thread, and each turn's hold is measured. With a StallWatch, a turn that holds
/// the loop too long is named while it does. The thread is called "loop" and the name for as long (15 bytes of it), so
/// that ps and a trace of system calls tell it from others.
class LoopThread {
 public:
  /// `watch` may be null: then holds are only measured. It outlives this object.
  explicit LoopThread(std::string name, StallWatch* watch = nullptr);
  /// Holds go to `meter`, which is begun here and outlives this object: it can be read when the thread has ended.
  LoopThread(std::string name, StallMeter& meter, StallWatch* watch);
  /// In a turn or not; a turn that has not ended is not measured.
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  /// The loop that the calling thread runs; null on every other thread.
  static LoopThread* current() noexcept;

  /// A turn begins, for `work`, whose text is copied.
  void enter(const char* work) noexcept { enter(work, base::now()); }
  void enter(const char* work, base::Instant t) noexcept {
    mark_.set_work(work);
    enter(t);
  }
  /// A turn for the same work as the last one begins: costs one store.
  void enter(base::Instant t) noexcept { mark_.begin_turn(t); }

  /// The turn ends: the loop goes to its wait. Returns how long it was held, run-queue delay taken out.
  base::Nanos leave() noexcept { return leave(base::now()); }
  base::Nanos leave(base::Instant t) noexcept {
    const base::Nanos hold = meter_.held(t - mark_.since());
    mark_.end_turn();
    return hold;
  }
  /// For what runs between two turns of the calling thread's loop, a handler for example: begins a turn for the same
  /// work as the last one. Does nothing in a turn, and on a thread that runs no loop.
  static void begin_turn() noexcept {
    if (LoopThread* loop = current(); loop != nullptr && !loop->in_turn()) loop->enter(base::now());
  }
  /// The counterpart, before the loop waits once more.
  static void end_turn() noexcept {
    if (LoopThread* loop = current(); loop != nullptr && loop->in_turn()) loop->leave(base::now());
  }
  bool in_turn() const noexcept { return turn_began() != base::Instant{}; }
  /// The present turn; the zero instant outside.
  base::Instant turn_began() const noexcept { return mark_.since(); }

  const std::string& name() const { return name_; }
  /// What the last turn is, or was, for.
  std::string work() const { return mark_.work().value_or(HoldMark::Text{}).data(); }
  const StallMeter& meter() const { return meter_; }

 private:
  const std::string name_;
  std::array<char, 16> thread_name_{};  ///< before
  StallMeter own_meter_;
  StallMeter& meter_;
  HoldMark mark_;
  StallWatch* const watch_;
};

}  // namespace sluice::async
