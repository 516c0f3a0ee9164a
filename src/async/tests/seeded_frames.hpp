#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::async {

/// Frames whose size and bytes follow from a seed, their source and their number: who reads them knows every byte that
/// has to come, and keeps none. The first byte names the source; most are short.
class SeededFrames {
 public:
  static constexpr unsigned kSourcesMax = 256;

  /// So many of 1,000 frames have any size up to size_max, nine times as many any up to 64 KiB.
  SeededFrames(std::uint64_t seed, std::size_t size_max, unsigned large_of_1000 = 1)
      : seed_(seed), size_max_(size_max), large_of_1000_(large_of_1000) {}
  std::string frame(unsigned source, std::uint64_t number) const;

 private:
  std::uint64_t seed_;
  std::size_t size_max_;
  unsigned large_of_1000_;
};

/// Reads what came from many sources as one stream, and knows at every byte whether it is the right one: frames are
/// whole, byte-exact, and in order for each source. Of one thread.
class FrameChecker {
 public:
  using OnFrame = std::function<void(unsigned source, std::uint64_t number)>;

  FrameChecker(SeededFrames frames, unsigned sources, OnFrame on_frame = {})
      : frames_(frames), counts_(sources), on_frame_(std::move(on_frame)) {}

  void take(std::string_view bytes);
  /// What was wrong first; empty while all is right. Half a frame at the end is wrong, too.
  std::string verdict() const;
  /// Whole frames, by source.
  const std::vector<std::uint64_t>& counts() const { return counts_; }

 private:
  SeededFrames frames_;
  std::vector<std::uint64_t> counts_;
  OnFrame on_frame_;
  std::string expected_, wrong_;
  unsigned source_ = 0;
  std::size_t at_ = 0;  ///< in expected_; 0 between two frames
  std::uint64_t bytes_ = 0;
};

}  // namespace sluice::async
