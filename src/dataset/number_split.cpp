#include "dataset/number_split.hpp"

namespace sluice::dataset {

namespace {

constexpr std::uint64_t kLookEvery = 1000;

}  // namespace

void NumberSplit::look() {
  next_look_ = steps_ + kLookEvery;
  is_stopped_ = is_stopped_ || (ask_stop_ && ask_stop_());
}

const std::optional<Pattern::Walk>& NumberSplit::behind_any(const Pattern::Walk& walk, unsigned digits) {
  const std::pair key(walk, digits);
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  ++steps_;
  std::optional<Pattern::Walk> same;
  if (digits == 0) {
    same = walk;
  } else {
    same = behind_any(after_digit(walk, 0), digits - 1);
    for (unsigned digit = 1; digit < 10 && same; ++digit) {
      if (behind_any(after_digit(walk, digit), digits - 1) != same) same.reset();
    }
  }
  return known_.emplace(key, std::move(same)).first->second;
}

}  // namespace sluice::dataset
