#include "load/host_memory.hpp"

#include <algorithm>
#include <fstream>
#include <optional>

namespace sluice::load {

namespace {

/// The number behind `name` in a file of lines "name: number" or "name number".
std::optional<std::uint64_t> number_of(const std::filesystem::path& file, const std::string& name) {
  std::ifstream lines(file);
  std::string word;
  for (std::uint64_t number = 0; lines >> word;) {
    if (word == name && lines >> number) return number;
    lines.clear();
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number_in(const std::filesystem::path& file) {
  std::ifstream text(file);
  std::uint64_t number = 0;
  if (text >> number) return number;
  return std::nullopt;  // not there, or "max"
}

/// The path of this process's control group below /sys/fs/cgroup; "." for the root, nothing where there is no
/// version 2.
std::optional<std::filesystem::path> own_group(const std::filesystem::path& root) {
  std::ifstream lines(root / "proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) return std::filesystem::path("." + line.substr(3)).lexically_normal();
  }
  return std::nullopt;
}

/// What a group leaves; nothing where it has no limit.
std::optional<std::uint64_t> left_by(const std::filesystem::path& group) {
  const std::optional<std::uint64_t> limit = number_in(group / "memory.max");
  const std::optional<std::uint64_t> used = number_in(group / "memory.current");
  if (!limit || !used) return std::nullopt;
  const std::uint64_t cache = number_of(group / "memory.stat", "inactive_file").value_or(0) +
                              number_of(group / "memory.stat", "active_file").value_or(0);
  const std::uint64_t kept = *used - std::min(*used, cache);
  return *limit - std::min(*limit, kept);
}

}  // namespace

AvailableMemory available_memory(const std::filesystem::path& root) {
  AvailableMemory found;
  if (const auto kib = number_of(root / "proc/meminfo", "MemAvailable:")) {
    found = {.bytes = *kib * 1024, .said_by = "MemAvailable of /proc/meminfo"};
  }
  std::optional<std::filesystem::path> group = own_group(root);
  while (group) {
    const std::optional<std::uint64_t> left = left_by(root / "sys/fs/cgroup" / *group);
    if (left && *left < found.bytes) {
      found = {.bytes = *left, .said_by = "memory.max of " + ("/sys/fs/cgroup" / *group).lexically_normal().string()};
    }
    if (group->empty() || *group == ".") break;
    *group = group->parent_path();
  }
  return found;
}

}  // namespace sluice::load
