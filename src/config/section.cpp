#include "config/section.hpp"

#include <fmt/format.h>

#include "base/assert.hpp"

namespace sluice::config {

Section::Section(const YamlNode& node, const SectionKeys& keys, Problems& problems)
    : node_(node), keys_(keys), problems_(problems) {
  if (!node.is_map()) {
    problems_.add(node, fmt::format("{} must be a map of keys and values, not {}", label(node), describe(node)));
    return;
  }
  for (const Entry& entry : node.entries) {
    const Key* key = keys_.find(entry.key);
    const bool without_effect =
        key == nullptr ? kWithoutEffectKeys.find(entry.key) != nullptr : key->key_class == KeyClass::NoEffect;
    if (without_effect) {
      problems_.warn_once(entry.key, entry.at, fmt::format("{} is known, but nothing follows from it here", entry.key));
    } else if (key == nullptr) {
      complain_of_unknown(entry);
    } else if (entry.value.is_null()) {
      problems_.warn(entry.at, fmt::format("{} has no value and is taken as not given", entry.key));
    }
  }
}

const YamlNode* Section::find(std::string_view key) const {
  SLUICE_ASSERT(keys_.find(key) != nullptr);
  const YamlNode* value = node_.find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::span<const YamlNode> Section::list(std::string_view key) const {
  const YamlNode* value = find(key);
  if (value == nullptr) return {};
  if (!value->is_list()) {
    problems_.add(*value, fmt::format("{} must be a list, not {}", key, describe(*value)))
        .add_likely("the \"- \" before the first item is missing")
        .add_try("begin each item with \"- \", or write them as [a, b]");
    return {};
  }
  return value->items;
}

void Section::complain_of_unknown(const Entry& entry) const {
  std::vector<std::string_view> names;
  for (const Key& key : keys_.keys) names.push_back(key.name);
  const std::string_view near = nearest(entry.key, names);
  const std::string what = fmt::format("unknown key {}{}", quoted(entry.key),
                                       near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
  if (problems_.allows_unknown_keys()) {
    problems_.warn(entry.at, what);
    return;
  }
  base::Error& problem = problems_.add(entry.at, entry.value.path, what);
  problem.add_likely(near.empty() ? "it belongs to another place in the plan, or to another tool" : "it is misspelt");
  const std::string here = &keys_ == &kPlanKeys ? "at the top level" : "of " + std::string(keys_.title);
  problem.add_try(fmt::format("the keys {} are: {}", here, fmt::join(names, ", ")));
  problem.add_try("--allow-unknown-keys turns unknown keys into warnings");
}

void Section::complain_of_variant(const Entry& entry, std::string_view kind, std::string_view variant,
                                  const std::vector<std::string_view>& takers) const {
  problems_
      .add(entry.at, entry.value.path,
           fmt::format("{} has no meaning for {} {}: only {} takes it", entry.key, kind, variant, join_or(takers)))
      .add_likely("the line was copied from one of another kind")
      .add_try(fmt::format("remove {} here, or change the {}", entry.key, kind));
}

}  // namespace sluice::config
