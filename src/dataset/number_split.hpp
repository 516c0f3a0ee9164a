#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "dataset/decimal.hpp"
#include "dataset/pattern.hpp"
#include "dataset/range_set.hpp"

namespace sluice::dataset {

/// Asked every 1,000 steps by work that may take a second: is it to end? Empty: never.
using AskStop = std::function<bool()>;

/// Answers, for a range of numbers that stand in names as decimal text: after which of them does a pattern stand where?
/// Goes down digit by digit, and stops where the digits that are left make no difference, which for most patterns is at
/// once. Remembers what it found out, so one splitter should serve a whole selection. One thread.
class NumberSplit {
 public:
  /// `pattern` must outlive it. `steps_max`: of all calls of split together.
  NumberSplit(const Pattern& pattern, std::uint64_t steps_max, AskStop ask_stop = {})
      : pattern_(pattern), steps_max_(steps_max), ask_stop_(std::move(ask_stop)) {}

  /// Calls visit(sub-range, walk behind those numbers) in rising order; sub-ranges after which nothing can match are
  /// left out. False where visit said so, where steps_max is reached, or where it is to end.
  template <class Visit>
  bool split(IndexRange numbers, unsigned digits_min, const Pattern::Walk& walk, Visit visit) {
    const unsigned longest = numbers.empty() ? 0 : count_digits(numbers.end - 1);
    for (unsigned digits = digits_min; digits <= std::max(digits_min, longest); ++digits) {
      // Numbers of exactly so many digits; with leading zeroes those below 10^digits_min.
      const std::uint64_t low = digits == digits_min || digits == 1 ? 0 : kPowersOfTen[digits - 1];
      const std::uint64_t high = digits >= kPowersOfTen.size() ? UINT64_MAX : kPowersOfTen[digits];
      const IndexRange within{std::max(numbers.begin, low), std::min(numbers.end, high)};
      if (within.begin >= within.end) continue;
      if (!descend(within, 0, digits, walk, visit)) return false;
    }
    return true;
  }

  /// Counts a step, here or in the work around it; false from the last one on.
  bool step() {
    if (++steps_ >= next_look_) [[unlikely]]
      look();
    return !is_at_end();
  }
  bool is_at_end() const { return is_stopped_ || steps_ > steps_max_; }
  /// It ended because it was asked to.
  bool is_stopped() const { return is_stopped_; }

 private:
  template <class Visit>
  bool descend(IndexRange within, std::uint64_t base, unsigned digits, const Pattern::Walk& walk, Visit& visit) {
    if (!step()) return false;
    if (!pattern_.is_alive(walk) && !pattern_.accepts_file(walk)) return true;
    const std::uint64_t size = digits >= kPowersOfTen.size() ? UINT64_MAX : kPowersOfTen[digits];
    const IndexRange part{std::max(within.begin, base), std::min(within.end, base + std::min(size, UINT64_MAX - base))};
    if (part.begin >= part.end) return true;
    if (const auto& same = behind_any(walk, digits)) {
      if (!pattern_.is_alive(*same) && !pattern_.accepts_file(*same)) return true;
      return visit(part, *same);
    }
    for (unsigned digit = 0; digit < 10; ++digit) {
      const std::uint64_t below = base + digit * kPowersOfTen[digits - 1];
      if (below >= within.end) break;
      if (!descend(within, below, digits - 1, after_digit(walk, digit), visit)) return false;
    }
    return true;
  }

  Pattern::Walk after_digit(const Pattern::Walk& walk, unsigned digit) const {
    const char text = static_cast<char>('0' + digit);
    return pattern_.advance(walk, std::string_view(&text, 1));
  }

  void look();

  /// Where the pattern stands after any text of so many digits, if that is the same place for all of them.
  const std::optional<Pattern::Walk>& behind_any(const Pattern::Walk& walk, unsigned digits);

  const Pattern& pattern_;
  std::uint64_t steps_max_;
  const AskStop ask_stop_;
  std::map<std::pair<Pattern::Walk, unsigned>, std::optional<Pattern::Walk>> known_;
  std::uint64_t steps_ = 0, next_look_ = 1;
  bool is_stopped_ = false;
};

}  // namespace sluice::dataset
