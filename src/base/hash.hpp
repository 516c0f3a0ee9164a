#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::base {

/// XXH3-64 of the bytes: for checks of stored data, about 20 GB/s. Not for secrets.
/// Source: https://github.com/Cyan4973/xxHash, stable since 0.8.0.
std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed = 0);

/// A hash of 128 bits.
struct Hash128 {
  std::uint64_t high = 0, low = 0;
};
/// XXH3-128 of the bytes: for telling contents apart where 64 bits could meet by chance. Not for secrets.
Hash128 hash128(std::span<const std::byte> bytes);

}  // namespace sluice::base
