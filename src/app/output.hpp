#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace sluice::app {

/// Where the data of a command goes: stdout, or a file. Keeps little in memory, and notices a reader that has left,
/// which is no failure: `| head -1`. Writes block. One thread.
class Output {
 public:
  /// Stdout.
  Output() = default;
  /// A file. Until finish() it is FILE.part, and a file of that name stays as it was; without finish() the part goes.
  /// Errors: what the system says.
  static base::Result<Output> to_file(const std::string& path);
  ~Output();
  Output(Output&& other) noexcept;
  Output& operator=(Output&&) = delete;

  /// Text that follows what was put before.
  void put(std::string_view text);
  /// Hands over what is kept, for readers who look on.
  void flush();
  /// Hands over what is kept, and waits until the disk has it; of a pipe or a terminal nothing is waited for.
  void sync();
  /// Nobody takes any more: its reader has left, or a write failed. More work is in vain.
  bool is_over() const { return is_over_; }
  /// The last call. Errors: of the write that failed; none for a reader that has left.
  base::Result<void> finish();

 private:
  static constexpr std::size_t kKeptMax = std::size_t{64} << 10;
  std::string kept_;
  std::string name_ = "stdout", part_;
  int fd_ = 1;
  bool is_over_ = false;
  std::optional<base::Error> failure_;
};

}  // namespace sluice::app
