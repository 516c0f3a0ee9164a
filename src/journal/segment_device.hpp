#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/error.hpp"

namespace sluice::journal {

/// The disk under a SegmentWriter, which calls it on one blocking thread at a time. Tests put a failing or a hanging
/// one in its place.
class SegmentDevice {
 public:
  virtual ~SegmentDevice() = default;
  /// Appends some of the bytes and returns how many (at least 1), or an Error.
  virtual base::Result<std::size_t> write(std::span<const std::byte> bytes) = 0;
  /// Makes everything written durable.
  virtual base::Result<void> sync() = 0;
  /// Cuts the file to `bytes`, after a write that failed half way.
  virtual base::Result<void> truncate(std::uint64_t bytes) = 0;
};

/// A file that is appended to. Owns the descriptor.
class FileDevice final : public SegmentDevice {
 public:
  FileDevice(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~FileDevice() override;
  FileDevice(const FileDevice&) = delete;
  FileDevice& operator=(const FileDevice&) = delete;

  base::Result<std::size_t> write(std::span<const std::byte> bytes) override;
  base::Result<void> sync() override;
  base::Result<void> truncate(std::uint64_t bytes) override;

  /// Takes the lock of the file's one writer. Errors: Unavailable where another process has it.
  base::Result<void> lock();

 private:
  int fd_;
  std::string path_;
};

/// Makes the entries of a directory durable. Errors: what open and fsync say; a file system that cannot sync
/// directories is none.
base::Result<void> sync_directory(const std::string& path);

}  // namespace sluice::journal
