#include "async/tests/seeded_frames.hpp"

#include <algorithm>
#include <cstring>

#include "base/random.hpp"

namespace sluice::async {

namespace {

std::size_t draw_size(base::Random& random, std::size_t size_max, unsigned large) {
  const std::uint64_t kind = random.below(1000);
  if (kind < 100) return 1;
  const std::size_t most = kind >= 1000 - large        ? size_max
                           : kind >= 1000 - 10 * large ? 65'536
                           : kind >= 800               ? 4096
                                                       : 200;
  return 1 + random.below(std::min(most, size_max));
}

}  // namespace

std::string SeededFrames::frame(unsigned source, std::uint64_t number) const {
  base::Random random(base::derive_seed(base::derive_seed(seed_, source), number));
  std::string bytes(draw_size(random, size_max_, large_of_1000_), '\0');
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t word = random.next();
    std::memcpy(bytes.data() + at, &word, std::min(sizeof word, bytes.size() - at));
  }
  bytes[0] = static_cast<char>(source);
  return bytes;
}

void FrameChecker::take(std::string_view bytes) {
  while (!bytes.empty() && wrong_.empty()) {
    if (at_ == 0) {
      source_ = static_cast<unsigned char>(bytes[0]);
      if (source_ >= counts_.size()) {
        wrong_ = "byte " + std::to_string(bytes_) + " names no source: " + std::to_string(source_);
        return;
      }
      expected_ = frames_.frame(source_, counts_[source_]);
    }
    const std::size_t here = std::min(bytes.size(), expected_.size() - at_);
    if (std::memcmp(bytes.data(), expected_.data() + at_, here) != 0) {
      wrong_ = "frame " + std::to_string(counts_[source_]) + " of source " + std::to_string(source_) +
               " is another, within " + std::to_string(here) + " bytes of byte " + std::to_string(bytes_);
      return;
    }
    bytes.remove_prefix(here);
    bytes_ += here;
    at_ += here;
    if (at_ < expected_.size()) continue;
    at_ = 0;
    const std::uint64_t number = counts_[source_]++;
    if (on_frame_) on_frame_(source_, number);
  }
}

std::string FrameChecker::verdict() const {
  if (!wrong_.empty() || at_ == 0) return wrong_;
  return "half a frame of source " + std::to_string(source_) + " at the end";
}

}  // namespace sluice::async
