// FrameWriter and readers of bounded speed, through real pipes.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "async/frame_writer.hpp"
#include "async/tests/file_size_limit.hpp"
#include "async/tests/paced_reader.hpp"
#include "async/tests/seeded_frames.hpp"
#include "async/tests/slow_reader.hpp"

namespace sluice::async {
namespace {

using namespace std::chrono_literals;

Deadline soon() { return Deadline::in(30s); }

std::unique_ptr<FrameWriter> over(int descriptor, FrameWriterOptions options = {}) {
  std::unique_ptr<FrameWriter> writer = *FrameWriter::create(descriptor, std::move(options));
  ::close(descriptor);
  return writer;
}

/// Lines that carry the time of their writing: "q<ns>\n". Keeps how long each was on its way; others are only counted.
class Arrivals {
 public:
  void take(std::string_view bytes) {
    for (const char byte : bytes) {
      if (byte != '\n') {
        line_ += byte;
        continue;
      }
      std::int64_t sent = 0;
      const char* end = line_.data() + line_.size();
      if (line_.starts_with('q') && std::from_chars(line_.data() + 1, end, sent).ptr == end) {
        ways_.push_back(base::now() - base::Instant{sent});
      } else {
        other_bytes_ += line_.size();
      }
      line_.clear();
    }
  }
  std::size_t count() const { return ways_.size(); }
  std::size_t other_bytes() const { return other_bytes_; }
  base::Nanos p99() {
    std::ranges::sort(ways_);
    return ways_.at(ways_.size() * 99 / 100);
  }

