#include <algorithm>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "storage/file/file_backend.hpp"
#include "storage/file/tests/system_fixtures.hpp"
#include "storage/tests/store_bench.hpp"

namespace sluice::storage {

namespace {

base::Result<std::vector<std::string>> list(const std::string& path, const ListFilter& filter = {}) {
  auto backend = std::move(*open_file_backend("file://" + path));
  std::vector<std::string> found;
  model::Progress progress;
  const auto sink = [&](std::span<const std::string_view> names) {
    found.insert(found.end(), names.begin(), names.end());
    return true;
  };
  SLUICE_CHECK(backend->list(filter, sink, progress, {}));
  std::ranges::sort(found);
  return found;
}

using Names = std::vector<std::string>;

TEST(DirectoryWalk, lists_links_to_files_and_follows_none_to_directories) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "real");
  std::ofstream(directory / "real/file") << "x";
  std::filesystem::create_symlink("real/file", directory / "link");
  std::filesystem::create_symlink("..", directory / "real/up");
  std::filesystem::create_symlink("self", directory / "self");
  std::filesystem::create_symlink("nowhere", directory / "dangling");
  EXPECT_EQ(list(directory.path()).value(), (Names{"link", "real/file"}));
}

TEST(DirectoryWalk, leaves_out_what_no_operation_could_read) {
  const TemporaryDirectory directory;
  ASSERT_EQ(mkfifo((directory / "pipe").c_str(), 0600), 0);
  std::ofstream(directory / "file") << "x";
  EXPECT_EQ(list(directory.path()).value(), Names{"file"});
}

TEST(DirectoryWalk, reads_wide_and_deep_trees_whole) {
  const TemporaryDirectory directory(kMemoryDirectory);
  Names expected;
  std::string path;
  for (int depth = 0; depth < 60; ++depth) {
    path += "level" + std::to_string(depth) + "/";
    std::filesystem::create_directory(directory / path);
    for (int file = 0; file < 3; ++file) {
      expected.push_back(path + std::to_string(file));
      std::ofstream(directory / expected.back()) << "x";
    }
  }
  for (int wide = 0; wide < 1500; ++wide) {
    const std::string name = "wide" + std::to_string(wide);
    std::filesystem::create_directory(directory / name);
    expected.push_back(name + "/f");
    std::ofstream(directory / expected.back()) << "x";
  }
  std::ranges::sort(expected);
  EXPECT_EQ(list(directory.path()).value(), expected);
}

TEST(DirectoryWalk, begins_at_the_prefix_and_enters_only_what_may_match) {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory / "a/b/c");
  std::filesystem::create_directories(directory / "a/x");
  std::ofstream(directory / "a/b/c/1") << "x";
  std::ofstream(directory / "a/x/2") << "x";
  std::vector<std::string> asked;
  const ListFilter filter{.prefix = "a/",
                          .may_enter =
                              [&](std::string_view name) {
                                asked.emplace_back(name);
                                return !name.ends_with("x/");
                              },
                          .matches = nullptr,
                          .directories = true};
  EXPECT_EQ(list(directory.path(), filter).value(), (Names{"a/b/", "a/b/c/", "a/b/c/1", "a/x/"}));
  std::ranges::sort(asked);
  EXPECT_EQ(asked, (Names{"a/b/", "a/b/c/", "a/x/"}));
}

TEST(DirectoryWalk, says_that_a_name_is_too_long) {
  const TemporaryDirectory directory;
  std::filesystem::path deep = directory.path();
  for (int i = 0; i < 5; ++i) deep /= std::string(250, 'd');
  std::filesystem::create_directories(deep);
  const auto listed = list(directory.path());
  ASSERT_FALSE(listed);
  EXPECT_NE(listed.error().what.find("1024"), std::string::npos) << listed.error().what;
}

TEST(DirectoryWalk, shows_a_single_object_by_its_empty_name) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "file") << "x";
  EXPECT_EQ(list(directory / "file").value(), Names{""});
  EXPECT_FALSE(list(directory / "file", {.prefix = "below/"}));
}

/// A directory of many entries, and a listing that looks at what it is told of at every one of them.
class LongWalk : public testing::Test {
 protected:
  static constexpr std::uint64_t kEntries = 4'500;

  LongWalk() {
    for (std::uint64_t i = 0; i < kEntries; ++i) std::ofstream(directory_ / ("n" + std::to_string(i)));
  }

  /// `at_entry` is called for each entry with how many came before; what it returns is whether the entry matches.
  base::Result<void> list(const std::function<bool(std::uint64_t)>& at_entry) {
    auto backend = std::move(*open_file_backend("file://" + directory_.path()));
    ListFilter filter;
    filter.matches = [&](std::string_view) {
      untold_most_ = std::max(untold_most_, asked_ - progress_.done.load());
      return at_entry(asked_++);
    };
    return backend->list(filter, [](auto) { return true; }, progress_, cancel_.token());
  }

  TemporaryDirectory directory_{kMemoryDirectory};
  model::Progress progress_;
  async::CancelSource cancel_;
  std::uint64_t asked_ = 0, untold_most_ = 0;
};

TEST_F(LongWalk, tells_its_progress_every_1000_entries_whether_they_match_or_not) {
  for (const bool matches : {true, false}) {
    asked_ = untold_most_ = 0;
    progress_.start(model::Progress::kUnknown);
    ASSERT_TRUE(list([&](std::uint64_t) { return matches; }));
    EXPECT_EQ(progress_.done.load(), kEntries);
    EXPECT_LE(untold_most_, 1000U) << matches;
  }
}

TEST_F(LongWalk, is_cancelled_within_1000_entries_of_one_directory_whether_they_match_or_not) {
  for (const bool matches : {true, false}) {
    asked_ = 0;
    cancel_ = async::CancelSource();
    const auto listed = list([&](std::uint64_t before) {
      if (before == 1234) cancel_.cancel();
      return matches;
    });
    ASSERT_FALSE(listed) << matches;
    EXPECT_EQ(listed.error().code, base::Code::Cancelled);
    EXPECT_LE(asked_, 1234U + 1000) << matches;
  }
}

TEST_F(LongWalk, is_told_and_cancelled_every_50_ms_where_entries_are_slow) {
  const auto listed = list([&](std::uint64_t before) {
    for (const base::Instant end = base::now() + base::Nanos{2'000'000}; base::now() < end;) {
    }
    if (before == 200) cancel_.cancel();
    return false;
  });
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, base::Code::Cancelled);
  // 50 ms are 25 entries, and fewer on a busy machine.
  EXPECT_LE(untold_most_, 30U);
  EXPECT_LE(asked_, 201U + 30);
}

TEST_F(LongWalk, of_a_list_operation_ends_at_a_token_that_is_cancelled) {
  auto backend = std::move(*open_file_backend("file://" + directory_.path()));
  const contract::ListedNames base({""});
  contract::Bench worker(*backend, WorkerKind::Sync, 1, 65'536, {.cancel = cancel_.token()});
  EXPECT_EQ(worker.run(model::OpKind::List, base), 0);
  EXPECT_EQ(worker.slot().scratch[0], kEntries);
  cancel_.cancel();
  EXPECT_EQ(worker.run(model::OpKind::List, base), ECANCELED);
  EXPECT_EQ(worker.run(model::OpKind::Stat, base), 0) << "others go on";
}

}  // namespace

}  // namespace sluice::storage
