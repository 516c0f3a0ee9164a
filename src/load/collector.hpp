#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <numeric>

#include "load/block_sink.hpp"
#include "load/recorder.hpp"
#include "load/stage_clock.hpp"
#include "model/progress.hpp"

namespace sluice::load {

/// Turns the workers' batches into one Interval a window and hands these to the sink, in order of time. What comes late
/// becomes a further interval of its own, with its true window. Runs on the stage's thread; one per stage.
class Collector {
 public:
  Collector(std::uint32_t stage, const StageClock& clock, BlockSink& sink, const model::Progress& progress,
            std::uint64_t& party_seq);

  /// The windows and phases from now on are those of the pass with this clock.
  void follow(const StageClock& clock) { clock_ = clock; }
  /// The measured window of the pass has ended before its time.
  void end_window(base::Instant at) { clock_.measure_to = std::min(clock_.measure_to, at); }

  /// Takes all filled batches of a worker.
  void take(Recorder& recorder);
  /// Counts a failure that a worker cannot count itself, in the window of `now`.
  void count_failure(model::ErrorSample sample, base::Instant now);
  /// The longest hold of a loop so far; what intervals tell is the longest of the stage so far.
  void note_hold(std::int64_t max_hold_ns);
  /// Hands over the windows that are complete at `now`; an empty one where nothing completed, so that silence shows.
  void emit(base::Instant now);
  /// Hands over everything that is left; the stage's last call.
  void finish(base::Instant now);

  /// Counts of the stage so far, warm-up excluded: what a stage needs to judge itself.
  std::uint64_t successes() const { return successes_; }
  std::uint64_t failures() const { return std::accumulate(failures_.begin(), failures_.end(), std::uint64_t{0}); }
  /// Of the failures; meaningful where there are any.
  model::ErrorKind most_frequent_failure() const {
    return static_cast<model::ErrorKind>(std::ranges::max_element(failures_) - failures_.begin());
  }
  /// Draws that found nothing to work on, warm-up included.
  std::uint64_t starved(model::OpKind kind) const { return starved_[static_cast<std::size_t>(kind)]; }

 private:
  struct Key {
    std::int64_t from_ns = 0, to_ns = 0;
    model::Phase phase = model::Phase::Measured;
    auto operator<=>(const Key&) const = default;
  };

  model::Interval& interval_for(std::int64_t from_ns, std::int64_t to_ns, model::Phase phase);
  void send(model::Interval&& interval);

  const std::uint32_t stage_;
  StageClock clock_;
  BlockSink& sink_;
  const model::Progress& progress_;
  std::uint64_t& party_seq_;
  std::map<Key, model::Interval> open_;
  std::int64_t emitted_to_ns_ = 0;
  std::int64_t max_hold_ns_ = 0;
  double cpu_user_s_, cpu_system_s_;
  std::uint64_t iowait_ticks_ = 0, all_ticks_ = 0;
  std::uint64_t successes_ = 0;
  std::array<std::uint64_t, model::kErrorKinds> failures_{};
  std::array<std::uint64_t, model::kOpKinds> starved_{};
};

}  // namespace sluice::load
