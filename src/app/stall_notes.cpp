#include "app/stall_notes.hpp"

#include <fmt/format.h>

namespace sluice::app {

namespace {
constexpr std::size_t kFramesMax = 10;
}

void StallNotes::add(const async::StallReport& report) {
  {
    std::lock_guard lock(mutex_);
    if (++count_ > kFullMax) return;
  }
  note_(async::to_text(report, kFramesMax));
}

void StallNotes::finish() {
  std::uint64_t more = 0;
  {
    std::lock_guard lock(mutex_);
    if (count_ <= kFullMax) return;
    more = count_ - kFullMax;
  }
  note_(fmt::format("{} more times a loop was seen held for longer than 20 ms", more));
}

}  // namespace sluice::app
