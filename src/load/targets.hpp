#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "storage/store.hpp"

namespace sluice::load {

/// Opens a base URI; given by the app, which knows the backends.
using OpenBackend = std::function<base::Result<std::unique_ptr<storage::Backend>>(const std::string& base_uri)>;

/// Where a path of the plan leads: a backend, which is also each worker's store of that number, and a name or pattern
/// relative to its base.
struct Place {
  storage::Backend* backend = nullptr;
  std::uint32_t store = 0;
  std::string name;
};

/// The base URIs of a run, each opened once: the target, and those that paths with a full URI bring. Used by one thread
/// at a time, between passes.
class Targets {
 public:
  /// `target` may be empty when every path is a full URI.
  Targets(std::string target, OpenBackend open) : target_(std::move(target)), open_(std::move(open)) {}

  /// Finds the place of a path (relative to the target, or a full URI with or without wildcards), opening its base
  /// where no base above it is open. Errors: InvalidArgument for a relative path without a target; what opening says.
  base::Result<Place> locate(std::string_view path);

  /// Those opened so far, by store number.
  std::vector<storage::Backend*> backends() const;

 private:
  base::Result<Place> open(const std::string& base_uri, std::string name);
  Place keep(std::unique_ptr<storage::Backend> backend, std::string name);

  const std::string target_;
  const OpenBackend open_;
  std::vector<std::unique_ptr<storage::Backend>> backends_;
};

}  // namespace sluice::load
