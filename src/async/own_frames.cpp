#include "async/own_frames.hpp"

#include <algorithm>
#include <array>

namespace sluice::async {

namespace {

constexpr std::string_view kOurs = "sluice::";
constexpr std::string_view kUnnamed = "(anonymous namespace)::";
constexpr std::string_view kOperator = "operator";

/// How many bytes of the text are an operator's name: "operator<<", "operator()"; 0 where it begins with none.
std::size_t operator_length(std::string_view text) {
  if (!text.starts_with(kOperator)) return 0;
  const std::string_view sign = text.substr(kOperator.size());
  if (sign.starts_with("()")) return kOperator.size() + 2;
  const std::size_t end = sign.find_first_not_of("<>=-+*/%&|^!~,");
  return kOperator.size() + std::min(end, sign.size());
}

/// The text without what stands in brackets of any kind, and without unnamed namespaces.
std::string without_brackets(std::string_view text) {
  std::string bare;
  std::size_t depth = 0;
  while (!text.empty()) {
    std::size_t taken = 1;
    if (text.starts_with(kUnnamed)) {
      taken = kUnnamed.size();
    } else if (const std::size_t length = operator_length(text); length > 0) {
      taken = length;
      if (depth == 0) bare += text.substr(0, length);
    } else if (std::string_view("(<{[").contains(text.front())) {
      ++depth;
    } else if (std::string_view(")>}]").contains(text.front())) {
      depth -= std::min<std::size_t>(depth, 1);
    } else if (depth == 0) {
      bare += text.front();
    }
    text.remove_prefix(taken);
  }
  return bare;
}

/// The last word of "void sluice::f const": what a function returns stands before its name, what it promises behind.
std::string_view function_of(std::string_view bare) {
  constexpr std::array<std::string_view, 5> kPromises = {"", "const", "volatile", "&", "&&"};
  while (true) {
    const std::size_t blank = bare.rfind(' ');
    const std::string_view word = blank == std::string_view::npos ? bare : bare.substr(blank + 1);
    if (blank == std::string_view::npos || std::ranges::find(kPromises, word) == kPromises.end()) return word;
    bare = bare.substr(0, blank);
  }
}

}  // namespace

std::string own_name(std::string_view frame) {
  const std::string bare = without_brackets(frame.substr(0, frame.rfind(" +0x")));
  std::string_view name = function_of(bare);
  if (!name.starts_with(kOurs)) return "";
  name.remove_prefix(kOurs.size());
  for (const std::string_view lambda : {"::::", "::$_", "::'"}) name = name.substr(0, name.find(lambda));
  return std::string(name);
}

std::vector<std::string> own_frames(const std::vector<std::string>& stack, std::size_t frames_max) {
  std::vector<std::string> ours;
  for (const std::string& frame : stack) {
    std::string name = own_name(frame);
    if (name.empty() || (!ours.empty() && ours.back() == name)) continue;
    if (ours.size() == frames_max) break;
    ours.push_back(std::move(name));
  }
  return ours;
}

}  // namespace sluice::async
