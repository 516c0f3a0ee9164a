#include "journal/records/record_chunk.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/hash.hpp"
#include "base/random.hpp"
#include "journal/tests/sample_records.hpp"

namespace sluice::journal {
namespace {

using Bytes = std::vector<std::byte>;
using model::OpRecord;

void expect_same(const NamedRecords& back, const NamedRecords& sent) {
  ASSERT_EQ(back.size(), sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    ASSERT_EQ(back[i].record, sent[i].record) << "record " << i;
    ASSERT_EQ(back[i].name, sent[i].name) << "record " << i;
  }
}

NamedRecords read(const Bytes& chunk) {
  auto back = decode_records(chunk);
  EXPECT_TRUE(back.has_value()) << (back ? "" : back.error().what);
  return back ? named(*back) : NamedRecords{};
}

/// A name longer than names may be is compared as the format cuts it.
NamedRecords with_names_cut(NamedRecords records) {
  for (auto& [record, name] : records) {
    if (name.size() <= kForeignNameBytesMax) continue;
    EXPECT_GT(name.size(), 1007U);
    RecordEncoder encoder;
    encoder.add(record, name);
    const auto chunk = encoder.finish();
    const auto back = decode_records(chunk);
    name = back ? back->names[0] : std::string_view();
  }
  return records;
}

std::string bytes_text(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

Bytes bytes_of(std::string_view text) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

TEST(RecordChunk, usual_records_come_back_as_they_were) {
  for (const std::size_t count : {0U, 1U, 2U, 100U, 5000U}) {
    const NamedRecords sent = usual_records(count, count);
    expect_same(read(chunk_of(sent)), sent);
  }
}

TEST(RecordChunk, any_value_of_any_field_comes_back) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const NamedRecords sent = wild_records(seed, 1 + seed);
    expect_same(read(chunk_of(sent)), with_names_cut(sent));
  }
}

TEST(RecordChunk, every_kind_and_every_status_comes_back) {
  NamedRecords sent;
  for (std::size_t kind = 0; kind < model::kOpKinds; ++kind) {
    for (std::size_t status = 0; status <= model::kErrorKinds; ++status) {
      OpRecord record{.kind = static_cast<model::OpKind>(kind)};
      if (status > 0) record.error = static_cast<model::ErrorKind>(status - 1);
      sent.push_back({.record = record, .name = {}});
    }
  }
  expect_same(read(chunk_of(sent)), sent);
}

TEST(RecordChunk, an_interleaved_sequence_of_each_worker_costs_no_bytes_for_its_offsets) {
  NamedRecords sent(10'000);
  std::array<std::uint64_t, 8> next{};
  base::Random random(1);
  for (auto& [record, name] : sent) {
    record.worker = static_cast<std::uint32_t>(random.below(next.size()));
    record.index = 100 + record.worker;
    record.offset = next[record.worker]++ * 65'536;
  }
  const Bytes chunk = chunk_of(sent);
  expect_same(read(chunk), sent);
  EXPECT_LT(chunk.size(), sent.size());  // three bits for the worker, and little more
}

TEST(RecordChunk, an_encoder_is_full_at_its_bound_and_makes_the_same_bytes_again) {
  RecordEncoder encoder({.records_max = 300});
  const NamedRecords first = usual_records(1, 300), second = usual_records(2, 200);
  const Bytes once = chunk_of(first, encoder);
  EXPECT_EQ(once, chunk_of(first));
  EXPECT_EQ(chunk_of(second, encoder), chunk_of(second));
  EXPECT_EQ(chunk_of(first, encoder), once);
  for (const auto& [record, name] : second) encoder.add(record, name);
  EXPECT_FALSE(encoder.full());
  for (int i = 0; i < 100; ++i) encoder.add({});
  EXPECT_TRUE(encoder.full());
  EXPECT_EQ(encoder.size(), 300U);
}

TEST(RecordChunk, a_name_that_is_too_long_is_cut_and_stays_different_from_others) {
  const std::string long_name(std::size_t{1} << 20, 'x');
  RecordEncoder encoder;
  const OpRecord foreign{.dataset = OpRecord::kForeign};
  encoder.add(foreign, long_name);
  encoder.add(foreign, long_name + "y");
  encoder.add(foreign, long_name);
  encoder.add(foreign, std::string(kForeignNameBytesMax, 'x'));
  const auto back = decode_records(encoder.finish());
  ASSERT_TRUE(back);
  ASSERT_EQ(back->names.size(), 3U);
  const NamedRecords records = named(*back);
  EXPECT_EQ(records[0].name.size(), kForeignNameBytesMax);
  EXPECT_EQ(records[0].name.substr(0, 1008), std::string(1007, 'x') + "~");
  EXPECT_NE(records[0].name, records[1].name);
  EXPECT_EQ(records[0].name, records[2].name);
  EXPECT_EQ(records[3].name, std::string(kForeignNameBytesMax, 'x'));
}

TEST(RecordChunk, names_are_told_apart_by_all_of_their_bytes) {
  // As many as to meet in the table with equal marks now and then.
  ForeignNames names(kChunkRecordsMax);
  for (int round = 0; round < 16; ++round) {
    names.clear();
    for (std::uint32_t i = 0; i < kChunkRecordsMax; ++i) {
      const std::array<char, 5> name = {static_cast<char>(i), static_cast<char>(i >> 8), 'x', static_cast<char>(round),
                                        'y'};
      ASSERT_EQ(names.number_of({name.data(), name.size()}), i);
    }
  }
  ColumnWriter out;
  names.write(out);
  WireProblem problem;
  ColumnReader in(out.content(), problem);
  NameList list;
  list.read(in, names.size(), problem);
  ASSERT_FALSE(problem.found()) << problem.text;
  EXPECT_EQ(list[names.rank()[0x4142]], std::string_view("BAx\x0fy"));
}

TEST(RecordChunk, an_encoder_is_full_when_its_names_are_too_many_bytes) {
  RecordEncoder encoder;
  const OpRecord foreign{.dataset = OpRecord::kForeign};
  std::uint32_t added = 0;
  for (; !encoder.full(); ++added) encoder.add(foreign, fmt::format("{:01024}", added));
  EXPECT_EQ(added, kChunkNameBytesMax / kForeignNameBytesMax);
  const auto back = decode_records(encoder.finish());
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(named(*back)[100].name, fmt::format("{:01024}", 100));
  EXPECT_FALSE(encoder.full());
}

TEST(RecordChunk, the_header_says_the_bounds_of_all_records) {
  const NamedRecords records = usual_records(7, 3000);
  const Bytes chunk = chunk_of(records);
  const auto header = read_chunk_header(std::span(chunk).first(kChunkHeaderBytes));
  ASSERT_TRUE(header);
  const auto bounds = [&](auto value) {
    std::vector<decltype(value(records[0].record))> values;
    for (const NamedRecord& each : records) values.push_back(value(each.record));
    return std::pair(std::ranges::min(values), std::ranges::max(values));
  };
  const auto [bytes_min, bytes_max] = bounds([](const OpRecord& r) { return r.bytes; });
  const auto [latency_min, latency_max] = bounds([](const OpRecord& r) { return r.end_ns - r.start_ns; });
  const auto [end_min, end_max] = bounds([](const OpRecord& r) { return r.end_ns; });
  EXPECT_EQ(header->zone, (ZoneMap{.records = 3000,
                                   .latency_ns_min = latency_min,
                                   .latency_ns_max = latency_max,
                                   .bytes_min = bytes_min,
                                   .bytes_max = bytes_max,
                                   .statuses = kSucceeded | status_of(model::ErrorKind::NotFound)}));
  EXPECT_EQ(header->operations, operation_bit(model::OpKind::Get) | operation_bit(model::OpKind::Stat));
  EXPECT_EQ(header->start_ns_min, bounds([](const OpRecord& r) { return r.start_ns; }).first);
  EXPECT_EQ(header->end_ns_min, end_min);
  EXPECT_EQ(header->end_ns_max, end_max);
  EXPECT_EQ(header->failed, std::ranges::count_if(records, [](const auto& r) { return r.record.error.has_value(); }));
  std::vector<std::string> names;
  for (const NamedRecord& each : records) names.push_back(each.name);
  std::ranges::sort(names);
  const auto again = std::ranges::unique(names);
  EXPECT_EQ(header->names, names.size() - again.size() - 1) << "all but the empty one, which is of our own";
}

TEST(RecordChunk, a_chunk_that_is_cut_or_goes_on_is_refused) {
  Bytes chunk = chunk_of(usual_records(3, 200));
  for (std::size_t bytes = 0; bytes < chunk.size(); ++bytes) {
    const auto back = decode_records(std::span(chunk).first(bytes));
    ASSERT_FALSE(back) << bytes;
    ASSERT_EQ(back.error().code, base::Code::Corrupt) << bytes;
    const std::string_view said = bytes < kChunkHeaderBytes ? "shorter than its header" : "not as long as";
    ASSERT_NE(back.error().what.find(said), std::string::npos) << back.error().what;
  }
  chunk.push_back({});
  EXPECT_EQ(decode_records(chunk).error().code, base::Code::Corrupt);
}

TEST(RecordChunk, a_flipped_bit_anywhere_is_refused) {
  Bytes chunk = chunk_of(usual_records(3, 200));
  for (std::size_t bit = 0; bit < 8 * chunk.size(); ++bit) {
    const auto flip = static_cast<std::byte>(1U << bit % 8);
    chunk[bit / 8] ^= flip;
    const auto back = decode_records(chunk);
    ASSERT_FALSE(back) << bit;
    const bool is_version = bit / 8 == 4;
    ASSERT_TRUE(back.error().code == base::Code::Corrupt ||
                (is_version && back.error().code == base::Code::Unsupported));
    chunk[bit / 8] ^= flip;
  }
}

TEST(RecordChunk, a_newer_version_is_unsupported_and_says_so) {
  Bytes chunk = chunk_of(usual_records(3, 20));
  chunk[4] = std::byte{kChunkVersion + 1};
  const auto back = decode_records(chunk);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, base::Code::Unsupported);
  EXPECT_NE(back.error().what.find("version 2"), std::string::npos);
  EXPECT_FALSE(back.error().try_next.empty());
}

// Below, chunks whose checks are right: what somebody made by intent, or a mistake.

struct Opened {
  ChunkHeader header;
  Bytes content;
};

Opened open(const NamedRecords& records) {
  const Bytes chunk = chunk_of(records);
  const ChunkHeader header = *read_chunk_header(chunk);
  return {.header = header, .content = *unpack_content(header, chunk)};
}

TEST(RecordChunk, content_that_was_changed_is_refused_or_is_a_chunk_like_any_other) {
  const Opened opened = open(usual_records(4, 40));
  base::Random random(1);
  int accepted = 0;
  for (int round = 0; round < 1000; ++round) {
    Bytes content = opened.content;
    for (std::uint64_t i = 0; i <= random.below(3); ++i) {
      content[random.below(content.size())] = static_cast<std::byte>(random.next());
    }
    if (random.below(8) == 0) content.resize(random.below(content.size()));
    const auto back = decode_content(40, opened.header.names, content);
    if (back) {
      ++accepted;
      ASSERT_EQ(back->records.size(), 40U);
      expect_same(read(chunk_of(named(*back))), named(*back));
      expect_same(read(pack_content(back->header, content)), named(*back));
    } else {
      ASSERT_TRUE(back.error().code == base::Code::Corrupt || back.error().code == base::Code::Unsupported);
    }
  }
  EXPECT_GT(accepted, 100);
  EXPECT_LT(accepted, 900);
}

TEST(RecordChunk, a_header_that_lies_about_its_records_is_corrupt) {
  const Opened opened = open(usual_records(4, 40));
  ASSERT_TRUE(decode_records(pack_content(opened.header, opened.content)));
  const auto refused = [&](auto change) {
    ChunkHeader header = opened.header;
    change(header);
    const auto back = decode_records(pack_content(header, opened.content));
    return !back && back.error().code == base::Code::Corrupt;
  };
  EXPECT_TRUE(refused([](ChunkHeader& h) { ++h.zone.latency_ns_max; }));
  EXPECT_TRUE(refused([](ChunkHeader& h) { --h.zone.bytes_min; }));
  EXPECT_TRUE(refused([](ChunkHeader& h) { h.zone.statuses ^= 4; }));
  EXPECT_TRUE(refused([](ChunkHeader& h) { h.operations ^= 4; }));
  EXPECT_TRUE(refused([](ChunkHeader& h) { --h.start_ns_min; }));
  EXPECT_TRUE(refused([](ChunkHeader& h) { --h.end_ns_min; }));
  EXPECT_TRUE(refused([](ChunkHeader& h) { ++h.end_ns_max; }));
  EXPECT_TRUE(refused([](ChunkHeader& h) { ++h.failed; }));
  EXPECT_TRUE(refused([](ChunkHeader& h) { ++h.names; }));
  EXPECT_TRUE(refused([](ChunkHeader& h) { ++h.zone.records; }));
  EXPECT_TRUE(refused([](ChunkHeader& h) { h.zone.records = kChunkRecordsMax + 1; }));
}

TEST(RecordChunk, what_unpacks_to_more_than_was_declared_is_corrupt) {
  const Opened opened = open(usual_records(4, 40));
  // A few kilobytes that unpack to 64 MB, under a header that declares little.
  Bytes bomb = pack_content(opened.header, Bytes(std::size_t{64} << 20));
  EXPECT_LT(bomb.size(), 100'000U);
  ChunkHeader header = opened.header;
  const auto packed = std::span(bomb).subspan(kChunkHeaderBytes);
  header.packed_bytes = static_cast<std::uint32_t>(packed.size());
  header.packed_check = base::hash64(packed);
  write_chunk_header(header, bomb);
  EXPECT_NE(decode_records(bomb).error().what.find("cannot be unpacked"), std::string::npos);
  // And one that declares it.
  header.content_bytes = std::uint32_t{64} << 20;
  write_chunk_header(header, bomb);
  EXPECT_NE(decode_records(bomb).error().what.find("declares more"), std::string::npos);
}

TEST(RecordChunk, names_that_share_their_way_to_a_flood_are_corrupt) {
  // 20,000 names of 1,024 bytes, of which all but one say only that they are as the one before.
  const std::size_t count = 20'000;
  ColumnWriter writer;
  std::vector<std::uint64_t> shared(count, kForeignNameBytesMax), rest(count, 0), zeros(count, 0);
  shared[0] = 0, rest[0] = kForeignNameBytesMax;
  writer.plain(shared);
  writer.plain(rest);
  writer.text(std::string(kForeignNameBytesMax, 'x'));
  for (std::size_t i = 0; i < kRecordColumns; ++i) writer.plain(zeros);
  ChunkHeader header;
  for (std::size_t i = 0; i < count; ++i) widen(header, {.dataset = OpRecord::kForeign, .objects = 0});
  header.names = count;
  const auto back = decode_records(pack_content(header, writer.content()));
  ASSERT_FALSE(back);
  EXPECT_NE(back.error().what.find("names"), std::string::npos) << back.error().what;
}

TEST(RecordChunk, a_foreign_target_without_a_name_is_corrupt) {
  const std::vector<std::uint64_t> zero(1, 0);
  ColumnWriter writer;
  for (std::size_t i = 0; i < kRecordColumns; ++i) writer.plain(zero);
  const auto back = decode_content(1, 0, writer.content());
  ASSERT_FALSE(back);
  EXPECT_NE(back.error().what.find("no name"), std::string::npos) << back.error().what;
}

TEST(RecordChunk, an_operation_that_only_a_newer_version_knows_is_unsupported) {
  std::vector<std::uint64_t> zeros(1, 0);
  for (const RecordColumn column : {RecordColumn::Kind, RecordColumn::Status, RecordColumn::Tries}) {
    ColumnWriter writer;
    for (std::size_t i = 0; i < kRecordColumns; ++i) {
      const bool is_it = i == static_cast<std::size_t>(column);
      const bool is_dataset = i == static_cast<std::size_t>(RecordColumn::Dataset);
      const std::vector<std::uint64_t> values(1, is_it ? std::uint64_t{1} << 32 : is_dataset ? 1 : 0);
      writer.plain(values);
    }
    ChunkHeader header;
    widen(header, {.objects = 0});
    const auto back = decode_records(pack_content(header, writer.content()));
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().code, column == RecordColumn::Tries ? base::Code::Corrupt : base::Code::Unsupported);
  }
}

/// The guesses of the columns of a content.
std::vector<Guess> guesses_of(std::span<const std::byte> content, std::size_t records, std::size_t names) {
  WireProblem problem;
  ColumnReader in(content, problem);
  if (names > 0) NameList().read(in, names, problem);
  std::vector<Guess> guesses;
  while (!in.at_end()) {
    const std::string_view header = in.text(kColumnHeaderBytes);
    if (problem.found()) break;
    guesses.push_back(static_cast<Guess>(header[0]));
    in.text(static_cast<std::uint64_t>(header[1]) * records);
  }
  return guesses;
}

// What was written once is read for ever, and what is written now, older programs can read. Only how zstd packs the
// content may differ with its version.
TEST(RecordChunk, the_bytes_of_a_chunk_never_change) {
  const Bytes golden = bytes_of(
      "534c524301000000180000000100000002000000e00300003a01000001020000014000000000000064f2052a01000000e6b5"
      "062a010000008f760e2a0100000050c3000000000000dce10100000000000010000000000000000001000000000023185063"
      "e50c2e6cc1747e3fe094cc6f28b52ffd60e002850900e20c3137406f920e1313ec924715c8a0f4758c6ec0a992ac8ff00fa8"
      "a03070f6af053fe5b42a804d848122e8318071ee732c6d7a7e5adb207bcb14ed055dd35e1b041ac366b1eef03dc41a5cad4e"
      "7cd8b6fdb66db3773c9c5e9a80f64480387939bdb3220fcf2233d2c2d960d7c32736586ba1fb2a64fe02e3fdc13418cc8444"
      "351d8d204ba4cf46450248460449f71632c13828b9f8b44a9e934945c302c544e1e0229122ba56623e3b1600cba5b6514807"
      "97da46284e9579a0383e54594662e8ceafb10fdc0335204083994d73ac3205455dc8eff9d32bc7414f68f20631602c171805"
      "1843b0dc0946cb978113d48cb92909f08f787d07c622b99e21f860883adfcd00b0f31922810e40ede63a1850c6d88463c390"
      "ad6cbbed9559fce1082ab9626dd0fec1ad73f1f8c76888e75137");
  const Bytes chunk = chunk_of(golden_records());
  const auto old_header = read_chunk_header(golden);
  ASSERT_TRUE(old_header) << bytes_text(chunk);
  auto header = *read_chunk_header(chunk);
  EXPECT_EQ(bytes_text(*unpack_content(header, chunk)), bytes_text(*unpack_content(*old_header, golden)));
  expect_same(read(golden), golden_records());
  const auto guesses = guesses_of(*unpack_content(*old_header, golden), golden_records().size(), old_header->names);
  ASSERT_EQ(guesses.size(), kRecordColumns);
  for (const Guess guess : {Guess::None, Guess::Before, Guess::SameWorker, Guess::Given}) {
    EXPECT_NE(std::ranges::find(guesses, guess), guesses.end()) << static_cast<int>(guess) << " is not in the chunk";
  }
  header.packed_bytes = old_header->packed_bytes, header.packed_check = old_header->packed_check;
  Bytes header_bytes(kChunkHeaderBytes);
  write_chunk_header(header, header_bytes);
  EXPECT_EQ(bytes_text(header_bytes), bytes_text(std::span(golden).first(kChunkHeaderBytes)));
}

}  // namespace
}  // namespace sluice::journal
