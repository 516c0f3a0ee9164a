#include "config/uri.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "config/keys.hpp"
#include "config/scalars.hpp"

namespace sluice::config {

namespace {

constexpr auto kSchemes = std::to_array<std::string_view>({"file", "direct", "null", "s3", "az", "gs"});
constexpr std::size_t kUriBytesMax = 4096;

bool check_scheme(const YamlNode& node, Problems& problems, const std::string& scheme) {
  if (std::ranges::find(kSchemes, scheme) != kSchemes.end()) return true;
  const std::string_view near = nearest(scheme, kSchemes);
  problems
      .add(node, fmt::format("{} has the unknown scheme {}{}", label(node), quoted(scheme + "://"),
                             near.empty() ? "" : fmt::format("; did you mean \"{}://\"?", near)))
      .add_likely("the scheme is misspelt, or belongs to another tool")
      .add_try("the schemes are file://, direct://, null://, s3://, az:// and gs://");
  return false;
}

bool check_length(const YamlNode& node, Problems& problems) {
  if (node.text.size() <= kUriBytesMax && node.text.find('\0') == std::string::npos) return true;
  problems.add(node, fmt::format("{} must have at most {} bytes and no NUL", label(node), kUriBytesMax));
  return false;
}

/// What stands behind "scheme://".
std::string_view behind_scheme(std::string_view uri) { return uri.substr(uri.find("://") + 3); }

/// Whether a shell would put something else for a part of it: "$HOME/x", "${DATA}", "~/x".
bool has_variable(std::string_view text) {
  for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    const char next = at + 1 < text.size() ? text[at + 1] : ' ';
    if (next == '{' || next == '_' || (next >= 'A' && next <= 'Z') || (next >= 'a' && next <= 'z')) return true;
  }
  return text.starts_with("~") || text.contains("://~");
}

void add_not_expanded(base::Error& problem, const YamlNode& node, std::string_view scheme) {
  std::string_view path = node.text;
  if (const std::size_t end = path.find("://"); end != std::string_view::npos) path.remove_prefix(end + 3);
  const std::string_view rest = path.substr(std::min(path.find('/'), path.size()));
  const std::string for_shell =
      (path.starts_with('~') ? "$HOME" : std::string(path.substr(0, path.find('/')))) + std::string(rest);
  problem.add_likely("variables and ~ are not expanded in a plan")
      .add_try(fmt::format("write the path out, as {}:///home/NAME{}", scheme, rest))
      .add_try(fmt::format("let the shell do it: --set {}=\"{}://{}\"", node.path, scheme, for_shell));
}

bool check_local_path(const YamlNode& node, Problems& problems, std::string_view scheme) {
  if (scheme != "file" && scheme != "direct") return true;
  if (behind_scheme(node.text).starts_with('/')) return true;
  base::Error& problem =
      problems.add(node, fmt::format("{} must name an absolute path: {}:///... with three slashes, not {}", label(node),
                                     scheme, describe(node)));
  if (has_variable(node.text)) return add_not_expanded(problem, node, scheme), false;
  problem.add_likely("a '/' is missing, so the first folder stands where a host would")
      .add_try(fmt::format("{}:///{}", scheme, behind_scheme(node.text)));
  return false;
}

bool check_bucket(const YamlNode& node, Problems& problems, std::string_view scheme) {
  if (!is_objects(node.text) || !behind_scheme(node.text).empty()) return true;
  problems.add(node, fmt::format("{} must name a bucket: {}://bucket/prefix/", label(node), scheme));
  return false;
}

}  // namespace

std::string scheme_of(std::string_view uri) {
  const std::size_t end = uri.find("://");
  if (end == std::string_view::npos) return {};
  std::string scheme(uri.substr(0, end));
  std::ranges::transform(scheme, scheme.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return scheme;
}

bool is_local_files(std::string_view uri) {
  const std::string scheme = scheme_of(uri);
  return scheme == "file" || scheme == "direct";
}

bool is_objects(std::string_view uri) {
  const std::string scheme = scheme_of(uri);
  return scheme == "s3" || scheme == "az" || scheme == "gs";
}

bool climbs(std::string_view path) {
  return path == ".." || path.starts_with("../") || path.ends_with("/..") ||
         path.find("/../") != std::string_view::npos;
}

bool read_base_uri(const YamlNode& node, Problems& problems, std::string& out) {
  std::string uri;
  if (!read_text(node, problems, uri) || !check_length(node, problems)) return false;
  if (uri.starts_with('/')) uri.insert(0, "file://");
  const std::string scheme = scheme_of(uri);
  if (scheme.empty()) {
    base::Error& problem =
        problems.add(node, fmt::format("{} must be a URI or an absolute path, not {}", label(node), describe(node)));
    if (has_variable(node.text)) return add_not_expanded(problem, node, "file"), false;
    problem.add_likely("the scheme is left out, or the path is meant from the current directory")
        .add_try("file:///path, direct:///path, null://name/ or s3://bucket/prefix/");
    return false;
  }
  if (!node.text.starts_with('/') &&
      (!check_scheme(node, problems, scheme) || !check_local_path(node, problems, scheme) ||
       !check_bucket(node, problems, scheme))) {
    return false;
  }
  if (has_variable(node.text)) {
    problems.warn(node.at,
                  fmt::format("variables are not expanded in a plan: {} is taken as it stands", describe(node)));
  }
  const bool has_parameters = scheme == "null" && uri.find('?') != std::string::npos;
  if (!uri.ends_with('/') && !has_parameters) uri += '/';
  out = uri;
  return true;
}

bool check_path_uri(const YamlNode& node, Problems& problems) {
  if (!check_length(node, problems)) return false;
  const std::string scheme = scheme_of(node.text);
  if (scheme.empty()) return true;
  return check_scheme(node, problems, scheme) && check_local_path(node, problems, scheme) &&
         check_bucket(node, problems, scheme);
}

}  // namespace sluice::config
