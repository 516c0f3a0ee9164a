#include <algorithm>

#include <fmt/format.h>

#include "base/units.hpp"
#include "config/reading.hpp"
#include "config/uri.hpp"
#include "dataset/tree.hpp"

namespace sluice::config {

namespace {

using model::Dataset;
using model::TreeShape;

constexpr std::uint64_t kWidthMax = 1'000'000;
constexpr std::uint32_t kShardsMax = 65'536;

void read_size_range(const Section& section, Dataset& out) {
  for (const char* key : {"min_size", "max_size"}) {
    if (section.has(key)) continue;
    section.problems().add_missing(section.node(),
                                   fmt::format("{} is missing: min_size and max_size go together", key));
    return;
  }
  model::SizeSpec spec{.kind = model::SizeSpec::Kind::Uniform};
  if (!section.read_bytes("min_size", spec.min, {0, kObjectBytesMax})) return;
  if (!section.read_bytes("max_size", spec.max, {0, kObjectBytesMax})) return;
  if (spec.min > spec.max) {
    section.problems()
        .add(*section.find("min_size"), fmt::format("min_size {} is larger than max_size {}",
                                                    section.find("min_size")->text, section.find("max_size")->text))
        .add_likely("the two are swapped")
        .add_try("put the smaller one first");
    return;
  }
  out.size = spec.min == spec.max ? model::SizeSpec::fixed(spec.min) : spec;
}

/// False where the entry gives no size at all.
bool read_object_size(const Section& section, Dataset& out) {
  const bool range = section.has("min_size") || section.has("max_size");
  const int ways = (section.has("object_size") ? 1 : 0) + (section.has("size_spec") ? 1 : 0) + (range ? 1 : 0);
  if (ways > 1) {
    section.problems()
        .add(section.node(), "the size is given twice: take one of object_size, size_spec, min_size with max_size")
        .add_try("keep one of them");
    return true;
  }
  std::uint64_t size = 0;
  if (section.read_bytes("object_size", size, {0, kObjectBytesMax})) out.size = model::SizeSpec::fixed(size);
  if (const YamlNode* spec = section.find("size_spec")) read_size_spec(*spec, section.problems(), out.size);
  if (range) read_size_range(section, out);
  return ways > 0;
}

void read_dataset_uri(const Section& section, Reading& reading, Dataset& out) {
  const YamlNode* uri = section.find("base_uri");
  if (uri == nullptr) {
    out.base_uri = reading.plan.target;
    if (!out.base_uri.empty() || reading.has_wrong_target) return;
    section.problems()
        .add_missing(section.node(), "base_uri is missing, and the plan has no target to take its place")
        .add_try("base_uri: \"file:///path/\"");
    return;
  }
  const bool relative = uri->is_scalar() && scheme_of(uri->text).empty() && !uri->text.starts_with('/');
  if (relative && climbs(uri->text)) {
    section.problems()
        .add(*uri, "base_uri leaves the target with \"..\"")
        .add_likely("it is meant from another folder than the target")
        .add_try("name the folder by its full URI");
    return;
  }
  if (relative && !uri->text.empty() && reading.plan.target.empty()) {
    if (reading.has_wrong_target) return;
    section.problems()
        .add(*uri, fmt::format("base_uri {} hangs below the target, and the plan has none", quoted(uri->text)))
        .add_likely("the target is left out")
        .add_try("give the plan a target, or write a full URI: \"file:///path/" + uri->text + "\"");
    return;
  }
  if (relative && !uri->text.empty()) {
    out.base_uri = reading.plan.target + uri->text + (uri->text.ends_with('/') ? "" : "/");
  } else if (!read_base_uri(*uri, section.problems(), out.base_uri)) {
    return;
  }
  reading.unbuilt_scheme(out.base_uri, uri->at);
}

void read_tree_shape(const YamlNode& node, Problems& problems, TreeShape& out) {
  const Section section(node, kDirectoryStructureKeys, problems);
  for (const char* key : {"width", "depth", "files_per_dir"}) {
    if (node.is_map() && !section.has(key))
      problems.add_missing(node, fmt::format("directory_structure needs {}", key));
  }
  section.count("width", out.width, {1, kWidthMax});
  section.count("depth", out.depth, {1, dataset::Tree::kDepthMax});
  section.count("files_per_dir", out.files_per_dir, {0, kObjectsMax});
  section.choose("distribution", out.all_levels, kTreeDistributions);
  section.read("dir_mask", out.dir_mask);
}

void report_tree_fault(const YamlNode& node, Problems& problems, const base::Error& error) {
  const YamlNode* mask = node.find("dir_mask");
  const bool of_mask = mask != nullptr && error.what.find("mask") != std::string::npos;
  base::Error& problem = problems.add(of_mask ? *mask : node, error.what);
  problem.likely = error.likely;
  problem.try_next = error.try_next;
}

/// The tree's dataset: what the first entry of ensure_objects gives, or one without files.
void read_tree(const YamlNode& node, std::span<const YamlNode> entries, Reading& reading,
               std::vector<Dataset>& datasets) {
  Problems& problems = reading.problems;
  if (entries.size() > 1) {
    problems.add(entries[1], "no flat objects beside a directory_structure: ensure_objects has one entry then")
        .add_likely("the first entry gives the size and fill of the tree's files; the others would be flat")
        .add_try("remove the other entries, or prepare them in a plan of their own");
  }
  TreeShape shape;
  read_tree_shape(node, problems, shape);
  if (!problems.empty()) return;
  const base::Result<dataset::Tree> tree = dataset::Tree::create(shape);
  if (!tree) return report_tree_fault(node, problems, tree.error());
  if (datasets.empty()) {
    if (reading.plan.target.empty())
      problems.add_missing(node, "directory_structure needs a target, or an ensure_objects entry with base_uri");
    datasets.push_back({.base_uri = reading.plan.target, .line = node.at.line});
  }
  Dataset& dataset = datasets.front();
  if (shape.files_per_dir > 0 && entries.empty()) {
    problems.add_missing(node, "directory_structure with files needs an ensure_objects entry for their size")
        .add_try("ensure_objects: [{object_size: 4KiB}], or files_per_dir: 0 for directories only");
  }
  if (dataset.count != 0 && dataset.count != tree->file_count()) {
    const YamlNode* count = entries.front().find("count");
    problems
        .add(*count,
             fmt::format("count {} contradicts the tree, which has {} files (width {}, depth {}, {} a directory, "
                         "distribution {})",
                         base::format_count(dataset.count), base::format_count(tree->file_count()), shape.width,
                         shape.depth, base::format_count(shape.files_per_dir),
                         word_for(kTreeDistributions, shape.all_levels)))
        .add_try(fmt::format("count: {}, or leave count out", tree->file_count()));
  }
  dataset.count = tree->file_count();
  dataset.tree = shape;
}

void read_datasets(const Section& section, Reading& reading) {
  const std::span<const YamlNode> entries = section.list("ensure_objects");
  const YamlNode* tree = section.find("directory_structure");
  std::vector<Dataset>& datasets = reading.plan.prepare.datasets;
  for (const YamlNode& node : entries) {
    const Section entry(node, kDatasetKeys, reading.problems);
    Dataset& dataset = datasets.emplace_back();
    dataset.line = node.at.line;
    if (!node.is_map()) continue;
    read_dataset_uri(entry, reading, dataset);
    read_data(entry, reading, dataset.data);
    read_use_multi_endpoint(entry, reading);
    const bool counted = entry.count("count", dataset.count, {tree == nullptr ? std::uint64_t{1} : 0, kObjectsMax});
    if (tree == nullptr && !counted && !entry.has("count")) reading.problems.add_missing(node, "count is missing");
    if (!read_object_size(entry, dataset)) {
      reading.problems.add_missing(node, "the size is missing: object_size, size_spec, or min_size with max_size")
          .add_try("object_size: 4KiB");
    }
  }
  if (tree != nullptr) read_tree(*tree, entries, reading, datasets);
}

/// The place of a URI however it is written: "a//b/./c/" is "a/b/c/".
std::string without_detours(std::string_view uri) {
  const std::size_t path = uri.find("://") + 3;
  std::string place(uri.substr(0, path));
  for (std::string_view rest = uri.substr(path); !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size() - 1) + 1;
    const std::string_view part = rest.substr(0, end);
    if (part != "./" && (part != "/" || !place.ends_with('/') || place.size() == path)) place += part;
    rest.remove_prefix(end);
  }
  return place;
}

void check_apart(const Section& section, const model::RunPlan& plan) {
  const std::vector<Dataset>& datasets = plan.prepare.datasets;
  const std::span<const YamlNode> entries = section.list("ensure_objects");
  for (std::size_t i = 1; i < datasets.size() && i < entries.size(); ++i) {
    const std::string place = without_detours(datasets[i].base_uri);
    const auto same = std::ranges::find(datasets.begin(), datasets.begin() + static_cast<std::ptrdiff_t>(i), place,
                                        [](const Dataset& dataset) { return without_detours(dataset.base_uri); });
    if (same == datasets.begin() + static_cast<std::ptrdiff_t>(i)) continue;
    section.problems()
        .add(entries[i], fmt::format("a second dataset at {}: its objects would have the names of the one at line {}",
                                     datasets[i].base_uri, same->line))
        .add_try("give each entry a base_uri of its own");
  }
}

}  // namespace

