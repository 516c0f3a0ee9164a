#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.hpp"
#include "journal/segment_reader.hpp"
#include "journal/segment_writer.hpp"
#include "journal/tests/loops.hpp"
#include "journal/tests/scratch.hpp"
#include "journal/tests/segment_payloads.hpp"

namespace sluice::journal {
namespace {

using base::operator""s;
using base::operator""ms;

/// A disk in memory that can hang, fill up and fail. Shared by a test and the writer's thread.
struct Disk {
  std::mutex mutex;
  std::condition_variable changed;
  std::string content = std::string(kFileHeaderBytes, 'h');
  std::size_t capacity = SIZE_MAX;
  int sync_errno = 0;
  bool hangs = false;
  int waiting = 0;  // calls that hang
  int syncs = 0;

  void hang(bool on) {
    const std::scoped_lock lock(mutex);
    hangs = on;
    changed.notify_all();
  }
  void await_hanging_call() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return waiting > 0; });
  }
  void pass_gate(std::unique_lock<std::mutex>& lock) {
    ++waiting;
    changed.notify_all();
    changed.wait(lock, [this] { return !hangs; });
    --waiting;
  }
};

class DiskDevice final : public SegmentDevice {
 public:
  explicit DiskDevice(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}

  base::Result<std::size_t> write(std::span<const std::byte> bytes) override {
    std::unique_lock lock(disk_->mutex);
    disk_->pass_gate(lock);
    const std::size_t room = disk_->capacity - std::min(disk_->capacity, disk_->content.size());
    // Short writes all the time: 1000 bytes at most.
    const std::size_t n = std::min({bytes.size(), room, std::size_t{1000}});
    if (n == 0) return base::fail(base::from_errno(ENOSPC, "cannot append", "disk"));
    disk_->content += as_text(bytes.first(n));
    return n;
  }
  base::Result<void> sync() override {
    std::unique_lock lock(disk_->mutex);
    disk_->pass_gate(lock);
    ++disk_->syncs;
    if (disk_->sync_errno != 0) return base::fail(base::from_errno(disk_->sync_errno, "cannot sync", "disk"));
    return {};
  }
  base::Result<void> truncate(std::uint64_t bytes) override {
    const std::scoped_lock lock(disk_->mutex);
    disk_->content.resize(static_cast<std::size_t>(bytes));
    return {};
  }

 private:
  std::shared_ptr<Disk> disk_;  // shared because the writer's thread may outlive the test
};

std::vector<std::string> payloads_on(const Disk& disk) {
  const Scratch scratch;
  const FileHeader header = make_file_header();
  write_file(scratch.path("d.seg"), as_text(header) + disk.content.substr(kFileHeaderBytes));
  return payloads_in(scratch.path("d.seg"));
}

/// A place for an error that another thread reports.
struct Report {
  std::mutex mutex;
  std::vector<base::Error> errors;

  std::function<void(const base::Error&)> callback() {
    return [this](const base::Error& error) {
      const std::scoped_lock lock(mutex);
      errors.push_back(error);
    };
  }
};

TEST(SegmentFaults, a_full_disk_is_reported_everywhere_and_keeps_what_was_before_it) {
  auto disk = std::make_shared<Disk>();
  Loops loops;
  disk->capacity = kFileHeaderBytes + 3 * (kFrameHeaderBytes + 1000) + 100;
  Report report;
  auto writer =
      SegmentWriter::on_device(loops, std::make_unique<DiskDevice>(disk), "disk", {.on_failure = report.callback()});
  std::vector<std::string> expected;
  for (int i = 0; i < 3; ++i) {
    expected.push_back(std::string(1000, static_cast<char>('a' + i)));
    ASSERT_TRUE(writer->append(as_bytes(expected.back())));
  }
  ASSERT_TRUE(loops.wait(writer->sync(in(10s))));
  ASSERT_TRUE(writer->append(as_bytes(std::string(1000, 'z'))));
  const auto synced = loops.wait(writer->sync(in(10s)));
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code, base::Code::ResourceExhausted);
  EXPECT_NE(synced.error().where.find("ENOSPC"), std::string::npos);
  EXPECT_EQ(writer->append(as_bytes("later")).error().where, synced.error().where);
  EXPECT_EQ(loops.wait(writer->close(in(10s))).error().where, synced.error().where);
  EXPECT_EQ(writer->durable_frames(), 3u);
  ASSERT_EQ(report.errors.size(), 1u);
  EXPECT_EQ(report.errors[0].code, base::Code::ResourceExhausted);
  EXPECT_EQ(payloads_on(*disk), expected) << "whole frames stay, the half one is cut off";
}

