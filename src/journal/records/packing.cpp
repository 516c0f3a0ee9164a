#include "journal/records/packing.hpp"

#include <new>

#include <zstd.h>

#include "base/assert.hpp"

namespace sluice::journal {

namespace {

/// A frame and its tables cost some dozens of bytes. Measured: from 400 to 900 chunks of 1,000 records are smallest,
/// and those of 65,536 do not care.
constexpr std::size_t kPieceBytesMin = 800;

}  // namespace

void Packer::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

Packer::Packer(int level, bool checks) : context_(ZSTD_createCCtx()) {
  if (context_ == nullptr) throw std::bad_alloc();
  const std::size_t set = ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
  const std::size_t checked = ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, checks ? 1 : 0);
  SLUICE_ASSERT(ZSTD_isError(set) == 0 && ZSTD_isError(checked) == 0);
}

void Packer::pack(std::span<const std::byte> content, std::span<const std::size_t> cuts, std::vector<std::byte>& out) {
  std::size_t from = 0;
  for (const std::size_t cut : cuts) {
    if (cut - from < kPieceBytesMin || content.size() - cut < kPieceBytesMin) continue;
    pack_piece(content.subspan(from, cut - from), out);
    from = cut;
  }
  pack_piece(content.subspan(from), out);
}

void Packer::pack_piece(std::span<const std::byte> piece, std::vector<std::byte>& out) {
  const std::size_t at = out.size();
  out.resize(at + ZSTD_compressBound(piece.size()));
  const std::size_t bytes =
      ZSTD_compress2(context_.get(), out.data() + at, out.size() - at, piece.data(), piece.size());
  // With room for the worst case nothing but memory can be missing.
  if (ZSTD_isError(bytes) != 0) throw std::bad_alloc();
  out.resize(at + bytes);
}

bool unpack(std::span<const std::byte> packed, std::span<std::byte> out) {
  const std::size_t bytes = ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size());
  return ZSTD_isError(bytes) == 0 && bytes == out.size();
}

}  // namespace sluice::journal
