#include "app/results/records_text.hpp"

#include <fmt/format.h>

namespace sluice::app {

std::string status_words(journal::StatusSet status) {
  std::string words;
  const auto add = [&](std::string_view name) { words += (words.empty() ? "" : ",") + std::string(name); };
  if ((status & journal::kSucceeded) != 0) add("success");
  for (std::size_t i = 0; i < model::kErrorKinds; ++i) {
    const auto kind = static_cast<model::ErrorKind>(i);
    if ((status & journal::status_of(kind)) != 0) add(name_of(kind));
  }
  return words;
}

journal::StatusSet all_errors() {
  journal::StatusSet all = 0;
  for (std::size_t i = 0; i < model::kErrorKinds; ++i) all |= journal::status_of(static_cast<model::ErrorKind>(i));
  return all;
}

std::string seconds_words(std::int64_t ns) { return fmt::format("{:.3f} s", static_cast<double>(ns) / 1e9); }

}  // namespace sluice::app
