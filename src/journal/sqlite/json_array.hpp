#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::journal {

/// The numbers as the JSON array that json_each() takes as one bound value.
template <class Number>
std::string array_of(const std::vector<Number>& numbers) {
  std::string text = "[";
  for (const Number number : numbers) {
    if (text.size() > 1) text += ',';
    text += std::to_string(static_cast<std::int64_t>(number));
  }
  return text + "]";
}

}  // namespace sluice::journal
