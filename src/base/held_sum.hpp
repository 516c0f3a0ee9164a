#pragma once

#include <cstdint>
#include <limits>

namespace sluice::base {

/// a + b, held at the bounds of the type: for times that come from outside.
constexpr std::int64_t held_sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
}

}  // namespace sluice::base
