// A chunk of operation records. Its checks would refuse whatever a fuzzer makes of it, so that an input is either a
// chunk (which must be refused, or be one) or the content of one, that comes with right checks.
#include <span>
#include <string>
#include <vector>

#include "journal/records/record_chunk.hpp"
#include "journal/tests/sample_records.hpp"
#include "samples.hpp"

namespace {

using namespace sluice;

constexpr std::uint8_t kWholeChunk = 0, kContent = 1;
constexpr std::size_t kPrefixBytes = 3;  // which of the two; records and names of a content

std::string input_of(std::uint8_t what, const journal::ChunkHeader& header, std::span<const std::byte> bytes) {
  std::string input = {static_cast<char>(what), static_cast<char>(header.zone.records),
                       static_cast<char>(header.names)};
  input.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return input;
}

std::vector<std::string> encoded_samples() {
  std::vector<std::string> samples;
  for (const journal::NamedRecords& records : {journal::golden_records(), journal::usual_records(1, 40),
                                               journal::wild_records(1, 10), journal::NamedRecords()}) {
    const std::vector<std::byte> chunk = journal::chunk_of(records);
    const auto header = journal::read_chunk_header(chunk);
    samples.push_back(input_of(kContent, *header, *journal::unpack_content(*header, chunk)));
    samples.push_back(input_of(kWholeChunk, *header, chunk));
  }
  return samples;
}

void expect_same(const journal::RecordChunk& chunk, const base::Result<journal::RecordChunk>& again) {
  fuzz::expect(again.has_value(), "what was accepted is accepted again");
  const journal::NamedRecords a = journal::named(chunk), b = journal::named(*again);
  fuzz::expect(a.size() == b.size(), "as many records");
  for (std::size_t i = 0; i < a.size(); ++i) {
    fuzz::expect(a[i].record == b[i].record && a[i].name == b[i].name, "the same records");
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                               unsigned seed) {
  static const std::vector<std::string> samples = encoded_samples();
  return fuzz::mutate(samples, data, size, size_max, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kPrefixBytes) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(kPrefixBytes);
  const auto chunk =
      data[0] == kWholeChunk ? journal::decode_records(bytes) : journal::decode_content(data[1], data[2], bytes);
  if (!chunk) {
    fuzz::expect(chunk.error().code == base::Code::Corrupt || chunk.error().code == base::Code::Unsupported,
                 "bytes that are no chunk are damaged or of a newer version");
    return 0;
  }
  static journal::RecordEncoder encoder;
  expect_same(*chunk, journal::decode_records(journal::chunk_of(journal::named(*chunk), encoder)));
  if (data[0] != kWholeChunk) expect_same(*chunk, journal::decode_records(journal::pack_content(chunk->header, bytes)));
  return 0;
}
