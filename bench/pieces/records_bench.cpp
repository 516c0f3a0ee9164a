// Operation records as chunks: how many a second one core writes and reads, and how many bytes each takes. The argument
// is the level of zstd; the second one the records of a chunk.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/random.hpp"
#include "journal/block_codec.hpp"
#include "journal/op_log_writer.hpp"
#include "journal/records/notable.hpp"
#include "journal/records/record_chunk.hpp"

namespace sluice {
namespace {

using journal::RecordEncoder;
using model::OpRecord;

constexpr std::size_t kRecords = 4 * journal::kChunkRecordsMax;

struct Stream {
  std::vector<OpRecord> records;
  std::vector<std::array<char, 60>> names;  ///< of foreign targets, by index

  std::string_view name_of(const OpRecord& record) const {
    return names.empty() ? std::string_view()
                         : std::string_view(names[record.index].data(), names[record.index].size());
  }
};

/// A closed loop of `slots` operations in flight over `workers`, with log-normal times: each slot starts again when
/// it has ended, and the operation that ends first is the next record. `fill` says what each does.
template <class Fill>
Stream closed_loop(std::size_t slots, std::size_t workers, double median_ns, Fill fill) {
  base::Random random(1);
  const auto normal = [&random] {
    return std::sqrt(-2 * std::log1p(-random.unit())) * std::cos(2 * M_PI * random.unit());
  };
  using Flight = std::pair<std::int64_t, std::size_t>;  // its end, its slot
  std::vector<Flight> in_flight;
  std::vector<std::int64_t> started(slots, 60'000'000'000);
  for (std::size_t slot = 0; slot < slots; ++slot) in_flight.emplace_back(started[slot], slot);
  std::ranges::make_heap(in_flight, std::greater());
  Stream stream;
  stream.records.reserve(kRecords);
  while (stream.records.size() < kRecords) {
    std::ranges::pop_heap(in_flight, std::greater());
    auto& [end_ns, slot] = in_flight.back();
    OpRecord record{.intended_ns = started[slot], .start_ns = started[slot], .end_ns = end_ns};
    record.worker = static_cast<std::uint32_t>(slot % workers);
    fill(record, random, slot);
    stream.records.push_back(record);
    started[slot] = end_ns + 150 + static_cast<std::int64_t>(random.below(100));
    end_ns = started[slot] + static_cast<std::int64_t>(median_ns * std::exp(0.5 * normal()));
    std::ranges::push_heap(in_flight, std::greater());
  }
  return stream;
}

/// 4 KiB from anywhere in a file of 1 TiB, 64 in flight, 400,000 a second.
Stream random_reads() {
  return closed_loop(64, 2, 140'000, [](OpRecord& record, base::Random& random, std::size_t) {
    record.kind = model::OpKind::Read;
    record.bytes = 4096;
    record.offset = 4096 * random.below(std::uint64_t{1} << 28);
  });
}

/// Any of 64 million files, of sizes that nobody can guess; gets know their first byte.
Stream mix_of(std::size_t workers) {
  return closed_loop(64, workers, 300'000, [](OpRecord& record, base::Random& random, std::size_t) {
    const std::uint64_t draw = random.below(100);
    record.kind = draw < 60 ? model::OpKind::Get : draw < 85 ? model::OpKind::Put : model::OpKind::Stat;
    record.index = random.below(64'000'000);
    if (record.kind != model::OpKind::Stat) record.bytes = 4096 + random.below(1 << 20);
    if (record.kind == model::OpKind::Get) {
      record.first_byte_ns =
          record.start_ns + static_cast<std::int64_t>(static_cast<double>(record.latency_ns()) * random.unit());
    }
    if (random.below(10'000) == 0) record.error = model::ErrorKind::NotFound, record.code = 2;
  });
}

Stream file_mix() { return mix_of(64); }   // as sync workers leave it
Stream object_mix() { return mix_of(2); }  // as loops with many slots do

/// 1 MiB after the other into a file of each slot.
Stream sequential_writes() {
  std::array<std::uint64_t, 8> next{};
  return closed_loop(8, 8, 400'000, [&next](OpRecord& record, base::Random&, std::size_t slot) {
    record.kind = model::OpKind::Write;
    record.bytes = 1 << 20;
    record.index = slot;
    record.offset = next[slot]++ << 20;
  });
}

Stream with_names(std::string (*name_of)(std::uint64_t)) {
  Stream stream = closed_loop(64, 64, 300'000, [](OpRecord& record, base::Random& random, std::size_t) {
    record.dataset = OpRecord::kForeign;
    record.index = random.below(100'000);
    record.bytes = 65'536;
  });
  stream.names.resize(100'000);
  for (std::uint64_t i = 0; i < stream.names.size(); ++i) {
    if (name_of(i).size() != stream.names[i].size()) std::abort();
    std::ranges::copy(name_of(i), stream.names[i].begin());
  }
  return stream;
}

/// Names of 60 bytes as programs make them, any of 100,000.
Stream foreign_names() {
  return with_names([](std::uint64_t i) {
    return fmt::format("s3://training-data/imagenet/shard-{:06}/sample-{:09}.gz", i / 100, i * 37);
  });
}

/// The same with 32 digits that nobody can guess.
Stream hashed_names() {
  return with_names([](std::uint64_t i) {
    return fmt::format("s3://training-data/blobs/{:016x}{:016x}.bz", base::mix64(i), base::mix64(~i));
  });
}

template <class Done>
void encode_all(const Stream& stream, RecordEncoder& encoder, Done done) {
  for (const OpRecord& record : stream.records) {
    if (encoder.full()) done(encoder.finish());
    encoder.add(record, stream.name_of(record));
  }
  done(encoder.finish());
}

RecordEncoder encoder_of(const benchmark::State& state) {
  return RecordEncoder(
      {.records_max = static_cast<std::uint32_t>(state.range(1)), .level = static_cast<int>(state.range(0))});
}

void encode(benchmark::State& state, Stream (*make)()) {
  const Stream stream = make();
  RecordEncoder encoder = encoder_of(state);
  std::vector<std::byte> appended;
  for (auto _ : state) {
    appended.clear();
    encode_all(stream, encoder, [&](auto chunk) { appended.insert(appended.end(), chunk.begin(), chunk.end()); });
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(stream.records.size()));
  state.counters["bytes_per_record"] =
      static_cast<double>(appended.size()) / static_cast<double>(stream.records.size());
}

void decode(benchmark::State& state, Stream (*make)()) {
  const Stream stream = make();
  RecordEncoder encoder = encoder_of(state);
  std::vector<std::vector<std::byte>> chunks;
  encode_all(stream, encoder, [&](auto chunk) { chunks.emplace_back(chunk.begin(), chunk.end()); });
  for (auto _ : state) {
    for (const auto& chunk : chunks) benchmark::DoNotOptimize(journal::decode_records(chunk));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(stream.records.size()));
}

void pick(benchmark::State& state, Stream (*make)()) {
  const Stream stream = make();
  journal::NotablePicker picker;
  for (auto _ : state) {
    for (const OpRecord& record : stream.records) picker.add(record);
    benchmark::DoNotOptimize(picker.finish([](std::uint32_t) { return std::string("dir/file-00000001.dat"); }));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(stream.records.size()));
}

/// Takes blocks and keeps their number of bytes.
class CountingLog final : public journal::BlockLog {
 public:
  base::Result<void> append(const model::Block& block) override {
    buffer_.clear();
    journal::encode_block(block, buffer_);
    bytes += buffer_.size();
    return {};
  }
  async::Task<> sync(async::Deadline /*deadline*/) override { co_return base::Result<void>(); }
  std::uint64_t bytes = 0;

 private:
  std::vector<std::byte> buffer_;
};

/// Names that a recipe makes again.
class DatasetNames final : public model::Names {
 public:
  std::uint64_t count() const override { return UINT64_MAX; }
  std::size_t write_name(std::uint64_t index, std::span<char> out) const override {
    return static_cast<std::size_t>(fmt::format_to(out.data(), "set/prepared-{:08}.dat", index) - out.data());
  }
  std::optional<model::NamesRecipe> recipe() const override {
    return model::NamesRecipe{.kind = model::NamesRecipe::Kind::Flat, .prefix = "set/"};
  }
};

/// The whole way from a worker's records to the bytes of the log: targets, chunks, notable rows, blocks.
void write_op_log(benchmark::State& state, Stream (*make)()) {
  const Stream stream = make();
  const DatasetNames names;
  std::vector<model::TakenRecord> taken;
  for (const OpRecord& record : stream.records) taken.push_back({.record = record, .names = &names});
  CountingLog log;
  journal::OpLogWriter writer(log);
  writer.begin(0, {"file:///data/"});
  const base::Instant now = base::now();
  for (auto _ : state) {
    for (std::size_t at = 0; at < taken.size(); at += 1024) writer.take(std::span(taken).subspan(at, 1024), now);
  }
  const auto records = static_cast<double>(state.iterations()) * static_cast<double>(taken.size());
  state.SetItemsProcessed(static_cast<std::int64_t>(records));
  state.counters["bytes_per_record"] = static_cast<double>(log.bytes) / records;
}

const auto kChunk = static_cast<std::int64_t>(journal::kChunkRecordsMax);

void usual(benchmark::internal::Benchmark* bench) { bench->Args({1, kChunk})->Unit(benchmark::kMillisecond); }
void levels_and_sizes(benchmark::internal::Benchmark* bench) {
  for (const int level : {1, 2, 3, 5}) bench->Args({level, kChunk});
  for (const int records : {1000, 8192}) bench->Args({1, records});
  bench->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(encode, random_reads, random_reads)->Apply(levels_and_sizes);
BENCHMARK_CAPTURE(encode, file_mix, file_mix)->Apply(levels_and_sizes);
BENCHMARK_CAPTURE(encode, object_mix, object_mix)->Apply(levels_and_sizes);
BENCHMARK_CAPTURE(encode, sequential_writes, sequential_writes)->Apply(levels_and_sizes);
BENCHMARK_CAPTURE(encode, foreign_names, foreign_names)->Apply(levels_and_sizes);
BENCHMARK_CAPTURE(encode, hashed_names, hashed_names)->Apply(levels_and_sizes);
BENCHMARK_CAPTURE(decode, random_reads, random_reads)->Apply(usual);
BENCHMARK_CAPTURE(decode, file_mix, file_mix)->Apply(usual);
BENCHMARK_CAPTURE(decode, sequential_writes, sequential_writes)->Apply(usual);
BENCHMARK_CAPTURE(decode, foreign_names, foreign_names)->Apply(usual);
BENCHMARK_CAPTURE(decode, hashed_names, hashed_names)->Apply(usual);
BENCHMARK_CAPTURE(pick, file_mix, file_mix)->Apply(usual);
BENCHMARK_CAPTURE(write_op_log, random_reads, random_reads)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(write_op_log, file_mix, file_mix)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sluice
