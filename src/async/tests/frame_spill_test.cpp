#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "async/frame_writer.hpp"
#include "async/tests/held_disk.hpp"
#include "async/tests/slow_reader.hpp"

namespace sluice::async {
namespace {

using namespace std::chrono_literals;

/// A writer whose disk hangs when it is told to, one source that spills, one that waits, and the reader of it all.
/// A line is "source:number"; the one of a gap says how many frames it stands for.
class FrameSpillTest : public testing::Test {
 protected:
  FrameSpillTest() {
    const Ends ends = make_pipe(4096);
    writer_ = *FrameWriter::create(ends.write, {.limits = {.source_bytes_max = 64U << 10U},
                                                .spill_device = disk_.maker(),
                                                .gap_text = [](std::string_view, std::uint64_t frames, std::uint64_t) {
                                                  return "gap:" + std::to_string(frames) + "\n";
                                                }});
    ::close(ends.write);
    reader_.emplace(ends.read, true);
    spills_ = *writer_->open_source("spills", FramePolicy::Spill);
    waits_ = *writer_->open_source("waits", FramePolicy::Wait);
  }

  static Deadline soon() { return Deadline::in(30s); }
  bool put_next() {
    if (!writer_->put(spills_, "s:" + std::to_string(put_) + "\n")) return false;
    ++put_;
    return true;
  }
  /// Nobody reads, so that frames go to the disk, until it hangs with the first of them.
  void spill_until_it_hangs() {
    disk_.hold();
    ASSERT_TRUE(comes_true([&] {
      put_next();
      return disk_.is_holding();
    }));
  }
  /// Frames go to the disk, and the reader comes to where they are to be read back: then the disk hangs.
  void spill_and_hang_at_the_load() {
    disk_.hold_takes();
    ASSERT_TRUE(comes_true([&] {
      put_next();
      return disk_.calls() >= 3 || disk_.is_holding();  // what the pipe had room for is read back at once
    }));
    reader_->resume();
    ASSERT_TRUE(comes_true([&] { return disk_.is_holding(); }));
  }
  bool has_come(const std::string& line, base::Nanos at_most) {
    return comes_true([&] { return reader_->text().contains(line); }, at_most);
  }
  void expect_the_others_go_through_within_a_second() {
    ASSERT_TRUE(writer_->control("c:0\n"));
    EXPECT_TRUE(has_come("c:0\n", 1s));
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(writer_->write_blocking(waits_, "w:" + std::to_string(i) + "\n", soon()));
    }
    EXPECT_TRUE(has_come("w:999\n", 1s));
    ASSERT_TRUE(writer_->control("c:1\n"));
    EXPECT_TRUE(has_come("c:1\n", 1s));
    EXPECT_TRUE(disk_.is_holding()) << "it hung all the time";
  }
  /// Every frame that was taken came once, in order, or is counted in the gap that stands where it was.
  void expect_all_spilled_came(unsigned gaps_max) {
    ASSERT_TRUE(comes_true([&] { return reader_->has_ended(); }));
    int next = 0;
    unsigned gaps = 0;
    std::istringstream lines(reader_->text());
    for (std::string line; std::getline(lines, line);) {
      const int number = std::stoi(line.substr(line.find(':') + 1));
      if (line.starts_with("gap:")) {
        next += number;
        ++gaps;
      } else if (line.starts_with("s:")) {
        ASSERT_EQ(number, next++);
      }
    }
    EXPECT_EQ(next, put_);
    EXPECT_LE(gaps, gaps_max);
  }

