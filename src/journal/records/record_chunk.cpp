#include "journal/records/record_chunk.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/assert.hpp"
#include "base/hash.hpp"

namespace sluice::journal {

namespace {

using model::OpRecord;

/// Columns that stand a multiple of 4 KiB apart would fall into the same few lines of the first cache.
constexpr std::size_t kStrideSkew = 72;

constexpr std::size_t at(RecordColumn column) { return static_cast<std::size_t>(column); }

std::uint64_t status_number(const OpRecord& record) {
  return record.error ? 1 + static_cast<std::uint64_t>(*record.error) : 0;
}

// The number of a first byte, and back: a swap of two values makes room for "not known". See chunk_format.hpp.

std::uint64_t first_byte_number(const OpRecord& record) {
  const auto start = static_cast<std::uint64_t>(record.start_ns);
  if (record.first_byte_ns == 0) return 0;
  const std::uint64_t number = static_cast<std::uint64_t>(record.first_byte_ns) - start + 1;
  return number == 0 ? 1 - start : number;
}

std::int64_t first_byte_of(std::uint64_t number, std::uint64_t start) {
  if (number == 0) return 0;
  return static_cast<std::int64_t>(number == 1 - start ? start - 1 : number - 1 + start);
}

/// Which of those by kind are worth a guess from the value before.
constexpr bool is_guessed(RecordColumn column) {
  return column == RecordColumn::Index || column == RecordColumn::Offset;
}

/// Of a worker that does one operation at a time, the time since its end before is the latency and little more.
void guess_latencies(std::span<const std::uint64_t> ends, std::span<const std::uint64_t> workers,
                     std::vector<std::uint64_t>& guesses) {
  LastOfWorker last;
  guesses.resize(ends.size());
  if (!ends.empty()) last.begin(ends.front());
  for (std::size_t i = 0; i < ends.size(); ++i) {
    guesses[i] = ends[i] - last.guess(workers[i]);
    last.note(workers[i], ends[i]);
  }
}

/// Numbers that are smaller in an OpRecord than in a column.
struct Bound {
  RecordColumn column;
  std::uint64_t max;
};
constexpr Bound kBounds[] = {{RecordColumn::Worker, UINT32_MAX},  {RecordColumn::Code, UINT32_MAX},
                             {RecordColumn::Objects, UINT32_MAX}, {RecordColumn::Tries, UINT32_MAX},
                             {RecordColumn::Dataset, UINT32_MAX}, {RecordColumn::Endpoint, UINT32_MAX}};

using Columns = std::array<std::vector<std::uint64_t>, kRecordColumns>;

/// What a newer version may have added to: Unsupported where a number is not below `count`.
base::Result<void> check_enumerator(std::string_view what, std::span<const std::uint64_t> values, std::uint64_t count) {
  const auto unknown = std::ranges::find_if(values, [count](std::uint64_t value) { return value >= count; });
  if (unknown != values.end()) return base::fail(newer_chunk(what, *unknown));
  return {};
}

/// After a problem of the reader all is 0. Errors: Unsupported for a kind that is newer.
base::Result<void> read_columns(ColumnReader& in, std::size_t count, Columns& columns) {
  for (auto& column : columns) column.resize(count);
  auto &workers = columns[at(RecordColumn::Worker)], &ends = columns[at(RecordColumn::End)];
  auto& kinds = columns[at(RecordColumn::Kind)];
  in.column(workers, {});
  in.column(ends, {.workers = workers, .guesses = {}});
  in.column(kinds, {});
  SLUICE_CHECK(check_enumerator("the operation", kinds, model::kOpKinds));
  KindOrder order;
  order.set(kinds);
  std::vector<std::uint64_t> guesses, memory, workers_memory, guesses_memory;
  guess_latencies(ends, workers, guesses);
  const auto workers_by_kind = order.gather(workers, workers_memory);
  const auto guesses_by_kind = order.gather(guesses, guesses_memory);
  for (std::size_t i = at(kFirstByKind); i < kRecordColumns; ++i) {
    const auto which = static_cast<RecordColumn>(i);
    ColumnReader::Known known;
    if (which == RecordColumn::Latency) known.guesses = guesses_by_kind;
    if (is_guessed(which)) known.workers = workers_by_kind;
    in.column(columns[i], known);
    order.scatter(columns[i], memory);
  }
  return {};
}

void check_numbers(const Columns& columns, std::size_t names, WireProblem& problem) {
  for (const Bound& bound : kBounds) {
    const auto& column = columns[at(bound.column)];
    if (!column.empty() && std::ranges::max(column) > bound.max) problem.set("a number is out of range");
  }
  const auto &datasets = columns[at(RecordColumn::Dataset)], &indices = columns[at(RecordColumn::Index)];
  for (std::size_t i = 0; i < datasets.size(); ++i) {
    if (datasets[i] == 0 && indices[i] >= names) problem.set("a target has no name");
  }
}

OpRecord record_of(const Columns& columns, std::size_t i) {
  const auto number = [&columns, i](RecordColumn column) { return columns[at(column)][i]; };
  const auto small = [&number](RecordColumn column) { return static_cast<std::uint32_t>(number(column)); };
  const std::uint64_t end = number(RecordColumn::End), start = end - number(RecordColumn::Latency);
  OpRecord record{.intended_ns = static_cast<std::int64_t>(start - number(RecordColumn::Wait)),
                  .start_ns = static_cast<std::int64_t>(start),
                  .first_byte_ns = first_byte_of(number(RecordColumn::FirstByte), start),
                  .end_ns = static_cast<std::int64_t>(end),
                  .bytes = number(RecordColumn::Bytes),
                  .index = number(RecordColumn::Index),
                  .offset = number(RecordColumn::Offset),
                  .dataset = small(RecordColumn::Dataset) - 1,  // 0 becomes kForeign
                  .endpoint = small(RecordColumn::Endpoint),
                  .worker = small(RecordColumn::Worker),
                  .objects = small(RecordColumn::Objects),
                  .tries = small(RecordColumn::Tries),
                  .code = small(RecordColumn::Code),
                  .kind = static_cast<model::OpKind>(number(RecordColumn::Kind)),
                  .error = {}};
  if (const std::uint64_t status = number(RecordColumn::Status))
    record.error = static_cast<model::ErrorKind>(status - 1);
  return record;
}

/// Puts sizes and checks into the header of a chunk whose packed bytes stand behind it.
void seal(ChunkHeader header, std::size_t content_bytes, std::vector<std::byte>& chunk) {
  const auto packed = std::span<const std::byte>(chunk).subspan(kChunkHeaderBytes);
  header.content_bytes = static_cast<std::uint32_t>(content_bytes);
  header.packed_bytes = static_cast<std::uint32_t>(packed.size());
  header.packed_check = base::hash64(packed);
  write_chunk_header(header, chunk);
}

}  // namespace

void widen(ChunkHeader& header, const OpRecord& record) {
  ZoneMap& zone = header.zone;
  const std::int64_t latency = record.latency_ns();
  if (zone.records == 0) {
    header.start_ns_min = record.start_ns;
    header.end_ns_min = header.end_ns_max = record.end_ns;
    zone.latency_ns_min = zone.latency_ns_max = latency;
    zone.bytes_min = zone.bytes_max = record.bytes;
  }
  ++zone.records;
  header.start_ns_min = std::min(header.start_ns_min, record.start_ns);
  header.end_ns_min = std::min(header.end_ns_min, record.end_ns);
  header.end_ns_max = std::max(header.end_ns_max, record.end_ns);
  zone.latency_ns_min = std::min(zone.latency_ns_min, latency);
  zone.latency_ns_max = std::max(zone.latency_ns_max, latency);
  zone.bytes_min = std::min(zone.bytes_min, record.bytes);
  zone.bytes_max = std::max(zone.bytes_max, record.bytes);
  zone.statuses |= record.error ? status_of(*record.error) : kSucceeded;
  header.operations |= operation_bit(record.kind);
  if (record.error) ++header.failed;
}

RecordEncoder::RecordEncoder(Options options)
    : records_max_(std::clamp(options.records_max, std::uint32_t{1}, kChunkRecordsMax)),
      stride_(records_max_ + kStrideSkew),
      values_(stride_ * kRecordColumns),
      names_(records_max_),
      packer_(options.level) {}

void RecordEncoder::add(const OpRecord& record, std::string_view name) {
  SLUICE_ASSERT(!full());
  const bool is_foreign = record.dataset == OpRecord::kForeign;
  const auto start = static_cast<std::uint64_t>(record.start_ns), end = static_cast<std::uint64_t>(record.end_ns);
  std::uint64_t* const row = values_.data() + size_++;
  const auto put = [this, row](RecordColumn column, std::uint64_t value) { row[at(column) * stride_] = value; };
  put(RecordColumn::Worker, record.worker);
  put(RecordColumn::End, end);
  put(RecordColumn::Latency, end - start);
  put(RecordColumn::Wait, start - static_cast<std::uint64_t>(record.intended_ns));
  put(RecordColumn::FirstByte, first_byte_number(record));
  put(RecordColumn::Kind, static_cast<std::uint64_t>(record.kind));
  put(RecordColumn::Status, status_number(record));
  put(RecordColumn::Code, record.code);
  put(RecordColumn::Bytes, record.bytes);
  put(RecordColumn::Objects, record.objects);
  put(RecordColumn::Tries, record.tries);
  put(RecordColumn::Dataset, is_foreign ? 0 : std::uint64_t{record.dataset} + 1);
  put(RecordColumn::Index, is_foreign ? names_.number_of(name) : record.index);
  put(RecordColumn::Offset, record.offset);
  put(RecordColumn::Endpoint, record.endpoint);
  widen(header_, record);
}

void RecordEncoder::write_names() {
  if (names_.size() == 0) return;
  names_.write(content_);
  const auto datasets = column(RecordColumn::Dataset), indices = column(RecordColumn::Index);
  for (std::size_t i = 0; i < size_; ++i) {
    if (datasets[i] == 0) indices[i] = names_.rank()[indices[i]];
  }
}

void RecordEncoder::write_columns() {
  const auto workers = column(RecordColumn::Worker), ends = column(RecordColumn::End);
  content_.plain(workers);
  content_.guessed(ends, workers);
  content_.plain(column(RecordColumn::Kind));
  order_.set(column(RecordColumn::Kind));
  content_.set_sections(order_.sections());
  guess_latencies(ends, workers, guesses_);
  const auto workers_by_kind = order_.gather(workers, workers_by_kind_);
  for (std::size_t i = at(kFirstByKind); i < kRecordColumns; ++i) {
    const auto which = static_cast<RecordColumn>(i);
    const auto values = order_.gather(column(which), by_kind_);
    if (which == RecordColumn::Latency) {
      content_.with_guesses(values, order_.gather(guesses_, guesses_by_kind_));
    } else if (is_guessed(which)) {
      content_.guessed(values, workers_by_kind);
    } else {
      content_.plain(values);
    }
  }
}

std::span<const std::byte> RecordEncoder::finish() {
  content_.clear();
  write_names();
  write_columns();
  header_.names = static_cast<std::uint32_t>(names_.size());
  chunk_.resize(kChunkHeaderBytes);
  packer_.pack(content_.content(), content_.cuts(), chunk_);
  seal(header_, content_.content().size(), chunk_);
  header_ = {};
  size_ = 0;
  names_.clear();
  return chunk_;
}

base::Result<std::vector<std::byte>> unpack_content(const ChunkHeader& header, std::span<const std::byte> chunk) {
  const auto packed = chunk.subspan(kChunkHeaderBytes);
  if (packed.size() != header.packed_bytes) return base::fail(corrupt_chunk("it is not as long as its header says"));
  if (base::hash64(packed) != header.packed_check) return base::fail(corrupt_chunk("its content has been changed"));
  std::vector<std::byte> content(header.content_bytes);
  if (!unpack(packed, content)) return base::fail(corrupt_chunk("its content cannot be unpacked"));
  return content;
}

std::vector<std::byte> pack_content(ChunkHeader header, std::span<const std::byte> content) {
  std::vector<std::byte> chunk(kChunkHeaderBytes);
  Packer(RecordEncoder::Options{}.level).pack(content, {}, chunk);
  seal(header, content.size(), chunk);
  return chunk;
}

base::Result<RecordChunk> decode_content(std::uint32_t records, std::uint32_t names,
                                         std::span<const std::byte> content) {
  if (records > kChunkRecordsMax || names > records)
    return base::fail(corrupt_chunk("it has more than a chunk can hold"));
  RecordChunk chunk;
  WireProblem problem;
  ColumnReader in(content, problem);
  if (names > 0) chunk.names.read(in, names, problem);
  Columns columns;
  SLUICE_CHECK(read_columns(in, records, columns));
  if (!problem.found() && !in.at_end()) problem.set("it goes on behind its last column");
  if (!problem.found()) check_numbers(columns, chunk.names.size(), problem);
  if (problem.found()) return base::fail(corrupt_chunk(problem.text));
  SLUICE_CHECK(check_enumerator("the status", columns[at(RecordColumn::Status)], model::kErrorKinds + 1));
  chunk.records.reserve(records);
  for (std::size_t i = 0; i < records; ++i) widen(chunk.header, chunk.records.emplace_back(record_of(columns, i)));
  chunk.header.names = names;
  return chunk;
}

base::Result<RecordChunk> decode_records(std::span<const std::byte> bytes) {
  SLUICE_TRY(const ChunkHeader header, read_chunk_header(bytes));
  SLUICE_TRY(const std::vector<std::byte> content, unpack_content(header, bytes));
  SLUICE_TRY(RecordChunk chunk, decode_content(static_cast<std::uint32_t>(header.zone.records), header.names, content));
  chunk.header.content_bytes = header.content_bytes;
  chunk.header.packed_bytes = header.packed_bytes;
  chunk.header.packed_check = header.packed_check;
  if (chunk.header != header) return base::fail(corrupt_chunk("its header does not say what its records do"));
  return chunk;
}

}  // namespace sluice::journal
