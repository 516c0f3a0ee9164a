#include "record_blocks.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "journal/stored_form.hpp"

namespace sluice::journal {

std::span<const model::OpRecord> RecordBlocks::next_records() {
  records_.resize(kRecords);
  for (model::OpRecord& record : records_) {
    now_ns_ += 2000 + static_cast<std::int64_t>(random_.below(1000));
    const std::uint64_t draw = random_.next();
    const std::int64_t tail_ns = draw % 1024 == 0 ? static_cast<std::int64_t>(random_.exponential(5e6)) : 0;
    const auto latency_ns = static_cast<std::int64_t>(100'000 + (draw >> 48)) + tail_ns;
    record = {.intended_ns = now_ns_ - latency_ns,
              .start_ns = now_ns_ - latency_ns,
              .end_ns = now_ns_,
              .bytes = 4096,
              .index = (draw >> 20) % 1000,
              .offset = 4096 * ((draw >> 12) % (std::uint64_t{1} << 28)),
              .worker = static_cast<std::uint32_t>((draw >> 10) % 2),
              .kind = model::OpKind::Read};
  }
  for (std::uint32_t i = 0; i < kFailures; ++i) {
    model::OpRecord& record = records_[random_.below(kRecords)];
    record.error = model::ErrorKind::TimedOut, record.code = 110, record.bytes = 0;
  }
  return records_;
}

StoredBlock RecordBlocks::block_of(std::vector<std::byte> payload) {
  StoredBlock block;
  BlockHeader& header = block.header;
  header.party = {.run = "20261121T034421Z-run", .party = "local"};
  header.party_seq = number_++;
  header.stage = 1;
  header.kind = BlockKind::Records;
  header.from_ns = kBeganNs + records_.front().end_ns;
  header.to_ns = kBeganNs + records_.back().end_ns;
  header.operations = operation_bit(model::OpKind::Read);
  ZoneMap zone{.records = kRecords, .latency_ns_min = INT64_MAX};
  zone.bytes_min = UINT64_MAX;
  for (const model::OpRecord& record : records_) {
    picker_.add(record);
    zone.latency_ns_min = std::min(zone.latency_ns_min, record.latency_ns());
    zone.latency_ns_max = std::max(zone.latency_ns_max, record.latency_ns());
    zone.bytes_min = std::min(zone.bytes_min, record.bytes);
    zone.bytes_max = std::max(zone.bytes_max, record.bytes);
    zone.statuses |= record.error ? status_of(*record.error) : kSucceeded;
  }
  header.zone = zone;
  const Notable picked = picker_.finish([&](std::uint32_t index) {
    const std::uint64_t file = records_[index].index;
    return fmt::format("data/d{:04}/file_{:08}.dat", file % 100, file);
  });
  for (const model::NotableOp& op : picked.rows) block.notable.push_back(stored_row(op, kBeganNs));
  block.payload = std::move(payload);
  return block;
}

}  // namespace sluice::journal
