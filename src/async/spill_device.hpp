#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace sluice::async {

/// Where output waits that has no room in memory. Owned by one thread that may wait for it, however long that is.
class SpillDevice {
 public:
  struct Extent {
    std::uint64_t offset = 0, size_bytes = 0;
  };

  virtual ~SpillDevice() = default;

  /// Appends the records. Errors: of the system (no space, no such directory); then nothing of it counts as appended.
  virtual base::Result<Extent> append(const std::vector<std::string_view>& records) = 0;
  /// Reads the records of one append() back, once, and gives its space back. Errors: of the system, Corrupt.
  virtual base::Result<std::vector<std::string>> take(const Extent& extent) = 0;
};

}  // namespace sluice::async