void read_prepare(const YamlNode& node, Reading& reading) {
  const Section section(node, kPrepareKeys, reading.problems);
  if (!node.is_map()) return;
  model::Prepare& prepare = reading.plan.prepare;
  read_datasets(section, reading);
  if (reading.problems.empty()) check_apart(section, reading.plan);
  section.read("skip_verification", prepare.skip_verification);
  section.read("force_overwrite", prepare.force_overwrite);
  section.choose("prepare_strategy", prepare.strategy, kPrepareStrategies);
  section.read("post_prepare_delay", prepare.post_prepare_delay,
               {base::Nanos{0}, base::Nanos{std::int64_t{86'400'000'000'000}}});
  section.count("key_prefix_shards", prepare.key_prefix_shards, {0, kShardsMax});
  section.choose("cleanup_mode", prepare.cleanup_mode, kCleanupModes);
  bool cleanup = reading.cleanup;
  if (!section.read("cleanup", cleanup)) return;
  const Position at = section.find("cleanup")->at;
  if (reading.cleanup_at.line != 0 && cleanup != reading.cleanup) {
    section.problems()
        .add(at, "prepare.cleanup",
             fmt::format("prepare.cleanup is {}, but cleanup at the top level (line {}) is {}", cleanup,
                         reading.cleanup_at.line, reading.cleanup))
        .add_try("keep one of the two");
  }
  reading.cleanup = cleanup;
  reading.cleanup_at = at;
}

}  // namespace sluice::config
