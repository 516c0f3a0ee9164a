#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>

#include <string.h>

#include "base/time.hpp"

namespace sluice::async {

/// Says since when a loop thread has been in its turn, and with what work. Written by the loop's thread alone, in plain
/// stores without a fence on the common machines; read by any thread at any time. The text is copied, so that a reader
/// never touches a name whose owner is gone: work_ is a seqlock, and all of its words are atomics.
class HoldMark {
 public:
  static constexpr std::size_t kWorkBytes = 48;  ///< of a name, its end included; the rest is cut
  using Text = std::array<char, kWorkBytes>;

  /// What the turns are for, from now on.
  void set_work(const char* work) noexcept {
    Text text{};
    std::memcpy(text.data(), work, strnlen(work, kWorkBytes - 1));
    const auto words = std::bit_cast<Words>(text);
    const std::uint32_t version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);
    // Each word is released after the odd version: who sees a new word sees that, too.
    for (std::size_t i = 0; i < words.size(); ++i) work_[i].store(words[i], std::memory_order_release);
    version_.store(version + 2, std::memory_order_release);
  }

  void begin_turn(base::Instant t) noexcept { since_ns_.store(t.ns, std::memory_order_relaxed); }
  void end_turn() noexcept { since_ns_.store(0, std::memory_order_relaxed); }

  /// The present turn's begin; the zero instant between two turns.
  base::Instant since() const noexcept { return {since_ns_.load(std::memory_order_relaxed)}; }

  /// Nothing where it was being changed.
  std::optional<Text> work() const noexcept {
    const std::uint32_t before = version_.load(std::memory_order_acquire);
    Words words{};
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = work_[i].load(std::memory_order_acquire);
    if (before % 2 != 0 || version_.load(std::memory_order_relaxed) != before) return {};
    return std::bit_cast<Text>(words);
  }

 private:
  using Words = std::array<std::uint64_t, kWorkBytes / sizeof(std::uint64_t)>;

  std::atomic<std::int64_t> since_ns_{0};
  std::atomic<std::uint32_t> version_{0};
  std::array<std::atomic<std::uint64_t>, kWorkBytes / sizeof(std::uint64_t)> work_{};
};

}  // namespace sluice::async
