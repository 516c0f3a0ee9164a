#include "async/spill_file.hpp"

#include <cerrno>
#include <deque>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "async/tests/file_size_limit.hpp"
#include "base/random.hpp"

namespace sluice::async {
namespace {

using Records = std::vector<std::string>;

base::Result<SpillFile::Extent> append(SpillFile& file, const Records& records) {
  return file.append({records.begin(), records.end()});
}

/// A directory of the test's own, and what this process holds open of it.
class SpillFileTest : public testing::Test {
 protected:
  SpillFileTest() { std::filesystem::create_directory(directory_); }
  ~SpillFileTest() override { std::filesystem::remove_all(directory_); }

  /// The descriptor of the one file that is open below the directory; -1 where there is none.
  int descriptor() const {
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;  // the iterator's own
      const std::string target = std::filesystem::read_symlink(each.path(), gone).string();
      if (target.starts_with(directory_ + "/")) return std::stoi(each.path().filename().string());
    }
    return -1;
  }
  struct stat status() const {
    struct stat result{};
    EXPECT_EQ(::fstat(descriptor(), &result), 0);
    return result;
  }
  bool has_no_name() const { return std::filesystem::is_empty(directory_); }

  const std::string directory_ = testing::TempDir() + "spill." + std::to_string(::getpid());
};

TEST_F(SpillFileTest, gives_back_the_bytes_that_it_was_given) {
  SpillFile file(directory_);
  base::Random random(1);
  std::deque<std::pair<SpillFile::Extent, Records>> kept;
  // Batches of any size, empty records and binary bytes among them; more comes than goes, then all of it goes.
  for (int i = 0; i < 300; ++i) {
    Records records(1 + random.below(20));
    for (std::string& record : records) {
      record.resize(random.below(4) == 0 ? random.below(20'000) : random.below(30));
      for (char& byte : record) byte = static_cast<char>(random.next());
    }
    const auto extent = append(file, records);
    ASSERT_TRUE(extent);
    kept.emplace_back(*extent, std::move(records));
    while (kept.size() > 20 || (i == 299 && !kept.empty())) {
      const auto taken = file.take(kept.front().first);
      ASSERT_TRUE(taken);
      ASSERT_TRUE(*taken == kept.front().second);
      kept.pop_front();
    }
  }
}

TEST_F(SpillFileTest, is_read_by_offset_in_any_order_and_gives_its_space_back) {
  SpillFile file(directory_);
  std::vector<SpillFile::Extent> extents;
  for (const char letter : {'a', 'b', 'c'}) extents.push_back(*append(file, {std::string(1U << 20U, letter)}));
  EXPECT_EQ(extents[1].offset, extents[0].size_bytes);
  const auto blocks = status().st_blocks;
  EXPECT_EQ(file.take(extents[1])->front(), std::string(1U << 20U, 'b'));
  EXPECT_LT(status().st_blocks, blocks) << "a hole is where it was";
  EXPECT_EQ(file.take(extents[2])->front(), std::string(1U << 20U, 'c'));
  EXPECT_EQ(append(file, {"d"})->offset, extents[2].offset + extents[2].size_bytes) << "'a' is still there";
  EXPECT_EQ(file.take(extents[0])->front(), std::string(1U << 20U, 'a'));
}

TEST_F(SpillFileTest, begins_anew_when_everything_was_taken) {
  SpillFile file(directory_);
  for (int i = 0; i < 3; ++i) {
    const auto extent = append(file, {std::string(100'000, 'x')});
    EXPECT_EQ(extent->offset, 0U);
    ASSERT_TRUE(file.take(*extent));
    EXPECT_EQ(status().st_size, 0);
  }
}

TEST_F(SpillFileTest, has_no_name_and_is_gone_after_use) {
  {
    SpillFile file(directory_);
    EXPECT_EQ(descriptor(), -1) << "nothing is made before it is needed";
    ASSERT_TRUE(append(file, {"a record"}));
    EXPECT_NE(descriptor(), -1);
    EXPECT_TRUE(has_no_name());
    EXPECT_EQ(status().st_mode & 0777U, 0600U);
  }
  EXPECT_EQ(descriptor(), -1);
  EXPECT_TRUE(has_no_name());
}

/// A disk that gets full, and has room again after `make_room`.
void expect_a_full_disk_costs_only_what_does_not_fit(const std::string& directory,
                                                     const std::function<void()>& make_room) {
  SpillFile file(directory);
  std::deque<SpillFile::Extent> extents;
  base::Result<SpillFile::Extent> extent = append(file, {"first"});
  for (; extent && extents.size() < 1000; extent = append(file, {std::string(10'000, 'x'), "and more"})) {
    extents.push_back(*extent);
  }
  ASSERT_FALSE(extent) << "it was never full";
  EXPECT_TRUE(base::to_text(extent.error()).contains(directory)) << base::to_text(extent.error());
  ASSERT_GT(extents.size(), 3U);
  EXPECT_EQ(file.take(extents.front())->front(), "first") << "what was there can be read";
  extents.pop_front();
  make_room();
  const auto later = append(file, {"later"});
  ASSERT_TRUE(later);
  EXPECT_EQ(later->offset, extents.back().offset + extents.back().size_bytes) << "nothing of what failed counts";
  for (const SpillFile::Extent& each : extents) {
    EXPECT_EQ(*file.take(each), (Records{std::string(10'000, 'x'), "and more"}));
  }
  EXPECT_EQ(file.take(*later)->front(), "later");
}

TEST_F(SpillFileTest, that_may_not_grow_costs_only_what_does_not_fit) {
  std::optional<FileSizeLimit> limit(100'000);
  expect_a_full_disk_costs_only_what_does_not_fit(directory_, [&] { limit.reset(); });
}

TEST_F(SpillFileTest, on_a_disk_without_space_costs_only_what_does_not_fit) {
  // A thread of its own may have a view of the file systems of its own.
  std::string why_not;
  std::thread([&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", directory_.c_str(), "tmpfs", 0, "size=256k") != 0) {
      why_not = "no right to mount a small file system: errno " + std::to_string(errno);
      return;
    }
    expect_a_full_disk_costs_only_what_does_not_fit(
        directory_, [&] { EXPECT_EQ(::mount("tmpfs", directory_.c_str(), "tmpfs", MS_REMOUNT, "size=1m"), 0); });
  }).join();
  if (!why_not.empty()) GTEST_SKIP() << why_not;
}

TEST_F(SpillFileTest, says_where_it_cannot_be_made) {
  SpillFile file("/nowhere");
  const auto extent = append(file, {"x"});
  ASSERT_FALSE(extent);
  EXPECT_EQ(extent.error().code, base::Code::NotFound);
  EXPECT_TRUE(base::to_text(extent.error()).contains("/nowhere"));
}

TEST_F(SpillFileTest, notices_that_its_bytes_were_damaged) {
  SpillFile file(directory_);
  const auto extent = append(file, {"a record"});
  const std::uint32_t length = 1000;
  ASSERT_EQ(::pwrite(descriptor(), &length, sizeof length, 0), static_cast<ssize_t>(sizeof length));
  EXPECT_EQ(file.take(*extent).error().code, base::Code::Corrupt);
}

}  // namespace
}  // namespace sluice::async
