#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace sluice::load {

/// How much memory this process may still take, and who says so.
struct AvailableMemory {
  std::uint64_t bytes = UINT64_MAX;  ///< UINT64_MAX where nothing tells
  std::string said_by;               ///< "MemAvailable of /proc/meminfo", "memory.max of /sys/fs/cgroup/x"
};

/// The least of what the kernel takes for available and of what the process's control groups (version 2) leave, their
/// page cache counted as free. `root` is where proc and sys are mounted. Blocks.
AvailableMemory available_memory(const std::filesystem::path& root = "/");

}  // namespace sluice::load