  HeldDisk disk_;
  std::optional<SlowReader> reader_;
  std::unique_ptr<FrameWriter> writer_;
  FrameSource spills_{}, waits_{};
  int put_ = 0;
};

TEST_F(FrameSpillTest, a_disk_that_hangs_while_it_takes_frames_holds_up_nothing_else) {
  spill_until_it_hangs();
  while (put_next()) {
  }
  EXPECT_EQ(writer_->put(spills_, "s:x\n").error().code, base::Code::ResourceExhausted);
  EXPECT_GT(writer_->stats().disk_now, base::Nanos{0});
  reader_->resume();
  EXPECT_TRUE(has_come("s:100\n", 1s)) << "what is before those on the disk";
  expect_the_others_go_through_within_a_second();
  disk_.release();
  EXPECT_TRUE(writer_->close(soon()));
  expect_all_spilled_came(0);
  EXPECT_GT(writer_->stats().queue.spilled_frames, 0U);
  EXPECT_EQ(writer_->stats().disk_now, base::Nanos{0});
  EXPECT_FALSE(writer_->stats().spill_failed);
}

TEST_F(FrameSpillTest, a_disk_that_hangs_while_it_gives_frames_back_holds_up_nothing_else) {
  spill_and_hang_at_the_load();
  expect_the_others_go_through_within_a_second();
  while (put_ < 10'000 && put_next()) {
  }
  disk_.release();
  EXPECT_TRUE(writer_->close(soon()));
  expect_all_spilled_came(0);
}

TEST_F(FrameSpillTest, goes_on_spilling_in_order_each_time_the_disk_comes_back) {
  for (int round = 0; round < 20; ++round) {
    disk_.hold();
    for (int i = 0; i < 2000; ++i) put_next();
    reader_->read_some(static_cast<std::size_t>(round + 1) * 300);
    const std::uint64_t calls = disk_.calls();
    disk_.release();
    ASSERT_TRUE(comes_true([&] {
      put_next();
      return disk_.calls() > calls;
    }));
  }
  reader_->resume();
  EXPECT_TRUE(writer_->close(soon()));
  expect_all_spilled_came(0);
}

TEST_F(FrameSpillTest, flush_and_close_end_at_their_deadlines_though_the_disk_hangs_for_ever) {
  spill_until_it_hangs();
  reader_->resume();
  EXPECT_FALSE(writer_->flush(Deadline::in(10ms)));
  EXPECT_FALSE(writer_->flush(soon(), 10ms)) << "no progress for its patience";
  const base::Instant began = base::now();
  EXPECT_FALSE(writer_->close(Deadline::in(10ms))) << "what is with the disk was not written";
  EXPECT_LT(base::now() - began, 10s);
  EXPECT_TRUE(comes_true([&] {
    const FrameWriterStats stats = writer_->stats();
    return stats.queue.dropped_frames + stats.frames_written == static_cast<std::uint64_t>(put_);
  })) << "each is counted once";
  EXPECT_TRUE(comes_true([&] { return reader_->has_ended(); })) << "the descriptor is closed all the same";
  EXPECT_TRUE(disk_.is_holding());
  writer_.reset();
  EXPECT_FALSE(disk_.has_ended());
  disk_.release();
  EXPECT_TRUE(comes_true([&] { return disk_.has_ended(); })) << "its thread comes to its end by itself";
}

TEST_F(FrameSpillTest, close_ends_though_the_disk_hangs_with_what_is_read_back) {
  spill_and_hang_at_the_load();
  const base::Instant began = base::now();
  EXPECT_FALSE(writer_->close(Deadline::in(10ms)));
  EXPECT_LT(base::now() - began, 10s);
  EXPECT_TRUE(comes_true([&] {
    const FrameWriterStats stats = writer_->stats();
    return stats.queue.dropped_frames + stats.frames_written == static_cast<std::uint64_t>(put_);
  }));
  writer_.reset();
  disk_.release();
  EXPECT_TRUE(comes_true([&] { return disk_.has_ended(); }));
}

TEST_F(FrameSpillTest, a_disk_that_fails_after_it_hung_loses_nothing_that_it_had_not_taken) {
  spill_until_it_hangs();
  while (put_next()) {
  }
  reader_->resume();
  expect_the_others_go_through_within_a_second();
  disk_.fail();
  ASSERT_TRUE(comes_true([&] { return writer_->stats().spill_failed; }));
  for (const int last = put_ + 5000; put_ < last;) {
    ASSERT_TRUE(writer_->write_blocking(spills_, "s:" + std::to_string(put_) + "\n", soon()));
    ++put_;
  }
  EXPECT_TRUE(writer_->close(soon()));
  expect_all_spilled_came(0);
}

TEST_F(FrameSpillTest, what_a_disk_lost_after_it_hung_is_named_where_it_was) {
  spill_and_hang_at_the_load();
  disk_.fail();
  EXPECT_TRUE(writer_->close(soon()));
  EXPECT_TRUE(writer_->stats().spill_failed);
  EXPECT_GT(writer_->stats().queue.dropped_frames, 0U);
  expect_all_spilled_came(100);
}

TEST_F(FrameSpillTest, a_reader_that_leaves_while_the_disk_hangs_is_still_a_clean_stop) {
  spill_until_it_hangs();
  reader_->leave();
  ASSERT_TRUE(comes_true([&] { return writer_->is_closed(); }));
  const std::uint64_t late = writer_->stats().queue.dropped_frames + writer_->stats().frames_written;
  EXPECT_EQ(late, static_cast<std::uint64_t>(put_)) << "what is with the disk is counted, too";
  disk_.release();
  ASSERT_TRUE(comes_true([&] { return writer_->stats().disk_now == base::Nanos{0}; }));
  EXPECT_EQ(writer_->stats().queue.dropped_frames + writer_->stats().frames_written, late) << "and only once";
  EXPECT_EQ(writer_->stats().queue.bytes, 0U);
  EXPECT_FALSE(writer_->close(soon()));
  EXPECT_TRUE(disk_.has_ended()) << "a thread that is not held is ended with the writer";
}

TEST_F(FrameSpillTest, a_call_that_waits_for_room_goes_on_when_the_disk_does) {
  spill_until_it_hangs();
  while (put_next()) {
  }
  EXPECT_EQ(writer_->write_blocking(spills_, "s:x\n", Deadline::in(1ms)).error().code, base::Code::DeadlineExceeded);
  std::thread waits([&] { EXPECT_TRUE(writer_->write_blocking(spills_, "s:" + std::to_string(put_) + "\n", soon())); });
  EXPECT_TRUE(comes_true([&] { return writer_->stats().waiting == 1; }));
  disk_.release();  // nobody reads: there is room only because the disk took its frames
  waits.join();
  ++put_;
  reader_->resume();
  EXPECT_TRUE(writer_->close(soon()));
  expect_all_spilled_came(0);
}

}  // namespace
}  // namespace sluice::async
