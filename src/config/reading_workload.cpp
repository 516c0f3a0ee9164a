#include <algorithm>

#include <fmt/format.h>

#include "base/units.hpp"
#include "config/reading.hpp"
#include "config/uri.hpp"
#include "dataset/pattern.hpp"
#include "dataset/zipf.hpp"

namespace sluice::config {

namespace {

using model::Operation;
using model::OpKind;

constexpr std::uint32_t kWeightMax = 1'000'000;
constexpr std::uint64_t kBlockBytesMax = std::uint64_t{1} << 30;

const auto& op_choices() {
  static const auto kChoices = [] {
    std::array<Choice<OpKind>, model::kOpKinds> choices{};
    for (std::size_t i = 0; i < choices.size(); ++i) {
      choices[i] = {model::name_of(static_cast<OpKind>(i)), static_cast<OpKind>(i)};
    }
    return choices;
  }();
  return kChoices;
}

bool check_glob(const YamlNode& node, Problems& problems) {
  const std::string_view text = node.text;
  if (scheme_of(text) == "null") return true;
  const std::size_t colon = text.find("://");
  const auto pattern = dataset::Pattern::compile(colon == std::string_view::npos ? text : text.substr(colon + 3));
  if (pattern) return true;
  base::Error& problem = problems.add(node, fmt::format("{} ({})", pattern.error().what, pattern.error().where));
  problem.likely = pattern.error().likely;
  problem.try_next = pattern.error().try_next;
  return false;
}

/// A backslash takes a special character as itself, so "\.\./" is "../", too.
std::string without_escapes(std::string path) {
  std::erase(path, '\\');
  return path;
}

/// A path or destination: kept as given, but it must be one that can be resolved.
void read_path(const Section& section, std::string_view key, Reading& reading, std::string& out) {
  const YamlNode* node = section.find(key);
  if (node == nullptr || !read_text(*node, section.problems(), out)) return;
  if (!check_path_uri(*node, section.problems()) || !check_glob(*node, section.problems())) return;
  const bool relative = scheme_of(out).empty();
  if (climbs(without_escapes(out))) {
    section.problems()
        .add(*node, fmt::format("{} leaves its place with \"..\"", key))
        .add_likely("the path is meant from another folder than the target")
        .add_try("name the folder by its full URI");
  } else if (relative && out.starts_with('/')) {
    section.problems()
        .add(*node, fmt::format("{} begins with '/', but a path without a scheme hangs below the target", key))
        .add_try(
            fmt::format("\"{}\" for a path below the target, \"file://{}\" for one of the host", out.substr(1), out));
  } else if (relative && reading.plan.target.empty() && !reading.has_wrong_target) {
    section.problems()
        .add(*node, fmt::format("{} {} hangs below the target, and the plan has none", key, quoted(out)))
        .add_likely("the target is left out")
        .add_try("give the plan a target, or write a full URI: \"file:///path/" + out + "\"");
  }
  reading.unbuilt_scheme(out, node->at);
}

/// "zipf(0.9)" -> "zipf", "0.9"; the argument is empty where there is none.
struct Call {
  std::string_view name;
  std::string_view argument;
};

Call split_call(std::string_view text) {
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos || !text.ends_with(')')) return {text, {}};
  return {text.substr(0, open), text.substr(open + 1, text.size() - open - 2)};
}

void read_access(const Section& section, Operation& out) {
  out.access.stride = 2 * out.block_size;
  const YamlNode* node = section.find("access");
  if (node != nullptr) {
    const Call call = split_call(node->text);
    YamlNode name = *node;
    name.text = call.name;
    if (!read_choice(name, section.problems(), out.access.kind, kAccessKinds)) return;
    YamlNode argument = *node;
    argument.text = call.argument;
    if (call.argument.empty()) {
    } else if (out.access.kind == model::Access::Kind::Zipf) {
      argument.path += ".theta";
      read_number(argument, section.problems(), out.access.theta, {0, dataset::Zipf::kThetaMax});
    } else if (out.access.kind == model::Access::Kind::Strided) {
      argument.path += ".stride";
      read_size(argument, section.problems(), out.access.stride, {out.block_size, kObjectBytesMax});
    } else {
      section.problems().add(*node, fmt::format("access {} takes nothing in brackets", call.name));
    }
  }
  const bool strided = out.access.kind == model::Access::Kind::Strided;
  section.read_bytes("stride", out.access.stride, {out.block_size, kObjectBytesMax});
  if (section.has("stride") && !strided) {
    section.problems().add(*section.find("stride"), "stride has no meaning without access: strided");
  }
  if (!strided) out.access.stride = 0;
}

void read_blocks(const Section& section, Reading& reading, Operation& out) {
  section.read_bytes("block_size", out.block_size, {1, kBlockBytesMax});
  read_access(section, out);
  section.choose("fsync", out.fsync, kFsyncs);
  section.read_bytes("offset", out.offset, {0, kObjectBytesMax});
  std::uint64_t size = 0;
  if (!section.read_bytes("size", size, {1, kObjectBytesMax})) return;
  out.range_bytes = size;
  if (size < out.block_size) {
    reading.problems
        .add(*section.find("size"), fmt::format("size {} is smaller than one block of {}", base::format_size(size),
                                                base::format_size(out.block_size)))
        .add_likely("size is taken for the size of one operation; that is block_size")
        .add_try("size: how much of the file is used, at least one block");
  }
}

void read_put_size(const Section& section, Operation& out) {
  const YamlNode* size = section.find("object_size");
  const YamlNode* spec = section.find("size_spec");
  if ((size == nullptr) == (spec == nullptr)) {
    section.problems()
        .add(section.node(), size == nullptr ? "put needs object_size or size_spec"
                                             : "the size is given twice: take object_size or size_spec")
        .add_likely(size == nullptr ? "the size is left out" : "a second size was added, and the first forgotten")
        .add_try("object_size: 64KiB, or size_spec: {type: uniform, min: 4KiB, max: 1MiB}");
    return;
  }
  std::uint64_t bytes = 0;
  if (size != nullptr && read_size(*size, section.problems(), bytes, {0, kObjectBytesMax})) {
    out.size = model::SizeSpec::fixed(bytes);
  }
  if (spec != nullptr) read_size_spec(*spec, section.problems(), out.size);
}

void read_details(const Section& section, Reading& reading, Operation& out) {
  section.allow_only(out.kind, "op", op_choices());
  const bool is_put = out.kind == OpKind::Put;
  const bool in_blocks = out.kind == OpKind::Read || out.kind == OpKind::Write;
  if (is_put) read_put_size(section, out);
  if (is_put || out.kind == OpKind::Write) read_data(section, reading, out.data);
  if (in_blocks) read_blocks(section, reading, out);
  if (out.kind == OpKind::Get || out.kind == OpKind::Read) {
    out.verify = reading.plan.verify;
    section.read("verify", out.verify);
    if (out.verify) reading.unbuilt("verify", section.has("verify") ? section.find("verify")->at : section.node().at);
  }
  if (out.kind == OpKind::Copy || out.kind == OpKind::Rename)
    read_path(section, "destination", reading, out.destination);
}

void read_operation(const YamlNode& node, Reading& reading) {
  Problems& problems = reading.problems;
  const Section section(node, kOperationKeys, problems);
  if (!node.is_map()) return;
  Operation& operation = reading.plan.workload.emplace_back();
  operation.line = node.at.line;
  for (const char* key : {"op", "path"}) {
    if (!section.has(key)) problems.add_missing(node, fmt::format("{} is missing", key));
  }
  section.count("weight", operation.weight, {0, kWeightMax});
  section.count("concurrency", operation.concurrency, {1, kConcurrencyMax});
  read_use_multi_endpoint(section, reading);
  read_path(section, "path", reading, operation.path);
  if (section.choose("op", operation.kind, op_choices())) read_details(section, reading, operation);
}

}  // namespace

