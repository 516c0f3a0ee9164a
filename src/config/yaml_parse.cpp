#include "config/yaml_parse.hpp"

#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace sluice::config {

namespace {

constexpr std::string_view kMergeKey = "<<";

Position position_of(const YAML::Mark& mark) { return {.line = mark.line + 1, .column = mark.column + 1}; }

/// Thrown out of yaml-cpp's callbacks, which have no other way to stop it; caught in parse_yaml.
struct Stop {
  YamlFault fault;
};

/// Builds the tree from yaml-cpp's events, which (unlike its nodes) show duplicate keys.
class TreeBuilder final : public YAML::EventHandler {
 public:
  std::vector<YamlFault> faults;

  YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(YamlNode{.kind = YamlNode::Kind::Null, .at = position_of(mark)}, anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    add(YamlNode{.kind = YamlNode::Kind::Scalar, .at = position_of(mark), .text = value, .quoted = tag == "!"}, anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Stop{{.at = position_of(mark), .what = "the alias stands inside of what it names"}};
    }
    YamlNode copy = found->second.node;
    copy.at = position_of(mark);
    count(found->second.nodes, copy.at);
    add(std::move(copy), YAML::NullAnchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode{.kind = YamlNode::Kind::List, .at = position_of(mark)}, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode{.kind = YamlNode::Kind::Map, .at = position_of(mark)}, anchor);
  }
  void OnMapEnd() override {
    merge();
    close();
  }

 private:
  struct Key {
    std::string text;
    Position at;
  };
  /// A list or map that is being read.
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::size_t nodes_before = 0;
    std::optional<Key> key;        ///< Map: read, its value is not
    std::vector<YamlNode> merged;  ///< Map: values of `<<`
  };
  struct Anchored {
    YamlNode node;
    std::size_t nodes = 0;
  };

  void count(std::size_t nodes, Position at) {
    nodes_ += nodes;
    if (nodes_ > kNodesMax) throw Stop{{.at = at, .what = fmt::format("the plan has more than {} values", kNodesMax)}};
  }

  void open(YamlNode node, YAML::anchor_t anchor) {
    const Position at = node.at;
    if (!stack_.empty() && stack_.back().node.is_map() && !stack_.back().key) {
      throw Stop{{.at = at,
                  .what = "a key must be a word, not a list or a map",
                  .likely = "a '[' or '{' is never closed, or text that begins with one is not quoted",
                  .try_next = "put text that begins with '{' or '[' in quotes"}};
    }
    if (stack_.size() >= kDepthMax) {
      throw Stop{{.at = at, .what = fmt::format("lists and maps stand more than {} deep in each other", kDepthMax)}};
    }
    stack_.push_back({.node = std::move(node), .anchor = anchor, .nodes_before = nodes_});
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    const std::size_t below = nodes_ - frame.nodes_before;
    add(std::move(frame.node), frame.anchor, below);
  }

  void add(YamlNode node, YAML::anchor_t anchor, std::size_t nodes_below = 0) {
    count(1, node.at);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {node, nodes_below + 1};
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node.is_list()) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.key) {
      set_key(frame, node);
    } else {
      set_value(frame, std::move(node));
    }
  }

  static void set_key(Frame& frame, const YamlNode& node) {
    if (!node.is_scalar()) throw Stop{{.at = node.at, .what = "a key must be a word, not " + describe(node)}};
    frame.key = Key{node.text, node.at};
  }

  void set_value(Frame& frame, YamlNode node) {
    const Key key = std::exchange(frame.key, std::nullopt).value_or(Key{});
    if (key.text == kMergeKey && (node.is_map() || node.is_list())) {
      frame.merged.push_back(std::move(node));
      return;
    }
    for (const Entry& entry : frame.node.entries) {
      if (entry.key != key.text) continue;
      faults.push_back({.at = key.at,
                        .what = fmt::format("key \"{}\" stands here a second time; the first is at line {}, column {}",
                                            key.text, entry.at.line, entry.at.column),
                        .likely = "a block was copied and one key was left over",
                        .try_next = "keep one of the two"});
      return;
    }
    frame.node.entries.push_back({.key = key.text, .at = key.at, .value = std::move(node)});
  }

  /// `<<: *alias`: what the map itself does not say comes from there (https://yaml.org/type/merge.html).
  void merge() {
    Frame& frame = stack_.back();
    const std::vector<YamlNode> merged = std::move(frame.merged);
    for (const YamlNode& from : merged) {
      if (from.is_list()) {
        for (const YamlNode& item : from.items) merge_from(frame.node, item);
      } else {
        merge_from(frame.node, from);
      }
    }
  }

  static void merge_from(YamlNode& into, const YamlNode& from) {
    for (const Entry& entry : from.entries) {
      if (into.find(entry.key) == nullptr) into.entries.push_back(entry);
    }
  }

  YamlNode root_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t nodes_ = 0;
};

