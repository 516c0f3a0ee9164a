#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

namespace sluice::fuzz {

/// The body of an LLVMFuzzerCustomMutator: now and then the input becomes one of `samples`, else libFuzzer changes it
/// as it likes. So the corpus begins with whole inputs, and they follow the format when that changes.
inline std::size_t mutate(std::span<const std::string> samples, std::uint8_t* data, std::size_t size,
                          std::size_t size_max, unsigned seed) {
  constexpr unsigned kSampleEvery = 50;
  if (seed % kSampleEvery != 0) return LLVMFuzzerMutate(data, size, size_max);
  const std::string& sample = samples[seed / kSampleEvery % samples.size()];
  size = std::min(sample.size(), size_max);
  std::memcpy(data, sample.data(), size);
  return size;
}

/// Nobody catches what is thrown here: the program ends with these words, and libFuzzer keeps the input.
inline void expect(bool truth, const char* what) {
  if (!truth) throw std::logic_error(what);
}

}  // namespace sluice::fuzz