TEST(SegmentFaults, frames_of_a_group_before_the_one_that_did_not_fit_are_kept) {
  auto disk = std::make_shared<Disk>();
  Loops loops;
  disk->capacity = kFileHeaderBytes + 5 * (kFrameHeaderBytes + 10) + 3;
  auto writer = SegmentWriter::on_device(loops, std::make_unique<DiskDevice>(disk), "disk", {.commit_interval = 60s});
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(writer->append(as_bytes("0123456789")));
  EXPECT_FALSE(loops.wait(writer->sync(in(10s))));
  EXPECT_EQ(writer->durable_frames(), 5u);
  EXPECT_EQ(payloads_on(*disk).size(), 5u);
}

TEST(SegmentFaults, a_failed_sync_is_kept_although_the_next_one_would_succeed) {
  auto disk = std::make_shared<Disk>();
  Loops loops;
  disk->sync_errno = EIO;
  auto writer = SegmentWriter::on_device(loops, std::make_unique<DiskDevice>(disk), "disk");
  ASSERT_TRUE(writer->append(as_bytes("x")));
  EXPECT_FALSE(loops.wait(writer->sync(in(10s))));
  disk->sync_errno = 0;
  EXPECT_EQ(loops.wait(writer->sync(in(10s))).error().code, base::Code::Unavailable);
  EXPECT_EQ(writer->durable_frames(), 0u);
}

