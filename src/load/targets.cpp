#include "load/targets.hpp"

#include <algorithm>
#include <optional>

namespace sluice::load {

namespace {

bool is_uri(std::string_view path) { return path.find("://") != std::string_view::npos; }
bool is_null(std::string_view uri) { return uri.starts_with("null://"); }
bool has_wildcards(std::string_view uri) { return uri.find_first_of("*?[{\\") != std::string_view::npos; }

/// What stands behind `base` in a URI that lies at or below it. A base that does not end in '/' is one object, and one
/// of null:// with parameters is a target of its own.
std::optional<std::string_view> name_below(std::string_view base, std::string_view uri) {
  if (uri == base) return std::string_view{};
  if (base.ends_with('/') && uri == base.substr(0, base.size() - 1)) return std::string_view{};
  if (is_null(base) && (base.contains('?') || uri.contains('?'))) return std::nullopt;
  if (!base.ends_with('/') || !uri.starts_with(base)) return std::nullopt;
  return uri.substr(base.size());
}

/// The directory part before the first wildcard, with its '/': "file:///a/b/" of "file:///a/b/c*/d".
std::string_view literal_base(std::string_view uri) {
  const std::size_t authority = uri.find("://") + 3;
  const std::size_t wildcard = uri.find_first_of("*?[{\\", authority);
  const std::size_t slash = uri.rfind('/', wildcard);
  return slash == std::string_view::npos || slash < authority ? uri : uri.substr(0, slash + 1);
}

}  // namespace

base::Result<Place> Targets::open(const std::string& base_uri, std::string name) {
  SLUICE_TRY(std::unique_ptr<storage::Backend> backend, open_(base_uri));
  return keep(std::move(backend), std::move(name));
}

Place Targets::keep(std::unique_ptr<storage::Backend> backend, std::string name) {
  backends_.push_back(std::move(backend));
  return Place{.backend = backends_.back().get(),
               .store = static_cast<std::uint32_t>(backends_.size() - 1),
               .name = std::move(name)};
}

base::Result<Place> Targets::locate(std::string_view path) {
  const bool full = is_uri(path);
  if (!full && target_.empty()) {
    return base::fail(base::Code::InvalidArgument, "the path is relative, and the plan has no target",
                      std::string(path));
  }
  const std::string_view base = full ? path : std::string_view(target_);
  for (std::size_t i = 0; i < backends_.size(); ++i) {
    const std::string& opened = backends_[i]->uri();
    const std::optional<std::string_view> name = full ? name_below(opened, path) : std::optional(path);
    if (!name || (!full && opened != base)) continue;
    return Place{.backend = backends_[i].get(), .store = static_cast<std::uint32_t>(i), .name = std::string(*name)};
  }
  if (!full) return open(target_, std::string(path));
  if (const auto name = name_below(target_, path); !target_.empty() && name) return open(target_, std::string(*name));
  if (is_null(path)) return open(std::string(path), {});
  if (!path.ends_with('/') && !has_wildcards(path)) {
    // A device is a target of its own: only as such is it guarded against being overwritten.
    SLUICE_TRY(std::unique_ptr<storage::Backend> backend, open_(std::string(path)));
    const base::Result<storage::TargetFacts> facts = backend->inspect();
    if (facts && facts->single_object && facts->filesystem == "block device") return keep(std::move(backend), {});
  }
  const std::string_view literal = literal_base(path);
  return open(std::string(literal), std::string(path.substr(literal.size())));
}

std::vector<storage::Backend*> Targets::backends() const {
  std::vector<storage::Backend*> all;
  std::ranges::transform(backends_, std::back_inserter(all), [](const auto& backend) { return backend.get(); });
  return all;
}

}  // namespace sluice::load
