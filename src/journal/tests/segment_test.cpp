#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/time.hpp"
#include "journal/segment_reader.hpp"
#include "journal/segment_writer.hpp"
#include "journal/tests/loops.hpp"
#include "journal/tests/scratch.hpp"

namespace sluice::journal {
namespace {

using base::operator""s;

/// Everything a reader says about a file.
struct Reading {
  std::vector<std::string> payloads;
  std::vector<std::uint64_t> offsets, numbers;
  std::vector<SegmentFlaw> flaws;
  std::uint64_t torn_bytes = 0;
};

Reading read_all(const std::string& path) {
  Reading reading;
  auto reader = SegmentReader::open(path);
  EXPECT_TRUE(reader) << (reader ? "" : reader.error().what);
  if (!reader) return reading;
  while (true) {
    auto frame = (*reader)->next();
    EXPECT_TRUE(frame) << (frame ? "" : frame.error().what);
    if (!frame || !*frame) break;
    reading.payloads.push_back(as_text((*frame)->payload));
    reading.offsets.push_back((*frame)->offset);
    reading.numbers.push_back((*frame)->number);
  }
  reading.flaws = (*reader)->flaws();
  reading.torn_bytes = (*reader)->torn_bytes();
  return reading;
}

/// A closed segment with these payloads; returns its content.
std::string make_segment(const std::string& path, const std::vector<std::string>& payloads) {
  Loops loops;
  auto writer = SegmentWriter::create(loops, path);
  EXPECT_TRUE(writer) << (writer ? "" : base::to_text(writer.error()));
  for (const std::string& payload : payloads) EXPECT_TRUE((*writer)->append(as_bytes(payload)));
  EXPECT_TRUE(loops.wait((*writer)->close(in(10s))));
  return read_file(path);
}

const std::vector<std::string> kThree = {"first", std::string(100, 'x'), "the third"};

TEST(Segment, frames_come_back_in_order_with_their_numbers) {
  const Scratch scratch;
  make_segment(scratch.path("a.seg"), {"one", "", std::string(3 << 20, 'b'), "four"});
  const Reading reading = read_all(scratch.path("a.seg"));
  EXPECT_EQ(reading.payloads, (std::vector<std::string>{"one", "", std::string(3 << 20, 'b'), "four"}));
  EXPECT_EQ(reading.numbers, (std::vector<std::uint64_t>{0, 1, 2, 3}));
  EXPECT_TRUE(reading.flaws.empty());
  EXPECT_EQ(reading.torn_bytes, 0u);
}

TEST(Segment, the_bytes_of_the_format_never_change) {
  const Scratch scratch;
  const std::string bytes = make_segment(scratch.path("a.seg"), {"hi"});
  std::string hex;
  for (const char c : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  EXPECT_EQ(hex,
            "534c554943455347"
            "0100000000000000"
            "534c46d7"
            "01010000"
            "0000000000000000"
            "02000000"
            "f440bb4d"
            "9a6eead7bb00232a"
            "6869");
}

TEST(Segment, a_synced_frame_is_in_the_file_before_close) {
  Loops loops;
  const Scratch scratch;
  auto writer = SegmentWriter::create(loops, scratch.path("a.seg"));
  ASSERT_TRUE(writer);
  ASSERT_TRUE((*writer)->append(as_bytes("kept")));
  ASSERT_TRUE(loops.wait((*writer)->sync(in(10s))));
  EXPECT_EQ((*writer)->durable_frames(), 1u);
  EXPECT_EQ(read_all(scratch.path("a.seg")).payloads, std::vector<std::string>{"kept"});
}

TEST(Segment, an_existing_file_is_not_overwritten) {
  Loops loops;
  const Scratch scratch;
  const std::string before = make_segment(scratch.path("a.seg"), kThree);
  const auto again = SegmentWriter::create(loops, scratch.path("a.seg"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, base::Code::InvalidArgument);
  EXPECT_EQ(read_file(scratch.path("a.seg")), before);
}

TEST(Segment, a_second_writer_of_the_same_file_is_refused) {
  Loops loops;
  const Scratch scratch;
  auto writer = SegmentWriter::create(loops, scratch.path("a.seg"));
  ASSERT_TRUE(writer);
  const auto second = SegmentWriter::open(loops, scratch.path("a.seg"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::Code::Unavailable);
  EXPECT_FALSE(second.error().try_next.empty());
}

TEST(Segment, open_goes_on_where_the_file_ends) {
  Loops loops;
  const Scratch scratch;
  make_segment(scratch.path("a.seg"), kThree);
  auto writer = SegmentWriter::open(loops, scratch.path("a.seg"));
  ASSERT_TRUE(writer) << writer.error().what;
  EXPECT_EQ((*writer)->recovery().frames, 3u);
  EXPECT_EQ((*writer)->recovery().torn_bytes, 0u);
  EXPECT_EQ((*writer)->append(as_bytes("fourth")).value(), 3u);
  ASSERT_TRUE(loops.wait((*writer)->close(in(10s))));
  EXPECT_EQ(read_all(scratch.path("a.seg")).payloads.back(), "fourth");
}

TEST(Segment, a_tail_torn_at_any_byte_costs_only_the_torn_frame) {
  Loops loops;
  const Scratch scratch;
  const std::string whole = make_segment(scratch.path("whole.seg"), kThree);
  const Reading full = read_all(scratch.path("whole.seg"));
  const std::string path = scratch.path("torn.seg");
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    write_file(path, whole.substr(0, length));
    std::size_t frames = 0;
    std::uint64_t end = length < kFileHeaderBytes ? 0 : kFileHeaderBytes;
    for (; frames < kThree.size(); ++frames) {
      const std::uint64_t frame_end = full.offsets[frames] + kFrameHeaderBytes + kThree[frames].size();
      if (frame_end > length) break;
      end = frame_end;
    }
    const Reading torn = read_all(path);
    ASSERT_EQ(torn.payloads.size(), frames) << "cut at " << length;
    ASSERT_EQ(torn.torn_bytes, length - end) << "cut at " << length;
    if (end > 0 && length > end) {
      ASSERT_EQ(torn.flaws.size(), 1u);
      ASSERT_EQ(torn.flaws[0].kind, SegmentFlaw::Kind::TornTail);
      ASSERT_EQ(torn.flaws[0].offset, end);
    }
    // A writer cuts the tail, says so, and goes on.
    auto writer = SegmentWriter::open(loops, path);
    ASSERT_TRUE(writer) << writer.error().what << ", cut at " << length;
    ASSERT_EQ((*writer)->recovery().torn_bytes, length - end);
    ASSERT_EQ((*writer)->recovery().frames, frames);
    ASSERT_EQ((*writer)->append(as_bytes("next")).value(), frames);
    ASSERT_TRUE(loops.wait((*writer)->close(in(10s))));
    const Reading mended = read_all(path);
    ASSERT_EQ(mended.payloads.size(), frames + 1) << "cut at " << length;
    ASSERT_EQ(mended.payloads.back(), "next");
    ASSERT_TRUE(mended.flaws.empty());
  }
}

TEST(Segment, a_tail_of_zeros_is_torn_too) {
  Loops loops;
  const Scratch scratch;
  const std::string path = scratch.path("a.seg");
  const std::string whole = make_segment(path, kThree);
  write_file(path, whole + std::string(5000, '\0'));
  EXPECT_EQ(read_all(path).torn_bytes, 5000u);
  auto writer = SegmentWriter::open(loops, path);
  ASSERT_TRUE(writer);
  EXPECT_EQ((*writer)->recovery().torn_bytes, 5000u);
  writer->reset();
  EXPECT_EQ(read_file(path), whole);
}

TEST(Segment, any_flipped_bit_is_named_by_its_frame_and_costs_no_other) {
  const Scratch scratch;
  const std::string path = scratch.path("a.seg");
  const std::string whole = make_segment(path, kThree);
  const Reading full = read_all(path);
  for (std::size_t bit = kFileHeaderBytes * 8; bit < whole.size() * 8; ++bit) {
    std::string bad = whole;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    write_file(path, bad);
    std::size_t hit = 0;
    while (hit + 1 < full.offsets.size() && full.offsets[hit + 1] <= bit / 8) ++hit;
    const Reading reading = read_all(path);
    ASSERT_EQ(reading.flaws.size(), 1u) << "bit " << bit;
    ASSERT_EQ(reading.flaws[0].kind, SegmentFlaw::Kind::Damaged) << "bit " << bit;
    ASSERT_EQ(reading.flaws[0].offset, full.offsets[hit]) << "bit " << bit;
    ASSERT_NE(reading.flaws[0].text.find(std::to_string(full.offsets[hit])), std::string::npos);
    std::vector<std::string> others = kThree;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(hit));
    ASSERT_EQ(reading.payloads, others) << "bit " << bit;
  }
}

TEST(Segment, a_flipped_bit_in_the_file_header_is_named_and_costs_nothing) {
  const Scratch scratch;
  const std::string path = scratch.path("a.seg");
  const std::string whole = make_segment(path, kThree);
  for (std::size_t bit = 0; bit < kFileHeaderBytes * 8; ++bit) {
    std::string bad = whole;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    write_file(path, bad);
    const Reading reading = read_all(path);
    ASSERT_EQ(reading.payloads, kThree);
    ASSERT_EQ(reading.flaws.size(), 1u);
    ASSERT_EQ(reading.flaws[0].offset, 0u);
  }
}

TEST(Segment, a_writer_leaves_damaged_frames_where_they_are) {
  Loops loops;
  const Scratch scratch;
  const std::string path = scratch.path("a.seg");
  std::string bytes = make_segment(path, kThree);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_file(path, bytes);
  auto writer = SegmentWriter::open(loops, path);
  ASSERT_TRUE(writer);
  EXPECT_EQ((*writer)->recovery().torn_bytes, 0u);
  ASSERT_EQ((*writer)->recovery().damaged.size(), 1u);
  ASSERT_TRUE((*writer)->append(as_bytes("after")));
  ASSERT_TRUE(loops.wait((*writer)->close(in(10s))));
  EXPECT_EQ(read_all(path).payloads, (std::vector<std::string>{kThree[0], kThree[1], "after"}));
}

TEST(Segment, a_lost_middle_of_the_file_costs_only_what_it_covers) {
  const Scratch scratch;
  const std::string path = scratch.path("a.seg");
  std::vector<std::string> payloads;
  for (int i = 0; i < 200; ++i)
    payloads.push_back(std::string(20'000, static_cast<char>('a' + i % 26)) + std::to_string(i));
  std::string bytes = make_segment(path, payloads);
  // Over 2 MiB of noise: further than one window of the reader, and with the magic in it.
  for (std::size_t i = 1'000'000; i < 3'200'000; ++i) bytes[i] = "SLF\xD7?"[i % 5];
  write_file(path, bytes);
  const Reading reading = read_all(path);
  const std::size_t frame_bytes = kFrameHeaderBytes + 20'003;
  EXPECT_GT(reading.payloads.size(), 200 - (2'200'000 / frame_bytes) - 3);
  EXPECT_EQ(reading.payloads.back(), payloads.back());
  EXPECT_GE(reading.flaws.size(), 1u);
  for (const SegmentFlaw& flaw : reading.flaws) EXPECT_EQ(flaw.kind, SegmentFlaw::Kind::Damaged);
}

TEST(Segment, a_file_of_another_kind_is_refused_and_left_alone) {
  Loops loops;
  const Scratch scratch;
  const std::string path = scratch.path("letter.txt");
  write_file(path, "Dear reader, this is no segment at all.");
  EXPECT_EQ(SegmentReader::open(path).error().code, base::Code::Corrupt);
  EXPECT_EQ(SegmentWriter::open(loops, path).error().code, base::Code::Corrupt);
  EXPECT_EQ(read_file(path), "Dear reader, this is no segment at all.");
  write_file(path, std::string("SLUICESG\x02\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(SegmentReader::open(path).error().code, base::Code::Unsupported);
  EXPECT_EQ(SegmentReader::open(scratch.path("absent")).error().code, base::Code::NotFound);
}

TEST(Segment, a_payload_beyond_the_limit_is_refused_and_the_log_goes_on) {
  Loops loops;
  const Scratch scratch;
  auto writer = SegmentWriter::create(loops, scratch.path("a.seg"));
  ASSERT_TRUE(writer);
  const std::vector<std::byte> huge(kPayloadBytesMax + 1);
  EXPECT_EQ((*writer)->append(huge).error().code, base::Code::InvalidArgument);
  EXPECT_TRUE((*writer)->append(as_bytes("small")));
  EXPECT_TRUE(loops.wait((*writer)->sync(in(10s))));
}

TEST(Segment, what_comes_after_close_is_refused) {
  Loops loops;
  const Scratch scratch;
  auto writer = SegmentWriter::create(loops, scratch.path("a.seg"));
  ASSERT_TRUE(writer);
  ASSERT_TRUE((*writer)->append(as_bytes("x")));
  ASSERT_TRUE(loops.wait((*writer)->close(in(10s))));
  EXPECT_TRUE(loops.wait((*writer)->close(in(10s))));
  EXPECT_EQ((*writer)->append(as_bytes("y")).error().code, base::Code::Terminated);
  EXPECT_TRUE(loops.wait((*writer)->sync(in(10s)))) << "everything appended is durable";
}

}  // namespace
}  // namespace sluice::journal
