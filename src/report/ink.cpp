#include "report/ink.hpp"

#include <algorithm>

namespace sluice::report {

namespace {

std::string_view escape_of(Ink ink) {
  switch (ink) {
    case Ink::Plain: return "";
    case Ink::Heading: return "\033[1m";
    case Ink::Quiet: return "\033[2m";
    case Ink::Good: return "\033[32m";
    case Ink::Warning: return "\033[33m";
    case Ink::Bad: return "\033[31m";
  }
  return "";
}

}  // namespace

std::string inked(std::string_view text, Ink ink, bool colour) {
  if (!colour || ink == Ink::Plain || text.empty()) return std::string(text);
  return std::string(escape_of(ink)).append(text).append("\033[0m");
}

std::string without_ink(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    const std::size_t escape = std::min(text.find("\033["), text.size());
    plain += text.substr(0, escape);
    const std::size_t end = text.find('m', escape);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return plain;
}

}  // namespace sluice::report
