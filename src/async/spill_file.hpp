#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "async/spill_device.hpp"

namespace sluice::async {

/// A temporary file without a name: bytes are appended, and read back once by their offset. It is made at the first
/// append and ends with this object, or with the process. Owned by one thread that may wait for the disk.
class SpillFile final : public SpillDevice {
 public:
  explicit SpillFile(std::string directory) : directory_(std::move(directory)) {}
  ~SpillFile() override;
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  /// Appends the records, each with its length. Errors: of the system (no space, no such directory); then nothing of it
  /// counts as appended.
  base::Result<Extent> append(const std::vector<std::string_view>& records) override;
  /// Reads the records of one append() back and gives its space back to the file system. Errors: of the system,
  /// Corrupt.
  base::Result<std::vector<std::string>> take(const Extent& extent) override;

 private:
  base::Result<void> open();

  const std::string directory_;
  int descriptor_ = -1;
  std::uint64_t end_ = 0;         ///< where the next append goes
  std::uint64_t live_bytes_ = 0;  ///< appended and not yet taken
};

}  // namespace sluice::async
