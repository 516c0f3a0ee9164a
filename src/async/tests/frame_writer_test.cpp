#include "async/frame_writer.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "async/tests/slow_reader.hpp"
#include "base/random.hpp"

namespace sluice::async {
namespace {

using namespace std::chrono_literals;
using Writer = std::unique_ptr<FrameWriter>;

Deadline soon() { return Deadline::in(30s); }

/// Writes to the end and closes it: from then on only the writer holds it.
Writer over(int descriptor, FrameWriterOptions options = {}) {
  Writer writer = *FrameWriter::create(descriptor, std::move(options));
  ::close(descriptor);
  return writer;
}

std::string line(int source, int number) { return std::to_string(source) + ":" + std::to_string(number) + "\n"; }

/// The numbers of each source in the order in which they came; fails on a line that is none.
std::map<int, std::vector<int>> by_source(const std::string& text) {
  std::map<int, std::vector<int>> result;
  std::istringstream lines(text);
  for (std::string each; std::getline(lines, each);) {
    int source = -1, number = -1;
    char colon = 0, more = 0;
    std::istringstream fields(each);
    const bool is_whole = static_cast<bool>(fields >> source >> colon >> number) && !(fields >> more);
    EXPECT_TRUE(is_whole) << each;
    result[source].push_back(number);
  }
  return result;
}

void expect_all_in_order(const std::string& text, int sources, int each) {
  const auto came = by_source(text);
  ASSERT_EQ(came.size(), static_cast<std::size_t>(sources));
  for (const auto& [source, numbers] : came) {
    ASSERT_EQ(numbers.size(), static_cast<std::size_t>(each)) << source;
    for (int i = 0; i < each; ++i) ASSERT_EQ(numbers[static_cast<std::size_t>(i)], i) << source;
  }
}

/// Stricter than any kernel: short writes at every odd place, interruptions and refusals between them. It is its
/// owner's, who must outlive the writer's thread.
struct Whims {
  std::mutex mutex;
  std::string got;
  std::uint64_t calls = 0, short_writes = 0;
  int fail_with = 0;
  bool blocks = false;
  std::condition_variable released;
};

class WhimsicalOutput final : public Output {
 public:
  explicit WhimsicalOutput(Whims& whims) : whims_(whims), random_(7), event_(::eventfd(0, EFD_CLOEXEC)) {}
  ~WhimsicalOutput() override { ::close(event_); }
  Written write(std::span<const iovec> parts) override {
    std::unique_lock lock(whims_.mutex);
    whims_.released.wait(lock, [this] { return !whims_.blocks; });
    ++whims_.calls;
    if (whims_.fail_with != 0) return {.errnum = whims_.fail_with};
    const std::uint64_t whim = random_.below(4);
    if (whim == 0) return {.errnum = EINTR};
    if (whim == 1) return {.errnum = EAGAIN};
    std::size_t asked = 0;
    for (const iovec& part : parts) asked += part.iov_len;
    std::size_t left = whim == 2 ? 1 + random_.below(std::min<std::size_t>(asked, 300))
                                 : 1 + random_.below(std::min<std::size_t>(asked, 7));
    const std::size_t bytes = left;
    if (bytes < asked) ++whims_.short_writes;
    for (const iovec& part : parts) {
      const std::size_t here = std::min(left, part.iov_len);
      whims_.got.append(static_cast<const char*>(part.iov_base), here);
      left -= here;
    }
    return {.bytes = bytes};
  }
  int descriptor() const override { return event_; }
  bool may_block() const override { return false; }

