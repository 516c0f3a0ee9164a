#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

struct ZSTD_CCtx_s;

namespace sluice::journal {

/// Packs bytes into zstd frames. Keeps its memory; one thread at a time.
class Packer {
 public:
  /// `checks`: frames carry a checksum of their content, for files that nothing else checks. Throws std::bad_alloc
  /// where there is no memory for it.
  explicit Packer(int level, bool checks = false);

  /// Appends frames that hold `content`. It is cut at those of `cuts` (ascending) that leave a piece worth its own
  /// tables.
  void pack(std::span<const std::byte> content, std::span<const std::size_t> cuts, std::vector<std::byte>& out);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  void pack_piece(std::span<const std::byte> piece, std::vector<std::byte>& out);

  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

/// Fills `out` with what the frames hold; false where that is not what they hold, exactly. Takes any bytes whatever.
bool unpack(std::span<const std::byte> packed, std::span<std::byte> out);

}  // namespace sluice::journal
