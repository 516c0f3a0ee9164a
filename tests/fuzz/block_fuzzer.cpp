// A block of the log. What is accepted is a block like any other: it is encoded and read again, to the same bytes.
#include <span>
#include <string>
#include <vector>

#include "journal/block_codec.hpp"
#include "journal/tests/sample_blocks.hpp"
#include "samples.hpp"

namespace {

using namespace sluice;

std::vector<std::string> encoded_samples() {
  std::vector<std::string> samples;
  for (const model::Block& block : journal::sample_blocks()) {
    const std::vector<std::byte> bytes = journal::encode_block(block);
    samples.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return samples;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                               unsigned seed) {
  static const std::vector<std::string> samples = encoded_samples();
  return fuzz::mutate(samples, data, size, size_max, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto block = journal::decode_block(std::as_bytes(std::span(data, size)));
  if (!block) {
    fuzz::expect(block.error().code == base::Code::Corrupt || block.error().code == base::Code::Unsupported,
                 "bytes that are no block are damaged or of a newer version");
    return 0;
  }
  const std::vector<std::byte> once = journal::encode_block(*block);
  const auto again = journal::decode_block(once);
  fuzz::expect(again.has_value(), "what was accepted is accepted again");
  fuzz::expect(journal::encode_block(*again) == once, "what was accepted is encoded alike");
  return 0;
}