 private:
  Whims& whims_;
  base::Random random_;
  int event_;
};

Ends roomy_pipe() { return make_pipe(); }
Ends small_pipe() { return make_pipe(4096); }

/// Of the last `count` of these kinds.
template <std::size_t count>
std::string kind_name(const testing::TestParamInfo<Ends (*)()>& kind) {
  static constexpr const char* kNames[] = {"pipe", "small_pipe", "socket", "terminal"};
  return kNames[4 - count + kind.index];
}

class FrameWriterKinds : public testing::TestWithParam<Ends (*)()> {};

TEST_P(FrameWriterKinds, frames_arrive_whole_and_the_original_stays_as_it_was) {
  const Ends ends = GetParam()();
  const int flags = ::fcntl(ends.write, F_GETFL);
  Writer writer = *FrameWriter::create(ends.write, {});
  SlowReader reader(ends.read);
  std::size_t bytes = 0;
  std::vector<FrameSource> sources;
  for (int s = 0; s < 9; ++s) sources.push_back(*writer->open_source("s", FramePolicy::Wait));
  for (int i = 0; i < 500; ++i) {
    for (int s = 0; s < 9; ++s) {
      bytes += line(s, i).size();
      ASSERT_TRUE(writer->write_blocking(sources[static_cast<std::size_t>(s)], line(s, i), soon()));
    }
  }
  EXPECT_TRUE(writer->flush(soon()));
  EXPECT_EQ(::fcntl(ends.write, F_GETFL), flags) << "O_NONBLOCK is shared with other processes";
  EXPECT_TRUE(writer->close(soon()));
  ASSERT_TRUE(reader.has(bytes));
  expect_all_in_order(reader.text(), 9, 500);
  EXPECT_EQ(writer->stats().frames_written, 4500U);
  EXPECT_EQ(writer->stats().bytes_written, bytes);
  ::close(ends.write);
}

INSTANTIATE_TEST_SUITE_P(All, FrameWriterKinds,
                         testing::Values(&roomy_pipe, &small_pipe, &make_sockets, &make_terminal), kind_name<4>);

TEST(FrameWriter, writes_files_too_where_they_were) {
  const std::string path = testing::TempDir() + "frames." + std::to_string(::getpid());
  const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  ASSERT_EQ(::write(file, "before ", 7), 7);
  Writer writer = over(file);
  EXPECT_TRUE(writer->control("after"));
  EXPECT_TRUE(writer->close(soon()));
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "before after");
  std::filesystem::remove(path);
}

TEST(FrameWriter, a_descriptor_that_cannot_be_written_is_refused) {
  const Ends ends = make_pipe();
  EXPECT_EQ(FrameWriter::create(ends.read, {}).error().code, base::Code::InvalidArgument);
  ::close(ends.read);
  ::close(ends.write);
  EXPECT_FALSE(FrameWriter::create(ends.write, {}).has_value());
}

TEST(FrameWriter, the_master_of_a_terminal_is_not_opened_anew) {
  const Ends ends = make_terminal();  // opened anew, the frames would go to another terminal
  Writer writer = over(ends.read);
  EXPECT_TRUE(writer->control("typed"));
  SlowReader reader(ends.write);
  EXPECT_TRUE(reader.has(5));
  EXPECT_EQ(reader.text(), "typed");
}

TEST(FrameWriter, frames_of_all_sizes_pass_a_small_pipe_byte_by_byte) {
  const Ends ends = make_pipe(4096);
  Writer writer = over(ends.write);
  SlowReader reader(ends.read);
  const FrameSource source = *writer->open_source("s", FramePolicy::Wait);
  std::string expected;
  base::Random random(3);
  for (std::size_t size = 1; size <= (1U << 20U); size = size * 3 / 2 + 1) {
    for (const std::size_t each : {size, std::size_t{1}}) {
      std::string frame(each, '\0');
      for (char& byte : frame) byte = static_cast<char>(random.below(256));
      expected += frame;
      ASSERT_TRUE(writer->write_blocking(source, std::move(frame), soon()));
    }
  }
  expected += std::string(1U << 20U, 'x');
  ASSERT_TRUE(writer->write_blocking(source, std::string(1U << 20U, 'x'), soon()));
  EXPECT_TRUE(writer->close(soon()));
  ASSERT_TRUE(reader.has(expected.size()));
  EXPECT_TRUE(reader.text() == expected);
}

TEST(FrameWriter, short_writes_refusals_and_interruptions_lose_nothing) {
  Whims whims;
  Writer writer = *FrameWriter::create(std::make_unique<WhimsicalOutput>(whims), {});
  std::vector<FrameSource> sources;
  for (int s = 0; s < 5; ++s) sources.push_back(*writer->open_source("s", FramePolicy::Wait));
  for (int i = 0; i < 400; ++i) {
    for (int s = 0; s < 5; ++s) {
      ASSERT_TRUE(writer->write_blocking(sources[static_cast<std::size_t>(s)], line(s, i), soon()));
    }
  }
  EXPECT_TRUE(writer->close(soon()));
  expect_all_in_order(whims.got, 5, 400);
  EXPECT_GT(whims.short_writes, 20U);
}

TEST(FrameWriter, two_threads_never_interleave) {
  const Ends ends = make_pipe(4096);
  Writer writer = over(ends.write);
  SlowReader reader(ends.read);
  std::vector<std::thread> threads;
  for (int s = 0; s < 2; ++s) {
    threads.emplace_back([&writer, s, source = *writer->open_source("s", FramePolicy::Wait)] {
      for (int i = 0; i < 2000; ++i) EXPECT_TRUE(writer->write_blocking(source, line(s, i), soon()));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(writer->close(soon()));
  EXPECT_TRUE(comes_true([&] { return reader.has_ended(); }));
  expect_all_in_order(reader.text(), 2, 2000);
}

class FrameWriterMany : public testing::TestWithParam<int> {};

TEST_P(FrameWriterMany, a_reader_that_stops_and_resumes_gets_every_frame_of_every_source) {
  const int count = GetParam();
  const Ends ends = make_pipe(4096);
  Writer writer = over(ends.write, {.limits = {.bytes_max = 1U << 20U, .source_bytes_max = 64U << 10U},
                                    .spill_directory = testing::TempDir()});
  SlowReader reader(ends.read, true);
  std::vector<FrameSource> sources;
  for (int s = 0; s < count; ++s) {
    sources.push_back(*writer->open_source("s", s % 2 == 0 ? FramePolicy::Wait : FramePolicy::Spill));
  }
  const int each = 20'000 / count;
  std::thread producer([&] {
    for (int i = 0; i < each; ++i) {
      for (int s = 0; s < count; ++s) {
        EXPECT_TRUE(writer->write_blocking(sources[static_cast<std::size_t>(s)], line(s, i), soon()));
      }
    }
  });
  EXPECT_TRUE(comes_true([&] { return writer->stats().stalled_now > 1s; }));
  reader.resume();
  producer.join();
  EXPECT_TRUE(writer->close(soon()));
  EXPECT_TRUE(comes_true([&] { return reader.has_ended(); }));
  expect_all_in_order(reader.text(), count, each);
  const FrameWriterStats stats = writer->stats();
  EXPECT_GE(stats.longest_stall, 1s);
  EXPECT_EQ(stats.queue.dropped_frames, 0U);
  EXPECT_LE(stats.queue.bytes_high_water, (1U << 20U) + (64U << 10U));
}

INSTANTIATE_TEST_SUITE_P(Sources, FrameWriterMany, testing::Values(9, 100, 1000),
                         [](const auto& count) { return std::to_string(count.param); });

TEST(FrameWriter, spills_while_the_reader_stops_and_catches_up) {
  const Ends ends = make_pipe(4096);
  Writer writer = over(ends.write, {.limits = {.bytes_max = 1U << 20U, .source_bytes_max = 64U << 10U},
                                    .spill_directory = testing::TempDir()});
  SlowReader reader(ends.read, true);
  const FrameSource source = *writer->open_source("s", FramePolicy::Spill);
  // 100 times what memory has room for; the reader reads nothing yet.
  for (int i = 0; i < 60'000; ++i) ASSERT_TRUE(writer->write_blocking(source, line(1, i), soon())) << i;
  const FrameWriterStats stats = writer->stats();
  EXPECT_GT(stats.queue.spilled_frames, 50'000U);
  EXPECT_LE(stats.queue.bytes_high_water, 2U * (64U << 10U));
  EXPECT_FALSE(stats.spill_failed);
  reader.resume();
  EXPECT_TRUE(writer->close(soon()));
  EXPECT_TRUE(comes_true([&] { return reader.has_ended(); }));
  const auto came = by_source(reader.text()).at(1);
  ASSERT_EQ(came.size(), 60'000U);
  EXPECT_TRUE(std::ranges::is_sorted(came));
  EXPECT_EQ(writer->stats().queue.spill_bytes, 0U);
}

TEST(FrameWriter, without_a_place_to_spill_it_waits_and_says_so) {
  const Ends ends = make_pipe(4096);
  Writer writer = over(ends.write, {.limits = {.source_bytes_max = 16U << 10U}, .spill_directory = "/nowhere"});
  SlowReader reader(ends.read, true);
  const FrameSource source = *writer->open_source("s", FramePolicy::Spill);
  int put = 0;
  EXPECT_TRUE(comes_true([&] {
    while (writer->put(source, line(1, put))) ++put;
    return writer->stats().spill_failed;
  }));
  reader.resume();
  EXPECT_TRUE(writer->close(soon()));
  EXPECT_TRUE(comes_true([&] { return reader.has_ended(); }));
  EXPECT_EQ(by_source(reader.text()).at(1).size(), static_cast<std::size_t>(put));
}

TEST(FrameWriter, a_slow_reader_costs_no_memory_and_dropped_frames_are_named) {
  const Ends ends = make_pipe(4096);
  Writer writer = over(ends.write, {.limits = {.source_bytes_max = 64U << 10U},
                                    .gap_text = [](std::string_view, std::uint64_t frames, std::uint64_t) {
                                      return "99:" + std::to_string(frames) + "\n";
                                    }});
  SlowReader reader(ends.read, true);
  const FrameSource source = *writer->open_source("s", FramePolicy::DropOldest);
  const int count = 100'000;
  for (int i = 0; i < count; ++i) {
    ASSERT_TRUE(writer->put(source, line(1, i))) << "it never refuses";
    if (i % 1000 == 0) reader.read_some(1024);
  }
  EXPECT_LE(writer->stats().queue.bytes_high_water, 65U << 10U);
  reader.resume();
  EXPECT_TRUE(writer->close(soon()));
  EXPECT_TRUE(comes_true([&] { return reader.has_ended(); }));
  // Every frame came, or is counted in the gap that stands where it was.
  int next = 0, gaps = 0;
  std::istringstream lines(reader.text());
  for (std::string each; std::getline(lines, each);) {
    const int number = std::stoi(each.substr(each.find(':') + 1));
    if (each.starts_with("99:")) {
      next += number;
      ++gaps;
    } else {
      ASSERT_EQ(number, next++);
    }
  }
  EXPECT_EQ(next, count);
  EXPECT_GT(gaps, 0);
}

TEST(FrameWriter, of_a_live_picture_only_the_newest_comes_after_a_stop) {
  const Ends ends = make_pipe(4096);
  Writer writer = over(ends.write);
  SlowReader reader(ends.read, true);
  const FrameSource live = *writer->open_source("live", FramePolicy::KeepNewest);
  const FrameSource log = *writer->open_source("log", FramePolicy::Wait);
  ASSERT_TRUE(writer->put(log, std::string(6000, 'l')));
  EXPECT_TRUE(comes_true([&] { return writer->stats().bytes_written >= 4096; }));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(writer->put(live, "picture " + std::to_string(i) + ";"));
  reader.resume();
  EXPECT_TRUE(writer->close(soon()));
  EXPECT_TRUE(comes_true([&] { return reader.has_ended(); }));
  EXPECT_EQ(reader.text(), std::string(6000, 'l') + "picture 99;");
  EXPECT_EQ(writer->stats().queue.replaced_frames, 99U);
}

TEST(FrameWriter, knows_why_it_is_closed_as_soon_as_a_flush_has_ended_for_it) {
  for (int i = 0; i < 200; ++i) {
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(full, 0);
    Writer writer = over(full);
    ASSERT_TRUE(writer->control("a result"));
    EXPECT_FALSE(writer->flush(soon()));
    const std::optional<base::Error> why = writer->why_closed();
    ASSERT_TRUE(why) << i;
    EXPECT_EQ(why->code, base::Code::ResourceExhausted);
    ::close(full);
  }
}

/// Its reader has stopped, and it has found that out: longer than a busy machine keeps the writer's thread waiting.
bool is_held_up(const FrameWriter& writer) {
  const FrameWriterStats stats = writer.stats();
  return stats.bytes_written > 0 && stats.stalled_now > 200ms;
}

TEST(FrameWriter, control_frames_pass_those_that_wait_and_none_is_lost) {
  const Ends ends = make_pipe(4096);
  Writer writer = over(ends.write, {.limits = {.source_bytes_max = 1U << 20U}});
  SlowReader reader(ends.read, true);
  const FrameSource flooder = *writer->open_source("flooder", FramePolicy::DropOldest);
  for (int i = 0; i < 50'000; ++i) ASSERT_TRUE(writer->put(flooder, line(1, i)));
  EXPECT_TRUE(comes_true([&] { return is_held_up(*writer); }));
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(writer->control(line(0, i)));
  const std::size_t before = writer->stats().bytes_written;
  reader.resume();
  ASSERT_TRUE(reader.has(before + 100));
  EXPECT_TRUE(writer->close(soon()));
  EXPECT_TRUE(comes_true([&] { return reader.has_ended(); }));
  const std::string text = reader.text();
  const std::size_t first = text.find("\n0:0\n"), last = text.find("\n0:999\n");
  ASSERT_NE(last, std::string::npos);
  EXPECT_LE(first, before + 16) << "only the frame that had begun goes before it";
  EXPECT_LT(last - first, 1000U * 7U) << "and nothing between them";
}

TEST(FrameWriter, a_flooder_does_not_hold_up_ninety_nine_quiet_sources) {
  const Ends ends = make_pipe(4096);
  Writer writer = over(ends.write);
  SlowReader reader(ends.read, true);
  const FrameSource flooder = *writer->open_source("flooder", FramePolicy::Wait);
  while (writer->put(flooder, std::string(99, 'f') + "\n")) {
  }
  EXPECT_TRUE(comes_true([&] { return is_held_up(*writer); }));
  std::vector<FrameSource> quiet;
  for (int s = 0; s < 99; ++s) quiet.push_back(*writer->open_source("quiet", FramePolicy::Wait));
  for (const FrameSource source : quiet) ASSERT_TRUE(writer->put(source, "q\n"));
  const std::size_t before = writer->stats().bytes_written;
  reader.resume();
  EXPECT_TRUE(writer->close(soon()));
  EXPECT_TRUE(comes_true([&] { return reader.has_ended(); }));
  const std::string text = reader.text();
  EXPECT_EQ(std::ranges::count(text, 'q'), 99);
  // On a busy machine the writer's thread may have come as far as to hold a batch in its hands.
  constexpr std::size_t kBatchMax = 65'536;
  EXPECT_LE(text.rfind("q\n"), before + 200 + 3 * FrameQueue::kQuantum + kBatchMax) << "by bytes, not by time";
}

TEST(FrameWriter, a_reader_that_never_reads_does_not_hold_up_the_end) {
  std::mutex mutex;
  std::vector<base::Nanos> stalls;
  const Ends ends = make_pipe(4096);
  Writer writer = over(ends.write, {.stalled_after = 20ms, .on_stalled = [&](base::Nanos since) {
                                      const std::lock_guard lock(mutex);
                                      stalls.push_back(since);
                                    }});
  const FrameSource source = *writer->open_source("s", FramePolicy::Wait);
  int frames = 0;
  EXPECT_TRUE(comes_true([&] {
    const bool is_full = is_held_up(*writer);
    while (writer->put(source, std::string(1000, 'x'))) ++frames;
    return is_full;
  }));
  // A machine that stops the thread for so long before the pipe is full makes a stall of its own.
  auto told = [&] {
    const std::lock_guard lock(mutex);
    return stalls.size();
  };
  const std::size_t told_before = told();
  EXPECT_EQ(writer->put(source, std::string(1000, 'x')).error().code, base::Code::ResourceExhausted);
  EXPECT_EQ(writer->write_blocking(source, std::string(1000, 'x'), Deadline::in(1ms)).error().code,
            base::Code::DeadlineExceeded);
  EXPECT_TRUE(comes_true([&] { return told() > 0; }));
  EXPECT_FALSE(writer->flush(Deadline::in(1ms)));
  EXPECT_FALSE(writer->flush(Deadline::never(), 1ms)) << "no progress for its patience";
  const base::Instant began = base::now();
  EXPECT_FALSE(writer->close(Deadline::in(50ms)));
  EXPECT_LT(base::now() - began, 10s);
  EXPECT_FALSE(writer->close(soon())) << "the second time at once, with the same answer";
  EXPECT_EQ(writer->put(source, "x").error().code, base::Code::Terminated);
  // The thread counts what it drops after it has been told, and close() waits only a little for that.
  EXPECT_TRUE(comes_true([&] {
    const FrameWriterStats stats = writer->stats();
    return stats.queue.dropped_frames + stats.frames_written == static_cast<std::uint64_t>(frames);
  }));
  EXPECT_LE(stalls.size(), told_before + 1) << "once a stall";
  EXPECT_GE(stalls.at(0), 20ms);
  ::close(ends.read);
}

class FrameWriterClosed : public testing::TestWithParam<Ends (*)()> {};

TEST_P(FrameWriterClosed, a_reader_that_closes_is_a_clean_stop) {
  std::atomic<int> closed{0};
  base::Code code{};
  const Ends ends = GetParam()();
  Writer writer = over(ends.write, {.on_closed = [&](const base::Error& why) {
                         code = why.code;
                         ++closed;
                       }});
  SlowReader reader(ends.read, true);
  const FrameSource source = *writer->open_source("s", FramePolicy::DropOldest);
  const FrameSource waits = *writer->open_source("w", FramePolicy::Wait);
  std::uint64_t frames = 0;
  for (; frames < 20'000; ++frames) ASSERT_TRUE(writer->put(source, std::string(100, 'x')));
  reader.leave();
  EXPECT_TRUE(comes_true([&] { return writer->is_closed() && closed == 1; }));
  for (int i = 0; i < 100; ++i, ++frames) EXPECT_TRUE(writer->put(waits, "later")) << "counted, no storm of errors";
  EXPECT_FALSE(writer->flush(soon()));
  EXPECT_FALSE(writer->close(soon()));
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(code, base::Code::Terminated);
  const FrameWriterStats stats = writer->stats();
  EXPECT_LE(stats.frames_written + stats.queue.dropped_frames, frames + 1) << "and one gap frame at most";
  EXPECT_GE(stats.frames_written + stats.queue.dropped_frames, frames);
}

TEST_P(FrameWriterClosed, is_noticed_also_when_nothing_is_written) {
  std::atomic<int> closed{0};
  const Ends ends = GetParam()();
  Writer writer = over(ends.write, {.on_closed = [&](const base::Error&) { ++closed; }});
  ::close(ends.read);
  EXPECT_TRUE(comes_true([&] { return closed == 1; }));
  EXPECT_TRUE(writer->close(soon())) << "nothing was lost";
}

INSTANTIATE_TEST_SUITE_P(All, FrameWriterClosed, testing::Values(&small_pipe, &make_sockets, &make_terminal),
                         kind_name<3>);

TEST(FrameWriter, a_failure_of_the_system_is_told_with_its_cause) {
  Whims whims;
  whims.fail_with = ENOSPC;
  std::string told;
  std::atomic<bool> closed{false};
  Writer writer = *FrameWriter::create(std::make_unique<WhimsicalOutput>(whims),
                                       {.name = "the report", .on_closed = [&](const base::Error& why) {
                                          told = base::to_text(why);
                                          closed = true;
                                        }});
  EXPECT_TRUE(writer->control("x"));
  EXPECT_TRUE(comes_true([&] { return closed.load(); }));
  EXPECT_NE(told.find("the report"), std::string::npos) << told;
  EXPECT_NE(told.find("ENOSPC"), std::string::npos) << told;
}

TEST(FrameWriter, a_write_that_the_kernel_holds_is_left_behind) {
  Whims whims;
  whims.blocks = true;
  std::atomic<bool> gone{false};
  struct Farewell final : Output {
    Farewell(Whims& whims, std::atomic<bool>& gone) : output(whims), gone(gone) {}
    ~Farewell() override { gone = true; }
    Written write(std::span<const iovec> parts) override { return output.write(parts); }
    int descriptor() const override { return output.descriptor(); }
    bool may_block() const override { return true; }
    WhimsicalOutput output;
    std::atomic<bool>& gone;
  };
  {
    Writer writer = *FrameWriter::create(std::make_unique<Farewell>(whims, gone), {});
    EXPECT_TRUE(writer->control("x"));
    EXPECT_TRUE(comes_true([&] { return writer->stats().stalled_now > 5ms; }));
    const base::Instant began = base::now();
    EXPECT_FALSE(writer->close(Deadline::in(10ms)));
    EXPECT_LT(base::now() - began, 10s);
  }
  EXPECT_FALSE(gone);
  {
    const std::lock_guard lock(whims.mutex);
    whims.blocks = false;
    whims.released.notify_all();
  }
  EXPECT_TRUE(comes_true([&] { return gone.load(); })) << "it comes to its end by itself";
}

/// Runs the task on this thread until it has ended.
template <class Work>
base::Result<void> run(boost::asio::io_context& io, boost::asio::cancellation_slot slot, Work work) {
  std::optional<base::Result<void>> result;
  boost::asio::co_spawn(io, std::move(work),
                        boost::asio::bind_cancellation_slot(
                            slot, [&](const std::exception_ptr&, base::Result<void> r) { result = std::move(r); }));
  io.restart();
  auto held = boost::asio::make_work_guard(io);
  while (!result) io.run_one();
  return *result;
}

Task<void> uncancelled(Task<void> inner) {
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  co_return co_await std::move(inner);
}

TEST(FrameWriter, a_task_waits_for_room_without_holding_its_thread) {
  const Ends ends = make_pipe(4096);
  Writer writer = over(ends.write, {.limits = {.source_bytes_max = 16U << 10U}});
  SlowReader reader(ends.read, true);
  const FrameSource source = *writer->open_source("s", FramePolicy::Wait);
  int number = 0;
  // Below a full pipe and a full queue.
  EXPECT_TRUE(comes_true([&] {
    const bool is_full = is_held_up(*writer);
    while (writer->put(source, line(1, number))) ++number;
    return is_full;
  }));
  boost::asio::io_context io;
  boost::asio::cancellation_signal signal;
  EXPECT_EQ(run(io, {}, uncancelled(writer->write(source, "late", Deadline::in(1ms)))).error().code,
            base::Code::DeadlineExceeded);
  EXPECT_EQ(writer->stats().waiting, 0U);
  std::thread canceller([&] {
    EXPECT_TRUE(comes_true([&] { return writer->stats().waiting == 1; }));
    boost::asio::post(io, [&] { signal.emit(boost::asio::cancellation_type::terminal); });
  });
  EXPECT_EQ(run(io, signal.slot(), uncancelled(writer->write(source, "cancelled", Deadline::never()))).error().code,
            base::Code::Cancelled);
  canceller.join();
  std::thread resumer([&] {
    EXPECT_TRUE(comes_true([&] { return writer->stats().waiting == 1; }));
    EXPECT_FALSE(writer->put(source, "overtakes")) << "who waits was first";
    reader.resume();
  });
  EXPECT_TRUE(run(io, {}, uncancelled(writer->write(source, line(1, number), soon()))));
  resumer.join();
  EXPECT_TRUE(writer->close(soon()));
  EXPECT_TRUE(comes_true([&] { return reader.has_ended(); }));
  const auto came = by_source(reader.text()).at(1);
  EXPECT_EQ(came.size(), static_cast<std::size_t>(number) + 1);
  EXPECT_TRUE(std::ranges::is_sorted(came));
}

TEST(FrameWriter, the_end_of_the_writer_ends_a_task_that_waits) {
  const Ends ends = make_pipe(4096);
  Writer writer = over(ends.write, {.limits = {.source_bytes_max = 16U << 10U}});
  const FrameSource source = *writer->open_source("s", FramePolicy::Wait);
  while (writer->put(source, std::string(8000, 'x'))) {
  }
  boost::asio::io_context io;
  Task<void> write = writer->write(source, std::string(16'000, 'x'), Deadline::never());
  std::thread closer([&] {
    EXPECT_TRUE(comes_true([&] { return writer->stats().waiting == 1; }));
    writer.reset();
  });
  EXPECT_EQ(run(io, {}, uncancelled(std::move(write))).error().code, base::Code::Terminated);
  closer.join();
  ::close(ends.read);
}

TEST(FrameWriter, callers_that_wait_are_served_in_their_order_and_large_ones_are_not_starved) {
  const Ends ends = make_pipe(4096);
  Writer writer = over(ends.write, {.limits = {.bytes_max = 256U << 10U, .source_bytes_max = 128U << 10U}});
  SlowReader reader(ends.read);
  std::vector<std::thread> threads;
  std::atomic<bool> done{false};
  // All sources are there before the first frame: a share shrinks when one more is opened.
  std::vector<FrameSource> sources;
  for (int s = 0; s < 7; ++s) sources.push_back(*writer->open_source("s", FramePolicy::Wait));
  const FrameSource large = *writer->open_source("large", FramePolicy::Wait);
  for (const FrameSource source : sources) {
    threads.emplace_back([&writer, &done, source] {
      while (!done) EXPECT_TRUE(writer->write_blocking(source, std::string(3000, 's'), soon()));
    });
  }
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(writer->write_blocking(large, std::string(100'000, 'L'), soon())) << i;
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(writer->close(soon()));
  EXPECT_TRUE(comes_true([&] { return reader.has_ended(); }));
  EXPECT_EQ(std::ranges::count(reader.text(), 'L'), 2'000'000);
  EXPECT_LE(writer->stats().queue.bytes_high_water, 256U << 10U);
}

}  // namespace
}  // namespace sluice::async
