#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/output.hpp"
#include "base/error.hpp"
#include "journal/records/packing.hpp"

namespace sluice::app {

/// Where an op-log goes: a file, packed by zstd where its name ends in .zst, or stdout. A packed file is frames of
/// whole lines, one for every 4 MiB of text, with checks: a file that was cut loses its last frame. Writes block. One
/// thread.
class OpLogOutput {
 public:
  /// "-" is stdout. Errors: what the system says.
  static base::Result<OpLogOutput> to(const std::string& path);

  /// Whole lines. False where nobody takes any more.
  bool put(std::string_view lines);
  /// The last call. Errors: of the write that failed; none for a reader that has left.
  base::Result<void> finish();
  /// The same for a file that is to be on the disk then.
  base::Result<void> finish_durably();

 private:
  OpLogOutput(Output out, bool is_packed);
  void pack();
  void count(std::size_t bytes);

  Output out_;
  std::optional<journal::Packer> packer_;
  std::string lines_;
  std::vector<std::byte> packed_;
  std::size_t unsynced_ = 0;
};

}  // namespace sluice::app