void read_use_multi_endpoint(const Section& section, Reading& reading) {
  bool use = true;
  if (!section.read("use_multi_endpoint", use)) return;
  const Position at = section.find("use_multi_endpoint")->at;
  if (use && !reading.plan.multi_endpoint) {
    reading.problems.warn_once("use_multi_endpoint", at,
                               "use_multi_endpoint has no effect: the plan has no multi_endpoint");
  } else if (!use && reading.plan.multi_endpoint) {
    reading.problems.warn_once(
        "use_multi_endpoint", at,
        "use_multi_endpoint: false has no effect: with multi_endpoint every operation is routed");
  }
}

void read_workload(const Section& top, Reading& reading) {
  const YamlNode* workload = top.find("workload");
  if (workload == nullptr) return;
  reading.workload_at = workload->at;
  const std::span<const YamlNode> items = top.list("workload");
  if (workload->is_list() && items.empty()) reading.problems.add(*workload, "workload has no operations");
  for (const YamlNode& node : items) read_operation(node, reading);
  if (!reading.problems.empty() || items.empty()) return;
  if (std::ranges::all_of(reading.plan.workload, [](const Operation& op) { return op.weight == 0; })) {
    reading.problems.add(*workload, "every operation has weight 0, so none would ever be drawn")
        .add_try("give at least one operation a weight of 1 or more");
  }
}

}  // namespace sluice::config
