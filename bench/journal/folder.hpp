#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <stdlib.h>

namespace sluice::journal {

/// A folder of a program's own in another one, by default that of the program; gone at its end.
class Folder {
 public:
  explicit Folder(std::string in) {
    if (in.empty()) in = std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
    std::string pattern = in + "/journal-bench-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path(const std::string& name) const { return path_ + "/" + name; }
  /// Of all files in it.
  std::uint64_t size_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(path_)) bytes += file.file_size();
    return bytes;
  }

 private:
  std::string path_;
};

}  // namespace sluice::journal
