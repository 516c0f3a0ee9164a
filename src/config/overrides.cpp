#include "config/overrides.hpp"

#include <optional>
#include <variant>

#include <fmt/format.h>

#include "base/units.hpp"
#include "config/yaml_parse.hpp"

namespace sluice::config {

namespace {

constexpr std::string_view kForm = "--set key=value, with dots and [index] in the key: --set workload[0].weight=5";

/// A key of a map, or an index of a list.
using Step = std::variant<std::string, std::size_t>;

/// "a.b[0].c" -> a, b, 0, c; absent where it is malformed.
std::optional<std::vector<Step>> parse_path(std::string_view path) {
  std::vector<Step> steps;
  while (!path.empty()) {
    if (path.front() == '[') {
      const std::size_t close = path.find(']');
      if (close == std::string_view::npos || steps.empty()) return std::nullopt;
      const auto index = base::parse_count(path.substr(1, close - 1));
      if (!index) return std::nullopt;
      steps.emplace_back(static_cast<std::size_t>(*index));
      path.remove_prefix(close + 1);
    } else {
      if (!steps.empty()) {
        if (path.front() != '.') return std::nullopt;
        path.remove_prefix(1);
      }
      const std::size_t end = std::min(path.find_first_of(".["), path.size());
      if (end == 0) return std::nullopt;
      steps.emplace_back(std::string(path.substr(0, end)));
      path.remove_prefix(end);
    }
  }
  if (steps.empty()) return std::nullopt;
  return steps;
}

void set_position(YamlNode& node, Position at) {
  node.at = at;
  for (YamlNode& item : node.items) set_position(item, at);
  for (Entry& entry : node.entries) {
    entry.at = at;
    set_position(entry.value, at);
  }
}

/// The value below `node` that a step leads to, made where it is missing; null, with a problem, where it cannot be.
YamlNode* descend(YamlNode& node, const Step& step, Position at, Problems& problems) {
  if (const auto* key = std::get_if<std::string>(&step)) {
    if (node.is_null()) node = YamlNode{.kind = YamlNode::Kind::Map, .at = at, .path = node.path};
    if (!node.is_map()) {
      problems.add(at, node.path,
                   fmt::format("{} is {}, which has no key {}", node.path, describe(node), quoted(*key)));
      return nullptr;
    }
    if (YamlNode* found = node.find(*key)) return found;
    Entry& entry = node.entries.emplace_back();
    entry.key = *key;
    entry.at = at;
    return &entry.value;
  }
  const std::size_t index = std::get<std::size_t>(step);
  if (node.is_null()) node = YamlNode{.kind = YamlNode::Kind::List, .at = at, .path = node.path};
  if (!node.is_list()) {
    problems.add(at, node.path, fmt::format("{} is {}, not a list", node.path, describe(node)));
    return nullptr;
  }
  if (index > node.items.size()) {
    problems
        .add(at, node.path,
             fmt::format("{} has {} item{}, so index {} is beyond its end", node.path, node.items.size(),
                         node.items.size() == 1 ? "" : "s", index))
        .add_try(fmt::format("[{}] appends an item", node.items.size()));
    return nullptr;
  }
  if (index == node.items.size()) node.items.emplace_back();
  return &node.items[index];
}

void apply(const std::string& text, Position at, YamlNode& root, Problems& problems) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    problems.add(at, "", "'=' and a value are missing").add_try(std::string(kForm));
    return;
  }
  const auto steps = parse_path(std::string_view(text).substr(0, equals));
  if (!steps) {
    problems.add(at, "", fmt::format("{} is no key of a plan", quoted(text.substr(0, equals))))
        .add_try(std::string(kForm));
    return;
  }
  auto value = parse_yaml(text.substr(equals + 1));
  if (!value) {
    problems.add(at, text.substr(0, equals), value.error().front().what).add_try("put the value in quotes");
    return;
  }
  YamlNode* node = &root;
  for (const Step& step : *steps) {
    node = descend(*node, step, at, problems);
    if (node == nullptr) return;
  }
  set_position(*value, at);
  *node = std::move(*value);
  set_paths(root, "");
}

}  // namespace

void apply_overrides(const std::vector<std::string>& sets, YamlNode& root, Problems& problems) {
  set_paths(root, "");
  for (std::size_t i = 0; i < sets.size(); ++i) {
    apply(sets[i], {.line = 0, .column = 0, .override_index = static_cast<int>(i)}, root, problems);
  }
}

}  // namespace sluice::config