 private:
  std::string line_;
  std::vector<base::Nanos> ways_;
  std::size_t other_bytes_ = 0;
};

struct Flood {
  const char* name;
  int pipe_bytes;
  std::uint64_t bytes_per_s;
};

class FrameWriterFlood : public testing::TestWithParam<Flood> {};

TEST_P(FrameWriterFlood, of_ninety_nine_quiet_sources_beside_a_flooder_p99_is_below_250_ms) {
  constexpr int kRounds = 20;
  Arrivals arrivals;
  const Ends ends = make_pipe(GetParam().pipe_bytes);
  const std::unique_ptr<FrameWriter> writer = over(ends.write);
  PacedReader reader(ends.read, {.bytes_per_s = GetParam().bytes_per_s},
                     [&](std::string_view bytes) { arrivals.take(bytes); });
  std::vector<FrameSource> quiet;
  for (int s = 0; s < 99; ++s) quiet.push_back(*writer->open_source("quiet", FramePolicy::Wait));
  std::atomic<bool> done{false};
  std::thread flooder([&, source = *writer->open_source("flooder", FramePolicy::Wait)] {
    while (!done) EXPECT_TRUE(writer->write_blocking(source, std::string(99, 'f') + "\n", soon()));
  });
  EXPECT_TRUE(comes_true([&] { return writer->stats().waiting > 0; })) << "the flooder has filled its queue";
  std::mutex mutex;
  std::condition_variable never;
  for (int round = 0; round < kRounds; ++round) {
    for (const FrameSource source : quiet) {
      EXPECT_TRUE(writer->put(source, "q" + std::to_string(base::now().ns) + "\n"));
    }
    std::unique_lock lock(mutex);
    never.wait_for(lock, 50ms);
  }
  EXPECT_TRUE(comes_true([&] { return writer->stats().queue.bytes > 3U << 20U; })) << "it floods to the end";
  done = true;
  reader.hurry();
  flooder.join();
  EXPECT_TRUE(writer->close(soon()));
  ASSERT_TRUE(reader.await_end());
  ASSERT_EQ(arrivals.count(), 99U * kRounds);
  EXPECT_GT(arrivals.other_bytes(), 2U << 20U);
  EXPECT_LT(arrivals.p99(), 250ms);
}

INSTANTIATE_TEST_SUITE_P(Readers, FrameWriterFlood,
                         testing::Values(Flood{"small_pipe_at_256_KiB_a_second", 4096, 256U << 10U},
                                         Flood{"large_pipe_at_1_MiB_a_second", 65'536, 1U << 20U}),
                         [](const auto& flood) { return std::string(flood.param.name); });

TEST(FrameReader, at_1_kib_a_second_memory_stays_flat_under_every_policy) {
  const Ends ends = make_pipe(4096);
  const FrameLimits limits{.bytes_max = 1U << 20U, .source_bytes_max = 128U << 10U, .spill_bytes_max = 32U << 20U};
  const std::unique_ptr<FrameWriter> writer =
      over(ends.write, {.limits = limits, .spill_directory = testing::TempDir()});
  std::atomic<std::uint64_t> read{0};
  PacedReader reader(ends.read, {.bytes_per_s = 1024}, [&](std::string_view bytes) { read += bytes.size(); });
  std::vector<FrameSource> sources;
  for (const FramePolicy policy :
       {FramePolicy::Wait, FramePolicy::Spill, FramePolicy::DropOldest, FramePolicy::KeepNewest}) {
    for (int s = 0; s < 5; ++s) sources.push_back(*writer->open_source("s", policy));
  }
  const base::Instant began = base::now();
  std::uint64_t taken = 0, offered = 0;
  const auto is_much = [&] {
    const FrameQueueStats queue = writer->stats().queue;
    return taken * 300 > 10 * limits.bytes_max && queue.spilled_frames > 1000 && queue.dropped_frames > 1000;
  };
  // For longer where the machine does other things, too.
  while (base::now() - began < (is_much() ? 500ms : 30'000ms)) {
    for (const FrameSource source : sources) {
      ++offered;
      if (writer->put(source, std::string(300, 'x'))) ++taken;
    }
  }
  const FrameWriterStats stats = writer->stats();
  const std::uint64_t at_most = 4096 + 1024 * static_cast<std::uint64_t>(1 + (base::now() - began) / 1s);
  EXPECT_LE(stats.bytes_written, at_most) << "the reader was slow";
  EXPECT_TRUE(is_much()) << taken << " frames were taken";
  EXPECT_LT(taken, offered);
  EXPECT_LE(stats.queue.bytes_high_water, limits.bytes_max);
  reader.hurry();
  EXPECT_TRUE(writer->close(soon()));
  ASSERT_TRUE(reader.await_end());
  EXPECT_EQ(read, writer->stats().bytes_written);
  EXPECT_LE(writer->stats().queue.bytes_high_water, limits.bytes_max) << "also while it caught up";
}

/// A real pipe, and between it and the writer what a kernel may do: short writes, EINTR, EAGAIN.
class FaultyOutput final : public Output {
 public:
  FaultyOutput(std::unique_ptr<Output> output, std::atomic<std::uint64_t>& faults)
      : output_(std::move(output)), random_(11), faults_(faults) {}
  Written write(std::span<const iovec> parts) override {
    const std::uint64_t whim = random_.below(4);
    if (whim < 3) ++faults_;
    if (whim == 0) return {.errnum = EINTR};
    if (whim == 1) return {.errnum = EAGAIN};
    if (whim == 3) return output_->write(parts);
    iovec first = parts.front();
    first.iov_len = 1 + random_.below(std::min<std::size_t>(first.iov_len, 3000));
    return output_->write({&first, 1});
  }
  int descriptor() const override { return output_->descriptor(); }
  bool may_block() const override { return false; }

 private:
  const std::unique_ptr<Output> output_;
  base::Random random_;
  std::atomic<std::uint64_t>& faults_;
};

TEST(FrameReader, gets_frames_of_1_byte_to_1_mib_whole_through_a_small_pipe_with_every_fault) {
  constexpr unsigned kSources = 3, kEach = 120;
  const SeededFrames frames(5, 1U << 20U, 30);
  FrameChecker checker(frames, kSources);
  const Ends ends = make_pipe(4096);
  std::atomic<std::uint64_t> faults{0};
  const std::unique_ptr<FrameWriter> writer =
      *FrameWriter::create(std::make_unique<FaultyOutput>(*Output::open(ends.write, "a pipe"), faults), {});
  ::close(ends.write);
  PacedReader reader(ends.read, {}, [&](std::string_view bytes) { checker.take(bytes); });
  std::vector<std::thread> threads;
  for (unsigned s = 0; s < kSources; ++s) {
    threads.emplace_back([&, s, source = *writer->open_source("s", FramePolicy::Wait)] {
      for (unsigned i = 0; i < kEach; ++i) EXPECT_TRUE(writer->write_blocking(source, frames.frame(s, i), soon()));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(writer->close(soon()));
  ASSERT_TRUE(reader.await_end());
  EXPECT_EQ(checker.verdict(), "");
  EXPECT_EQ(checker.counts(), std::vector<std::uint64_t>(kSources, kEach));
  EXPECT_GT(faults, 500U);
}

TEST(FrameReader, that_resumes_when_the_disk_of_the_spilled_frames_is_full_gets_all_that_was_taken) {
  const SeededFrames frames(6, 4096);
  FrameChecker checker(frames, 1);
  const Ends ends = make_pipe(4096);
  const std::unique_ptr<FrameWriter> writer =
      over(ends.write, {.limits = {.source_bytes_max = 64U << 10U}, .spill_directory = testing::TempDir()});
  PacedReader reader(ends.read, {.first_stall = 30s}, [&](std::string_view bytes) { checker.take(bytes); });
  const FrameSource source = *writer->open_source("s", FramePolicy::Spill);
  std::uint64_t count = 0;
  {
    const FileSizeLimit limit(256U << 10U);
    EXPECT_TRUE(comes_true([&] {
      while (writer->put(source, frames.frame(0, count))) ++count;
      return writer->stats().spill_failed;
    }));
  }
  const FrameWriterStats stats = writer->stats();
  EXPECT_GT(stats.queue.spilled_frames, 0U) << "it was not full from the start";
  reader.hurry();
  EXPECT_TRUE(writer->close(soon()));
  ASSERT_TRUE(reader.await_end());
  EXPECT_EQ(checker.verdict(), "");
  EXPECT_EQ(checker.counts().front(), count);
  EXPECT_EQ(writer->stats().queue.dropped_frames, 0U);
}

}  // namespace
}  // namespace sluice::async
