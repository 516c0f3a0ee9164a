#pragma once

#include <string>
#include <vector>

#include "async/frame_writer.hpp"
#include "async/tests/paced_reader.hpp"

namespace sluice::async {

/// Many sources that write to one pipe, whose reader stops again and again.
struct SoakPlan {
  std::uint64_t seed = 1;
  unsigned sources = 100;  ///< wait and spill in turn; one in ten is a thread, the others are tasks
  unsigned flooders = 4;   ///< the first of them never pause
  base::Nanos lasts{0};
  base::Nanos pause_max{0};  ///< of the other sources, between two frames
  std::size_t frame_max = 1;
  Pace pace;
  FrameLimits limits;
};

/// What came of it.
struct SoakOutcome {
  std::string wrong;  ///< what was wrong first, by the writers or in the stream; empty where nothing was
  std::vector<std::uint64_t> sent, came;  ///< frames, by source
  FrameWriterStats stats;
  std::uint64_t stalls = 0;
  base::Nanos slowest_start{0};  ///< from the first frame to come until one of every source has come
  bool was_closed_in_time = false;
};

/// Runs it to its end.
SoakOutcome soak(const SoakPlan& plan);

}  // namespace sluice::async