/// What yaml-cpp says, and the same for people.
struct Wording {
  std::string_view given;
  std::string_view plain;
};

constexpr Wording kWordings[] = {
    {"end of map not found", "this line fits neither the indentation above it nor a map"},
    {"end of sequence not found", "this line fits neither the indentation above it nor a list"},
    {"end of map flow not found", "a '{' above is never closed, or a ',' is missing"},
    {"end of sequence flow not found", "a '[' above is never closed, or a ',' is missing"},
    {"illegal flow end", "a ']' or '}' that does not close what was opened last"},
    {"illegal map value", "a ':' stands where no value can follow"},
    {"illegal block entry", "a '-' stands where no list can begin"},
    {"illegal EOF in scalar", "a quote is never closed"},
    {"illegal tab when looking for indentation", "a tab in the indentation; YAML takes blanks only"},
    {"unknown token", "a character that can begin nothing here"},
    {"alias not found after *", "a '*' that is not in quotes stands for another value, and names none"},
    {"the referenced anchor is not defined", "a '*' that is not in quotes stands for another value, and there is none"},
    {"illegal character found while scanning alias",
     "a '*' that is not in quotes stands for another value, whose name has letters and digits only"},
    {"unknown escape character: ", "an escape that YAML does not know, in double quotes"},
};

std::string in_plain_words(const std::string& given) {
  for (const Wording& wording : kWordings) {
    if (given.starts_with(wording.given)) return std::string(wording.plain);
  }
  return given;
}

/// Whether a line, counted from 0, begins with blanks of which one is a tab. yaml-cpp seldom says so itself: it names
/// what it finds after the tab.
bool is_indented_by_tab(std::string_view text, int line) {
  for (; line > 0; --line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

YamlFault syntax_fault(std::string_view text, const YAML::ParserException& exception) {
  if (is_indented_by_tab(text, exception.mark.line)) {
    return {.at = position_of(exception.mark),
            .what = "bad YAML: a tab in the indentation; YAML takes blanks only",
            .likely = "the editor writes tabs",
            .try_next = "replace the tabs: expand -t 2 PLAN.yaml"};
  }
  const std::string what = in_plain_words(exception.msg);
  if (what.starts_with("a '*'")) {
    return {.at = position_of(exception.mark),
            .what = "bad YAML: " + what,
            .likely = "a glob that begins with '*' is not in quotes",
            .try_next = "path: \"*.dat\", path: \"**/\""};
  }
  return {.at = position_of(exception.mark),
          .what = "bad YAML: " + what,
          .likely = "indentation, a missing ':' or quote, or a bracket that is not closed, here or just above",
          .try_next = "put text with any of : # { } [ ] , * & ! | > ' \" in quotes"};
}

/// A NUL is in no text but in UTF-16 and UTF-32, which yaml-cpp reads where a byte order mark tells of them.
std::vector<YamlFault> faults_of_binary(std::string_view text) {
  using namespace std::string_view_literals;
  const std::size_t at = text.find('\0');
  const bool is_wide = text.starts_with("\xff\xfe"sv) || text.starts_with("\xfe\xff"sv) ||
                       text.substr(0, 2).find('\0') != std::string_view::npos;
  if (at == std::string_view::npos || is_wide) return {};
  return {{.at = {.line = 1, .column = 1},
           .what = fmt::format("this is no text: its byte {} is NUL", at + 1),
           .likely = "the name of another file was given: a program, an archive, an image",
           .try_next = "file PLAN.yaml says what it is"}};
}

}  // namespace

std::expected<YamlNode, std::vector<YamlFault>> parse_yaml(std::string_view text) {
  using Faults = std::vector<YamlFault>;
  const Position start{.line = 1, .column = 1};
  if (const Faults faults = faults_of_binary(text); !faults.empty()) return std::unexpected(faults);
  if (text.size() > kTextBytesMax) {
    return std::unexpected(Faults{{.at = start, .what = fmt::format("a plan has at most {} bytes", kTextBytesMax)}});
  }
  TreeBuilder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    YamlNode root = builder.take_root();
    TreeBuilder second;
    if (parser.HandleNextDocument(second)) {
      builder.faults.push_back({.at = second.take_root().at,
                                .what = "a plan is one YAML document, and here begins a second",
                                .likely = "two plans were put into one file",
                                .try_next = "remove the line ---, or put the two into files of their own"});
    }
    if (builder.faults.empty()) return root;
  } catch (const Stop& stop) {
    builder.faults.push_back(stop.fault);
  } catch (const YAML::ParserException& exception) {
    builder.faults.push_back(syntax_fault(text, exception));
  } catch (const std::exception& exception) {
    builder.faults.push_back({.at = start, .what = std::string("bad YAML: ") + exception.what()});
  }
  return std::unexpected(std::move(builder.faults));
}

}  // namespace sluice::config
