#include "app/stall_notes.hpp"

#include <fmt/format.h>

namespace sluice::app {

void StallNotes::add(const async::StallReport& report) {
  {
    std::lock_guard lock(mutex_);
    if (++loops_ > kFullMax) return;
  }
  note_(async::to_text(report));
}

void StallNotes::add(const async::PermitHold& hold) {
  {
    std::lock_guard lock(mutex_);
    if (++permits_ > kFullMax) return;
  }
  note_(async::to_text(hold));
}

void StallNotes::finish() {
  std::uint64_t loops = 0, permits = 0;
  {
    std::lock_guard lock(mutex_);
    loops = loops_;
    permits = permits_;
  }
  if (loops > kFullMax) {
    note_(fmt::format("{} more times a loop was seen held for longer than 20 ms", loops - kFullMax));
  }
  if (permits > kFullMax) {
    note_(fmt::format("{} more times permits were seen held for longer than 5 s", permits - kFullMax));
  }
}

}  // namespace sluice::app
