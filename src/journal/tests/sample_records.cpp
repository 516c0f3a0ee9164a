#include "journal/tests/sample_records.hpp"

#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/random.hpp"

namespace sluice::journal {

namespace {

using model::OpRecord;

template <class T>
T wild(base::Random& random) {
  constexpr std::array<T, 6> kBounds = {0,
                                        1,
                                        std::numeric_limits<T>::min(),
                                        std::numeric_limits<T>::max(),
                                        std::numeric_limits<T>::max() - 1,
                                        static_cast<T>(-1)};
  if (random.below(2) == 0) return kBounds[random.below(kBounds.size())];
  return static_cast<T>(random.next() >> random.below(64));
}

std::string wild_name(base::Random& random) {
  std::string name(random.below(random.below(40) == 0 ? 1200 : 12), '\0');
  // Few different bytes, the zero among them, so that names share beginnings and some differ by a zero at the end only.
  for (char& c : name) c = "\0\xff/a"[random.below(4)];
  return name;
}

}  // namespace

NamedRecords usual_records(std::uint64_t seed, std::size_t count) {
  base::Random random(seed);
  NamedRecords records(count);
  std::int64_t now_ns = 5'000'000'000;
  for (auto& [record, name] : records) {
    now_ns += static_cast<std::int64_t>(random.exponential(2'000));
    const auto latency_ns = 20'000 + static_cast<std::int64_t>(random.exponential(100'000));
    record = {.intended_ns = now_ns - latency_ns,
              .start_ns = now_ns - latency_ns,
              .end_ns = now_ns,
              .bytes = 4096,
              .index = random.below(1'000'000),
              .dataset = static_cast<std::uint32_t>(random.below(2)),
              .worker = static_cast<std::uint32_t>(random.below(8)),
              .kind = random.below(2) == 0 ? model::OpKind::Get : model::OpKind::Stat};
    if (record.kind == model::OpKind::Stat) record.bytes = 0;
    if (random.below(100) == 0) record.error = model::ErrorKind::NotFound, record.code = 2;
    if (random.below(10) == 0) {
      record.dataset = OpRecord::kForeign;
      record.index = 0;
      name = fmt::format("data/dir-{:04}/file-{:08}.bin", random.below(10), random.below(200));
    }
  }
  return records;
}

NamedRecords wild_records(std::uint64_t seed, std::size_t count) {
  base::Random random(seed);
  NamedRecords records(count);
  for (auto& [record, name] : records) {
    record = {.intended_ns = wild<std::int64_t>(random),
              .start_ns = wild<std::int64_t>(random),
              .first_byte_ns = wild<std::int64_t>(random),
              .end_ns = wild<std::int64_t>(random),
              .bytes = wild<std::uint64_t>(random),
              .index = wild<std::uint64_t>(random),
              .offset = wild<std::uint64_t>(random),
              .dataset = wild<std::uint32_t>(random),
              .endpoint = wild<std::uint32_t>(random),
              .worker = wild<std::uint32_t>(random),
              .objects = wild<std::uint32_t>(random),
              .tries = wild<std::uint32_t>(random),
              .code = wild<std::uint32_t>(random),
              .kind = static_cast<model::OpKind>(random.below(model::kOpKinds))};
    if (random.below(2) == 0) record.error = static_cast<model::ErrorKind>(random.below(model::kErrorKinds));
    // The one first byte whose number is not its distance from the start.
    if (random.below(4) == 0)
      record.first_byte_ns = static_cast<std::int64_t>(static_cast<std::uint64_t>(record.start_ns) - 1);
    if (record.dataset == OpRecord::kForeign) record.index = 0, name = wild_name(random);
  }
  return records;
}

NamedRecords golden_records() {
  NamedRecords records(24);
  std::array<std::int64_t, 3> last_end_ns = {5'000'000'000, 5'000'020'000, 5'000'040'000};
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    const std::uint32_t worker = i % 3;
    const std::int64_t start_ns = last_end_ns[worker] + 150 + i % 7;
    const std::int64_t end_ns = start_ns + 50'000 + std::int64_t{i} * 7919 % 1000 * 30;
    records[i].record = {.intended_ns = start_ns - i % 2,
                         .start_ns = start_ns,
                         .end_ns = end_ns,
                         .bytes = 4096,
                         .index = worker * std::uint64_t{1'000'000} + i / 3,
                         .dataset = i / 12,
                         .worker = worker};
    last_end_ns[worker] = end_ns;
  }
  records[3].record = {.intended_ns = 4'000'000'000,
                       .start_ns = 5'000'000'100,
                       .first_byte_ns = 5'000'000'900,
                       .end_ns = 5'000'123'456,
                       .bytes = 65'536,
                       .index = 77,
                       .offset = 1 << 20,
                       .dataset = 3,
                       .endpoint = 2,
                       .worker = 5,
                       .objects = 9,
                       .tries = 4,
                       .code = 503,
                       .kind = model::OpKind::Read,
                       .error = model::ErrorKind::Busy};
  for (const std::size_t i : {5U, 6U}) records[i].record.dataset = OpRecord::kForeign, records[i].record.index = 0;
  records[5].name = "s3://other/one.bin";
  records[6].name = "s3://other/only.bin";
  return records;
}

std::vector<std::byte> chunk_of(const NamedRecords& records) {
  RecordEncoder encoder;
  return chunk_of(records, encoder);
}

std::vector<std::byte> chunk_of(const NamedRecords& records, RecordEncoder& encoder) {
  for (const auto& [record, name] : records) encoder.add(record, name);
  const auto chunk = encoder.finish();
  return {chunk.begin(), chunk.end()};
}

NamedRecords named(const RecordChunk& chunk) {
  NamedRecords records;
  for (OpRecord record : chunk.records) {
    std::string name;
    if (record.dataset == OpRecord::kForeign) name = chunk.names[std::exchange(record.index, 0)];
    records.push_back({.record = record, .name = std::move(name)});
  }
  return records;
}

}  // namespace sluice::journal