TEST(SegmentFaults, a_hanging_disk_blocks_neither_append_nor_close) {
  auto disk = std::make_shared<Disk>();
  Loops loops;
  disk->hang(true);
  auto writer = SegmentWriter::on_device(loops, std::make_unique<DiskDevice>(disk), "disk",
                                         {.commit_interval = 0ms, .bytes_max = 10'000});
  const std::string payload(1000, 'p');
  ASSERT_TRUE(writer->append(as_bytes(payload)));
  disk->await_hanging_call();
  int taken = 1;
  base::Result<std::uint64_t> refused{0};
  while ((refused = writer->append(as_bytes(payload)))) ++taken;
  EXPECT_EQ(taken, 9);  // 9 * 1032 <= 10,000
  EXPECT_EQ(refused.error().code, base::Code::ResourceExhausted);
  EXPECT_FALSE(refused.error().likely.empty());
  EXPECT_EQ(loops.wait(writer->sync(in(0s))).error().code, base::Code::DeadlineExceeded);
  EXPECT_EQ(loops.wait(writer->close(in(0s))).error().code, base::Code::DeadlineExceeded);
  writer.reset();
  disk->hang(false);  // the call that was left behind ends by itself
}

TEST(SegmentFaults, what_was_refused_is_taken_once_the_disk_has_caught_up) {
  auto disk = std::make_shared<Disk>();
  Loops loops;
  disk->hang(true);
  auto writer = SegmentWriter::on_device(loops, std::make_unique<DiskDevice>(disk), "disk",
                                         {.commit_interval = 0ms, .bytes_max = 100});
  ASSERT_TRUE(writer->append(as_bytes("0123456789")));
  ASSERT_TRUE(writer->append(as_bytes("0123456789")));
  ASSERT_FALSE(writer->append(as_bytes("0123456789")));
  disk->hang(false);
  ASSERT_TRUE(loops.wait(writer->sync(in(10s))));
  EXPECT_TRUE(writer->append(as_bytes("0123456789")));
  EXPECT_TRUE(loops.wait(writer->close(in(10s))));
  EXPECT_EQ(payloads_on(*disk).size(), 3u);
}

TEST(SegmentFaults, many_appends_share_one_sync) {
  auto disk = std::make_shared<Disk>();
  Loops loops;
  auto writer = SegmentWriter::on_device(loops, std::make_unique<DiskDevice>(disk), "disk", {.commit_interval = 60s});
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(writer->append(as_bytes("x")));
  ASSERT_TRUE(loops.wait(writer->sync(in(10s))));
  EXPECT_EQ(disk->syncs, 1);
}

TEST(SegmentFaults, what_nobody_syncs_is_durable_after_the_commit_interval) {
  auto disk = std::make_shared<Disk>();
  Loops loops;
  auto writer = SegmentWriter::on_device(loops, std::make_unique<DiskDevice>(disk), "disk", {.commit_interval = 1ms});
  ASSERT_TRUE(writer->append(as_bytes("x")));
  const base::Instant give_up = base::now() + 10s;
  while (writer->durable_frames() == 0 && base::now() < give_up) std::this_thread::yield();
  EXPECT_EQ(writer->durable_frames(), 1u);
}

TEST(SegmentFaults, many_threads_append_and_sync_and_nothing_is_lost) {
  Loops loops;
  const Scratch scratch;
  auto writer = SegmentWriter::create(loops, scratch.path("a.seg"), {.commit_interval = 1ms});
  ASSERT_TRUE(writer);
  constexpr int kThreads = 8, kEach = 200;
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string payload = std::to_string(t) + ":" + std::to_string(i);
        if (!(*writer)->append(as_bytes(payload))) ++failures;
        if (i % 50 == 0 && !loops.wait((*writer)->sync(in(30s)))) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(loops.wait((*writer)->close(in(30s))));
  EXPECT_EQ(failures.load(), 0);
  std::vector<int> next(kThreads, 0);
  const auto payloads = payloads_in(scratch.path("a.seg"));
  EXPECT_EQ(payloads.size(), static_cast<std::size_t>(kThreads * kEach));
  for (const std::string& payload : payloads) {
    const auto t = static_cast<std::size_t>(payload[0] - '0');
    EXPECT_EQ(payload, std::to_string(t) + ":" + std::to_string(next[t]++)) << "each thread's frames are in order";
  }
}

/// A directory whose file system is full soon: a small tmpfs where root may mount one.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& folder) : folder_(folder) {
    mounted_ = ::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=256k") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }

 private:
  std::string folder_;
  bool mounted_ = false;
};

/// Appends until the file system refuses, then checks what stayed.
void fill_and_check(const std::string& path, std::string_view errno_name) {
  Loops loops;
  Report report;
  auto writer = SegmentWriter::create(loops, path, {.on_failure = report.callback()});
  ASSERT_TRUE(writer) << writer.error().what;
  const std::string payload(10'000, 'f');
  std::uint64_t synced = 0;
  base::Result<void> result;
  for (int i = 0; i < 100 && result; ++i) {
    ASSERT_TRUE((*writer)->append(as_bytes(payload)));
    result = loops.wait((*writer)->sync(in(30s)));
    if (result) ++synced;
  }
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().where.find(errno_name), std::string::npos) << result.error().where;
  EXPECT_GT(synced, 5u);
  writer->reset();
  EXPECT_EQ(report.errors.size(), 1u);
  EXPECT_EQ(payloads_in(path).size(), synced);
}

TEST(SegmentFaults, a_full_file_system_costs_only_what_did_not_fit) {
  const Scratch scratch;
  const SmallDisk disk(scratch.folder());
  if (!disk.mounted()) GTEST_SKIP() << "mounting a tmpfs needs root; the next test covers the same with a limit";
  fill_and_check(scratch.path("a.seg"), "ENOSPC");
}

TEST(SegmentFaults, a_file_size_limit_is_an_error_and_not_the_end_of_the_process) {
  const Scratch scratch;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const rlimit limit{100'000, 100'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    fill_and_check(scratch.path("a.seg"), "EFBIG");
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace sluice::journal
