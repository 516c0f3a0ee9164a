#include "async/frame_queue.hpp"

#include <map>

#include <gtest/gtest.h>

namespace sluice::async {
namespace {

std::string gap_text(std::string_view source, std::uint64_t frames, std::uint64_t bytes) {
  return std::string(source) + " lost " + std::to_string(frames) + "/" + std::to_string(bytes);
}

FrameQueue make(FrameLimits limits = {}) { return {limits, gap_text}; }

FrameQueue::Put put(FrameQueue& queue, FrameSource source, std::string text) { return queue.put(source, text); }

/// The next frame's text, as if it were written; "-" where there is none.
std::string next(FrameQueue& queue) {
  std::optional<Frame> frame = queue.take();
  if (!frame) return "-";
  queue.written(*frame);
  return frame->bytes;
}

constexpr auto kTaken = FrameQueue::Put::Taken;
constexpr auto kFull = FrameQueue::Put::Full;

TEST(FrameQueue, a_source_keeps_its_order) {
  FrameQueue queue = make();
  const FrameSource a = *queue.open("a", FramePolicy::Wait);
  for (const char* text : {"1", "2", "3"}) EXPECT_EQ(put(queue, a, text), kTaken);
  EXPECT_EQ(next(queue) + next(queue) + next(queue) + next(queue), "123-");
  EXPECT_TRUE(queue.is_empty());
  EXPECT_EQ(queue.stats().bytes, 0U);
}

TEST(FrameQueue, control_goes_first_and_has_its_own_budget) {
  FrameQueue queue = make({.bytes_max = 400, .source_bytes_max = 200, .control_bytes_max = 200});
  const FrameSource a = *queue.open("a", FramePolicy::Wait);
  while (put(queue, a, std::string(10, 'a')) == kTaken) {
  }
  EXPECT_EQ(put(queue, FrameSource::Control, "first"), kTaken);
  EXPECT_EQ(put(queue, FrameSource::Control, std::string(80, 'c')), kFull)
      << "two frames of 69 and 144 bytes are too many";
  EXPECT_EQ(next(queue), "first");
  EXPECT_EQ(put(queue, FrameSource::Control, std::string(80, 'c')), kTaken);
}

TEST(FrameQueue, a_full_source_that_waits_takes_nothing_and_loses_nothing) {
  FrameQueue queue = make({.source_bytes_max = 2 * (kFrameCost + 1)});
  const FrameSource a = *queue.open("a", FramePolicy::Wait);
  EXPECT_EQ(put(queue, a, "1"), kTaken);
  EXPECT_EQ(put(queue, a, "2"), kTaken);
  std::string third = "3";
  EXPECT_EQ(queue.put(a, third), kFull);
  EXPECT_EQ(third, "3");
  EXPECT_FALSE(queue.fits(a, 1));
  EXPECT_EQ(next(queue), "1");
  EXPECT_TRUE(queue.fits(a, 1));
  EXPECT_EQ(queue.put(a, third), kTaken);
  EXPECT_EQ(next(queue) + next(queue), "23");
}

TEST(FrameQueue, what_is_in_flight_counts_until_it_is_written) {
  FrameQueue queue = make({.source_bytes_max = kFrameCost + 1});
  const FrameSource a = *queue.open("a", FramePolicy::Wait);
  EXPECT_EQ(put(queue, a, "1"), kTaken);
  const std::optional<Frame> frame = queue.take();
  EXPECT_EQ(put(queue, a, "2"), kFull);
  queue.written(*frame);
  EXPECT_EQ(put(queue, a, "2"), kTaken);
}

TEST(FrameQueue, a_frame_larger_than_its_source_is_refused_for_good) {
  FrameQueue queue = make({.source_bytes_max = 100, .control_bytes_max = 100});
  const FrameSource a = *queue.open("a", FramePolicy::DropOldest);
  EXPECT_EQ(put(queue, a, std::string(37, 'x')), FrameQueue::Put::TooLarge);
  EXPECT_EQ(put(queue, a, std::string(36, 'x')), kTaken);
  EXPECT_EQ(put(queue, FrameSource::Control, std::string(37, 'x')), FrameQueue::Put::TooLarge);
}

TEST(FrameQueue, every_source_has_its_share_whatever_the_others_hold) {
  FrameQueue queue = make({.bytes_max = 100'000, .source_bytes_max = 50'000});
  std::vector<FrameSource> sources;
  for (int i = 0; i < 10; ++i) sources.push_back(*queue.open("s", FramePolicy::Wait));
  const std::string frame(1000 - kFrameCost, 'x');
  for (int i = 0; i < 9; ++i) {
    while (put(queue, sources[static_cast<std::size_t>(i)], frame) == kTaken) {
    }
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(put(queue, sources[9], frame), kTaken) << i;
  EXPECT_EQ(put(queue, sources[9], frame), kFull);
  EXPECT_LE(queue.stats().bytes_high_water, 100U * 1000U);
}

TEST(FrameQueue, who_waits_for_the_common_half_is_not_overtaken) {
  FrameQueue queue = make({.bytes_max = 4000, .source_bytes_max = 4000});
  const FrameSource a = *queue.open("a", FramePolicy::Wait);
  const FrameSource b = *queue.open("b", FramePolicy::Wait);
  const std::string large(1500, 'x');
  EXPECT_TRUE(queue.needs_common(a, large.size()));
  queue.reserve_common(true);
  EXPECT_EQ(put(queue, b, std::string(900, 'x')), kTaken) << "its share";
  EXPECT_EQ(put(queue, b, std::string(900, 'x')), kFull) << "the common half";
  queue.reserve_common(false);
  EXPECT_EQ(put(queue, b, std::string(900, 'x')), kTaken);
}

TEST(FrameQueue, full_shares_of_others_do_not_keep_a_large_frame_out) {
  FrameQueue queue = make({.bytes_max = 40'000, .source_bytes_max = 20'000});
  const FrameSource large = *queue.open("large", FramePolicy::Wait);
  std::vector<FrameSource> others;
  for (int i = 0; i < 9; ++i) others.push_back(*queue.open("s", FramePolicy::Wait));
  queue.reserve_common(true);
  for (const FrameSource source : others) {
    while (put(queue, source, std::string(400, 's')) == kTaken) {
    }
  }
  queue.reserve_common(false);
  EXPECT_GT(queue.stats().bytes, 15'000U);
  EXPECT_EQ(put(queue, large, std::string(19'000, 'L')), kTaken);
  EXPECT_LE(queue.stats().bytes_high_water, 40'000U);
}

TEST(FrameQueue, what_was_dropped_is_named_where_it_was) {
  FrameQueue queue = make({.source_bytes_max = 3 * (kFrameCost + 2)});
  const FrameSource a = *queue.open("a", FramePolicy::DropOldest);
  for (int i = 10; i < 18; ++i) EXPECT_EQ(put(queue, a, std::to_string(i)), kTaken);
  EXPECT_EQ(next(queue), "a lost 5/10");
  EXPECT_EQ(next(queue) + next(queue) + next(queue) + next(queue), "151617-");
  EXPECT_EQ(queue.stats().dropped_frames, 5U);
  EXPECT_EQ(queue.stats().dropped_bytes, 10U);
  EXPECT_TRUE(queue.is_empty());
}

TEST(FrameQueue, a_gap_that_was_not_begun_grows_while_it_waits) {
  FrameQueue queue = make({.source_bytes_max = 2 * (kFrameCost + 2)});
  const FrameSource a = *queue.open("a", FramePolicy::DropOldest);
  for (int i = 10; i < 13; ++i) put(queue, a, std::to_string(i));
  std::optional<Frame> gap = queue.take();
  EXPECT_EQ(gap->bytes, "a lost 1/2");
  put(queue, a, "13");
  queue.give_back(std::move(*gap));
  std::string gap_then = next(queue);
  EXPECT_TRUE(gap_then.starts_with("a lost ")) << gap_then;
  std::string rest;
  for (std::string text = next(queue); text != "-"; text = next(queue)) rest += text;
  EXPECT_EQ(gap_then, "a lost " + std::to_string(4 - rest.size() / 2) + "/" + std::to_string(8 - rest.size()));
  EXPECT_TRUE(std::string("10111213").ends_with(rest)) << rest;
  EXPECT_TRUE(queue.is_empty());
  EXPECT_TRUE(queue.is_done(queue.mark()));
}

TEST(FrameQueue, what_was_taken_and_comes_back_after_younger_ones_were_dropped_is_of_their_gap) {
  FrameQueue queue = make({.source_bytes_max = 4 * (kFrameCost + 2)});
  const FrameSource a = *queue.open("a", FramePolicy::DropOldest);
  for (int i = 10; i < 14; ++i) put(queue, a, std::to_string(i));
  std::optional<Frame> first = queue.take(), second = queue.take();
  for (int i = 14; i < 18; ++i) put(queue, a, std::to_string(i));  // 12 to 15 make room, 10 and 11 are out
  queue.give_back(std::move(*second));
  queue.give_back(std::move(*first));
  EXPECT_EQ(next(queue), "a lost 6/12");
  EXPECT_EQ(next(queue) + next(queue) + next(queue), "1617-");
  EXPECT_EQ(queue.stats().dropped_frames, 6U);
  EXPECT_TRUE(queue.is_empty());
  EXPECT_TRUE(queue.is_done(queue.mark()));
}

TEST(FrameQueue, only_the_newest_picture_is_kept) {
  FrameQueue queue = make({.bytes_max = 0, .source_bytes_max = 1000});
  const FrameSource live = *queue.open("live", FramePolicy::KeepNewest);
  for (const char* text : {"one", "two", "three"}) EXPECT_EQ(put(queue, live, text), kTaken);
  std::optional<Frame> unsent = queue.take();
  EXPECT_EQ(unsent->bytes, "three");
  put(queue, live, "four");
  queue.give_back(std::move(*unsent));
  EXPECT_EQ(next(queue), "four");
  EXPECT_EQ(next(queue), "-");
  EXPECT_EQ(queue.stats().replaced_frames, 3U);
  EXPECT_EQ(queue.stats().dropped_frames, 0U);
  EXPECT_TRUE(queue.is_empty());
}

TEST(FrameQueue, frames_given_back_come_again_in_the_same_order) {
  FrameQueue queue = make();
  const FrameSource a = *queue.open("a", FramePolicy::Wait);
  const FrameSource b = *queue.open("b", FramePolicy::Wait);
  std::string before, after;
  for (int i = 0; i < 4; ++i) {
    put(queue, a, "a" + std::to_string(i));
    put(queue, b, "b" + std::to_string(i));
  }
  put(queue, FrameSource::Control, "c");
  std::vector<Frame> taken;
  while (std::optional<Frame> frame = queue.take()) taken.push_back(std::move(*frame));
  for (const Frame& frame : taken) before += frame.bytes;
  while (!taken.empty()) {
    queue.give_back(std::move(taken.back()));
    taken.pop_back();
  }
  for (std::string text = next(queue); text != "-"; text = next(queue)) after += text;
  EXPECT_EQ(before, "ca0a1a2a3b0b1b2b3");
  EXPECT_EQ(after, before);
}

TEST(FrameQueue, a_flooder_gets_its_share_and_no_more) {
  FrameQueue queue = make({.bytes_max = 256U << 20U, .source_bytes_max = 8U << 20U});
  const FrameSource flooder = *queue.open("flooder", FramePolicy::Wait);
  while (put(queue, flooder, std::string(100, 'f')) == kTaken) {
  }
  std::vector<FrameSource> quiet;
  for (int i = 0; i < 99; ++i) quiet.push_back(*queue.open("quiet", FramePolicy::Wait));
  for (int round = 0; round < 20; ++round) {
    for (const FrameSource source : quiet) ASSERT_EQ(put(queue, source, "q"), kTaken);
    std::size_t flooded = 0, quiet_left = 99;
    while (quiet_left > 0) {
      const std::string text = next(queue);
      text == "q" ? void(--quiet_left) : void(flooded += text.size());
    }
    EXPECT_LE(flooded, 2 * FrameQueue::kQuantum) << round;
  }
}

TEST(FrameQueue, sources_that_always_have_something_get_equal_bytes_whatever_their_frames_are) {
  FrameQueue queue = make();
  std::map<char, std::size_t> got;
  std::map<char, std::pair<FrameSource, std::size_t>> sources;
  for (const auto& [letter, size] :
       {std::pair{'a', std::size_t{10}}, {'b', std::size_t{5000}}, {'c', std::size_t{700}}}) {
    sources[letter] = {*queue.open("s", FramePolicy::Wait), size};
    for (int i = 0; i < 20; ++i) put(queue, sources[letter].first, std::string(size, letter));
  }
  for (std::size_t all = 0; all < 1'000'000;) {
    const std::string text = next(queue);
    all += text.size();
    got[text[0]] += text.size();
    put(queue, sources[text[0]].first, std::string(text.size(), text[0]));
  }
  EXPECT_NEAR(static_cast<double>(got['b']), static_cast<double>(got['c']), 2.0 * (FrameQueue::kQuantum + 5000));
  EXPECT_NEAR(static_cast<double>(got['a']), static_cast<double>(got['c']), 2.0 * (FrameQueue::kQuantum + 5000));
}

TEST(FrameQueue, spilled_frames_come_back_in_order) {
  FrameQueue queue = make({.source_bytes_max = 20 * (kFrameCost + 4)});
  const FrameSource a = *queue.open("a", FramePolicy::Spill);
  std::map<std::uint64_t, std::vector<std::string>> disk;
  std::uint64_t offset = 0;
  int in = 1000, out = 1000;
  const auto spill = [&] {
    while (const auto batch = queue.next_spill()) {
      for (const Frame& frame : batch->frames) disk[offset].push_back(frame.bytes);
      queue.spilled({.offset = offset, .size_bytes = batch->frames.size()});
      offset += batch->frames.size();
    }
  };
  const auto load = [&] {
    while (std::optional<FrameQueue::Load> wanted = queue.next_load()) queue.loaded(disk[wanted->extent.offset]);
  };
  // More comes than goes for a while, then the reader catches up; twice.
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 500; ++i) {
      for (int k = 0; k < 3; ++k) {
        ASSERT_EQ(put(queue, a, std::to_string(in++)), kTaken);
        spill();
      }
      load();
      ASSERT_EQ(next(queue), std::to_string(out++));
      ASSERT_LE(queue.stats().bytes, 40U * (kFrameCost + 4));
    }
    EXPECT_GT(queue.stats().spill_bytes, 800U);
    const std::uint64_t mark = queue.mark();
    while (out < in) {
      EXPECT_FALSE(queue.is_done(mark));
      load();
      const std::string text = next(queue);
      if (text != "-") ASSERT_EQ(text, std::to_string(out++));
    }
    EXPECT_TRUE(queue.is_done(mark));
    EXPECT_TRUE(queue.is_empty());
    EXPECT_EQ(queue.stats().spill_bytes, 0U);
    EXPECT_EQ(queue.stats().bytes, 0U);
  }
}

TEST(FrameQueue, large_frames_that_come_back_from_the_disk_keep_the_bound_of_memory) {
  constexpr std::size_t kMax = 400'000, kLarge = 100'000;
  FrameQueue queue = make({.bytes_max = kMax, .source_bytes_max = 200'000});
  std::map<std::uint64_t, std::vector<std::string>> disk;
  std::uint64_t offset = 0, taken = 0;
  std::vector<FrameSource> sources;
  for (int s = 0; s < 20; ++s) sources.push_back(*queue.open("s", FramePolicy::Spill));
  const FrameSource flooder = *queue.open("flooder", FramePolicy::Wait);
  const auto spill = [&] {
    while (const auto batch = queue.next_spill()) {
      for (const Frame& frame : batch->frames) disk[offset].push_back(frame.bytes);
      queue.spilled({.offset = offset, .size_bytes = batch->frames.size()});
      offset += batch->frames.size();
    }
  };
  const auto flood = [&] {
    while (put(queue, flooder, std::string(1000, 'f')) == kTaken) ++taken;
  };
  for (int i = 0; i < 5; ++i) {
    for (const FrameSource source : sources) {
      ASSERT_EQ(put(queue, source, std::string(i == 0 ? 1 : kLarge, 'L')), kTaken);
      ++taken;
      spill();
    }
  }
  std::uint64_t written = 0;
  while (!queue.is_empty()) {
    while (std::optional<FrameQueue::Load> wanted = queue.next_load()) {
      queue.loaded(disk[wanted->extent.offset]);
    }
    if (written < 1000) flood();
    ASSERT_NE(next(queue), "-") << "after " << written << " of " << taken;
    ++written;
  }
  EXPECT_EQ(written, taken);
  EXPECT_LE(queue.stats().bytes_high_water, kMax + kLarge + kFrameCost);
}

TEST(FrameQueue, shares_that_shrink_do_not_keep_what_is_on_the_disk_there) {
  FrameQueue queue = make({.bytes_max = 40'000, .source_bytes_max = 20'000, .spill_bytes_max = 30'000});
  std::vector<FrameSource> sources;
  for (int s = 0; s < 3; ++s) sources.push_back(*queue.open("s", FramePolicy::Spill));
  // Of each one frame ahead, a large one on the disk, and behind it, as the disk is full, another one in memory.
  for (const FrameSource source : sources) {
    ASSERT_EQ(put(queue, source, "a"), kTaken);
    ASSERT_EQ(put(queue, source, std::string(9000, 'b')), kTaken);
    const auto batch = queue.next_spill();
    ASSERT_TRUE(batch);
    queue.spilled({.size_bytes = 9000});
  }
  for (const FrameSource source : sources) ASSERT_EQ(put(queue, source, std::string(9000, 'c')), kTaken);
  ASSERT_FALSE(queue.next_spill());
  for (int s = 0; s < 100; ++s) static_cast<void>(*queue.open("s", FramePolicy::Wait));
  std::string order;
  while (!queue.is_empty()) {
    while (std::optional<FrameQueue::Load> wanted = queue.next_load()) {
      queue.loaded({std::string(9000, 'b')});
    }
    const std::string frame = next(queue);
    ASSERT_NE(frame, "-") << "after " << order;
    order += frame[0];
  }
  EXPECT_EQ(order, "aaabcbcbc");
}

TEST(FrameQueue, a_spill_that_fails_becomes_a_wait_and_loses_nothing) {
  FrameQueue queue = make({.source_bytes_max = 20 * (kFrameCost + 4)});
  const FrameSource a = *queue.open("a", FramePolicy::Spill);
  int in = 1000, out = 1000;
  while (put(queue, a, std::to_string(in)) == kTaken) {
    ++in;
    if (queue.next_spill()) queue.spill_failed();
  }
  EXPECT_EQ(in - 1000, 20);
  while (out < in) ASSERT_EQ(next(queue), std::to_string(out++));
  EXPECT_TRUE(queue.is_empty());
}

TEST(FrameQueue, an_extent_that_was_lost_is_a_gap) {
  FrameQueue queue = make({.source_bytes_max = 20 * (kFrameCost + 4)});
  const FrameSource a = *queue.open("a", FramePolicy::Spill);
  int in = 1000;
  std::shared_ptr<const FrameQueue::SpillBatch> batch;  // shared because next_spill() gives it so
  while (!batch) {
    ASSERT_EQ(put(queue, a, std::to_string(in++)), kTaken);
    batch = queue.next_spill();
  }
  queue.spilled({.size_bytes = 100});
  while (next(queue) != "-") {
  }
  ASSERT_TRUE(queue.next_load());
  queue.loaded({});
  EXPECT_EQ(next(queue),
            "a lost " + std::to_string(batch->frames.size()) + "/" + std::to_string(4 * batch->frames.size()));
  EXPECT_EQ(next(queue), "-");
  EXPECT_TRUE(queue.is_empty());
  EXPECT_TRUE(queue.is_done(queue.mark()));
}

/// Puts numbers from `in` on until frames are with the disk.
std::shared_ptr<const FrameQueue::SpillBatch> fill(FrameQueue& queue, FrameSource source,
                                                   int& in) {  // shared because next_spill() gives it so
  std::shared_ptr<const FrameQueue::SpillBatch> batch;         // shared because next_spill() gives it so
  while (batch == nullptr && put(queue, source, std::to_string(in)) == kTaken) {
    ++in;
    batch = queue.next_spill();
  }
  EXPECT_NE(batch, nullptr);
  return batch;
}

TEST(FrameQueue, frames_with_a_disk_that_does_not_answer_keep_their_place) {
  FrameQueue queue = make({.source_bytes_max = 20 * (kFrameCost + 4)});
  const FrameSource a = *queue.open("a", FramePolicy::Spill);
  int in = 1000, out = 1000;
  const auto batch = fill(queue, a, in);
  const std::size_t held = batch->frames.size();
  EXPECT_EQ(queue.next_spill(), nullptr) << "one at a time";
  while (out < in - static_cast<int>(held)) ASSERT_EQ(next(queue), std::to_string(out++));
  EXPECT_EQ(next(queue), "-");
  for (int i = 0; i < 3; ++i) ASSERT_EQ(put(queue, a, std::to_string(in++)), kTaken);
  EXPECT_EQ(next(queue), "-") << "what comes later does not pass what the disk has";
  EXPECT_FALSE(queue.next_load()) << "nothing is there yet";
  queue.close(a);
  queue.spilled({.size_bytes = held});
  ASSERT_TRUE(queue.next_load());
  EXPECT_EQ(next(queue), "-");
  std::vector<std::string> frames;
  for (const Frame& frame : batch->frames) frames.push_back(frame.bytes);
  queue.loaded(std::move(frames));
  while (out < in) ASSERT_EQ(next(queue), std::to_string(out++));
  EXPECT_TRUE(queue.is_empty());
  EXPECT_EQ(queue.stats().bytes, 0U);
}

TEST(FrameQueue, an_extent_comes_back_when_all_before_it_was_written_and_a_lost_one_keeps_its_place) {
  FrameQueue queue = make({.source_bytes_max = 20 * (kFrameCost + 4)});
  const FrameSource a = *queue.open("a", FramePolicy::Spill);
  int in = 1000;
  const std::size_t lost = fill(queue, a, in)->frames.size();
  std::vector<Frame> taken;
  const auto take_all = [&] {
    while (std::optional<Frame> frame = queue.take()) taken.push_back(std::move(*frame));
  };
  const auto give_all_back = [&] {
    for (; !taken.empty(); taken.pop_back()) queue.give_back(std::move(taken.back()));
  };
  take_all();
  const std::size_t before = taken.size();
  queue.spilled({.size_bytes = 100});
  EXPECT_FALSE(queue.next_load()) << "what is in flight may come back";
  give_all_back();
  EXPECT_FALSE(queue.next_load()) << "a reader that has stopped has not even taken these";
  for (std::size_t i = 0; i < before; ++i) ASSERT_EQ(next(queue), std::to_string(1000 + i));
  ASSERT_TRUE(queue.next_load());
  ASSERT_EQ(put(queue, a, "behind"), kTaken);
  queue.loaded({});
  take_all();
  EXPECT_EQ(taken.size(), 2U);
  give_all_back();
  EXPECT_EQ(next(queue), "a lost " + std::to_string(lost) + "/" + std::to_string(4 * lost));
  EXPECT_EQ(next(queue) + next(queue), "behind-");
  EXPECT_TRUE(queue.is_empty());
  EXPECT_EQ(queue.stats().bytes, 0U);
}

TEST(FrameQueue, a_head_that_grew_while_a_part_of_it_was_in_flight_is_spilled_all_the_same) {
  FrameQueue queue = make({.source_bytes_max = 20 * (kFrameCost + 4)});
  const FrameSource a = *queue.open("a", FramePolicy::Spill);
  int in = 1000, out = 1000;
  std::vector<Frame> taken;
  for (int i = 0; i < 10; ++i) ASSERT_EQ(put(queue, a, std::to_string(in++)), kTaken);
  while (std::optional<Frame> frame = queue.take()) taken.push_back(std::move(*frame));
  while (put(queue, a, std::to_string(in)) == kTaken) ++in;
  for (; !taken.empty(); taken.pop_back()) queue.give_back(std::move(taken.back()));
  const auto batch = queue.next_spill();
  ASSERT_NE(batch, nullptr) << "nobody reads, and yet it would wait";
  std::vector<std::string> frames;
  for (const Frame& frame : batch->frames) frames.push_back(frame.bytes);
  EXPECT_EQ(frames.size(), 10U);
  queue.spilled({.size_bytes = 100});
  for (int i = 0; i < 3; ++i) ASSERT_EQ(put(queue, a, std::to_string(in++)), kTaken);
  while (out < in) {
    if (queue.next_load()) queue.loaded(frames);
    ASSERT_EQ(next(queue), std::to_string(out++));
  }
}

TEST(FrameQueue, a_spill_that_fails_for_one_source_does_not_turn_the_order_of_another) {
  FrameQueue queue = make({.source_bytes_max = 20 * (kFrameCost + 4)});
  const FrameSource a = *queue.open("a", FramePolicy::Spill);
  const FrameSource b = *queue.open("b", FramePolicy::Spill);
  int ignored = 1000, in = 1000, out = 1000;
  fill(queue, a, ignored);
  for (int i = 0; i < 12; ++i) ASSERT_EQ(put(queue, b, "b" + std::to_string(in++)), kTaken);
  queue.spill_failed();
  ASSERT_EQ(put(queue, b, "b" + std::to_string(in++)), kTaken);
  for (std::string text = next(queue); text != "-"; text = next(queue)) {
    if (text[0] == 'b') ASSERT_EQ(text, "b" + std::to_string(out++));
  }
  EXPECT_EQ(out, in);
}

TEST(FrameQueue, what_the_disk_answers_after_everything_was_dropped_changes_nothing) {
  for (const bool fails : {false, true}) {
    FrameQueue queue = make({.source_bytes_max = 20 * (kFrameCost + 4)});
    const FrameSource a = *queue.open("a", FramePolicy::Spill);
    const FrameSource b = *queue.open("b", FramePolicy::Spill);
    int in = 1000, of_b = 1000;
    fill(queue, a, in);
    queue.spilled({.size_bytes = 100});
    while (next(queue) != "-") {
    }
    ASSERT_TRUE(queue.next_load());
    fill(queue, b, of_b);
    queue.drop_all();
    EXPECT_TRUE(queue.is_empty());
    EXPECT_GT(queue.stats().bytes, 0U) << "the disk has it still";
    const std::uint64_t dropped = queue.stats().dropped_frames;
    queue.close(b);
    fails ? queue.spill_failed() : queue.spilled({.size_bytes = 100});
    queue.loaded({"anything"});
    EXPECT_EQ(queue.stats().dropped_frames, dropped);
    EXPECT_EQ(queue.stats().bytes, 0U);
    EXPECT_EQ(queue.stats().spill_bytes, 0U);
    EXPECT_EQ(next(queue), "-");
    EXPECT_EQ(put(queue, b, "more"), FrameQueue::Put::NoSource);
    EXPECT_EQ(put(queue, a, "more"), kTaken);
    EXPECT_EQ(next(queue), "more");
  }
}

TEST(FrameQueue, a_mark_is_done_when_what_came_before_it_has_gone) {
  FrameQueue queue = make();
  const FrameSource a = *queue.open("a", FramePolicy::Wait);
  const FrameSource b = *queue.open("b", FramePolicy::Wait);
  EXPECT_TRUE(queue.is_done(queue.mark()));
  put(queue, b, std::string(2 * FrameQueue::kQuantum, 'b'));
  const std::uint64_t mark = queue.mark();
  EXPECT_EQ(queue.mark(), mark) << "nothing has come since";
  put(queue, a, "a");
  EXPECT_EQ(next(queue), "a");
  EXPECT_FALSE(queue.is_done(mark));
  put(queue, a, "a");
  next(queue).size() > 1 ? void() : void(next(queue));
  EXPECT_TRUE(queue.is_done(mark));
}

TEST(FrameQueue, a_closed_source_is_written_to_its_end_and_then_forgotten) {
  FrameQueue queue = make({.sources_max = 1});
  const FrameSource a = *queue.open("a", FramePolicy::Wait);
  put(queue, a, "last");
  queue.close(a);
  EXPECT_EQ(put(queue, a, "more"), FrameQueue::Put::NoSource);
  EXPECT_EQ(queue.open("b", FramePolicy::Wait).error().code, base::Code::ResourceExhausted);
  EXPECT_EQ(next(queue), "last");
  EXPECT_TRUE(queue.open("b", FramePolicy::Wait).has_value());
}

TEST(FrameQueue, when_the_reader_has_gone_everything_is_counted_as_dropped) {
  FrameQueue queue = make({.source_bytes_max = 20 * (kFrameCost + 4)});
  const FrameSource spilling = *queue.open("a", FramePolicy::Spill);
  const FrameSource dropping = *queue.open("b", FramePolicy::DropOldest);
  std::uint64_t frames = 0;
  for (int i = 0; i < 100; ++i, frames += 2) {
    ASSERT_EQ(put(queue, spilling, "1234"), kTaken);
    ASSERT_EQ(put(queue, dropping, "1234"), kTaken);
    if (const auto batch = queue.next_spill()) queue.spilled({.size_bytes = batch->frames.size()});
  }
  put(queue, FrameSource::Control, "1234");
  const std::uint64_t mark = queue.mark();
  queue.drop_all();
  EXPECT_EQ(queue.stats().dropped_frames, frames + 1);
  EXPECT_EQ(queue.stats().dropped_bytes, 4 * (frames + 1));
  EXPECT_EQ(queue.stats().bytes, 0U);
  EXPECT_EQ(queue.stats().spill_bytes, 0U);
  EXPECT_TRUE(queue.is_empty());
  EXPECT_TRUE(queue.is_done(mark));
}

}  // namespace
}  // namespace sluice::async
