#include "journal/sqlite/row_checksum.hpp"

#include <array>
#include <bit>
#include <span>
#include <string>
#include <string_view>

#include "base/hash.hpp"

namespace sluice::journal {

namespace {

/// Numbers with eight bytes, the low ones first; text behind its length.
class Bytes {
 public:
  Bytes() { text_.reserve(512); }

  template <class Number>
  Bytes& add(Number number) {
    auto value = static_cast<std::uint64_t>(number);
    std::array<char, 8> bytes;
    for (char& byte : bytes) byte = static_cast<char>(value & 0xff), value >>= 8;
    text_.append(bytes.data(), bytes.size());
    return *this;
  }
  Bytes& add_text(std::string_view text) {
    add(text.size());
    text_ += text;
    return *this;
  }
  std::uint64_t hash() const { return base::hash64(std::as_bytes(std::span(text_))); }

 private:
  std::string text_;
};

}  // namespace

std::int64_t row_checksum(const StoredBlock& block) {
  const BlockHeader& h = block.header;
  Bytes bytes;
  bytes.add(h.seq).add_text(h.party.run).add_text(h.party.party).add(h.party.attempt).add(h.party_seq);
  bytes.add(h.stage.has_value()).add(h.stage.value_or(0)).add(h.kind).add(h.from_ns).add(h.to_ns);
  bytes.add(h.clock_error_ns).add(h.operations).add(h.zone.has_value());
  const ZoneMap zone = h.zone.value_or(ZoneMap{});
  bytes.add(zone.records).add(zone.latency_ns_min).add(zone.latency_ns_max).add(zone.bytes_min).add(zone.bytes_max);
  bytes.add(zone.statuses).add(h.hash.high).add(h.hash.low).add(h.previous.high).add(h.previous.low);
  for (const NotableRecord& one : block.notable) {
    bytes.add(one.index).add(one.operation).add(one.status).add(one.end_ns).add(one.latency_ns).add(one.bytes);
    bytes.add_text(one.target).add_text(one.detail);
  }
  return std::bit_cast<std::int64_t>(bytes.hash());
}

}  // namespace sluice::journal
