// What goes wrong on real file systems, and what is said about it.

#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "storage/file/file_backend.hpp"
#include "storage/file/tests/system_fixtures.hpp"
#include "storage/tests/store_bench.hpp"

namespace sluice::storage {

namespace {

using contract::Bench;
using contract::code_of;
using contract::ListedNames;
using model::OpKind;

std::unique_ptr<Backend> open(const std::string& uri, FileOptions options = {}) {
  return std::move(*open_file_backend(uri, options));
}

TEST(FileUri, is_a_path_with_or_without_a_scheme) {
  EXPECT_EQ(code_of(open_file_backend("s3://bucket/")), base::Code::InvalidArgument);
  EXPECT_EQ(code_of(open_file_backend("file://")), base::Code::InvalidArgument);
  EXPECT_EQ(code_of(open_file_backend("")), base::Code::InvalidArgument);
  const TemporaryDirectory directory;
  for (const std::string& uri :
       {directory.path(), "file://" + directory.path(), "direct://" + directory.path() + "///"}) {
    const auto facts = open(uri)->inspect();
    ASSERT_TRUE(facts) << base::to_text(facts.error());
    EXPECT_TRUE(facts->exists);
  }
}

TEST(FileTarget, that_is_missing_is_told_of_by_its_parent_and_can_be_made) {
  const TemporaryDirectory directory;
  auto backend = open("file://" + directory / "not/there/yet");
  const auto facts = backend->inspect();
  ASSERT_TRUE(facts) << base::to_text(facts.error());
  EXPECT_FALSE(facts->exists);
  EXPECT_TRUE(facts->writable);
  EXPECT_FALSE(std::filesystem::exists(directory / "not")) << "inspect creates nothing";
  EXPECT_EQ(code_of(backend->open_store(WorkerKind::Sync, nullptr, {})), base::Code::NotFound);
  ASSERT_TRUE(backend->make_directories(""));
  EXPECT_TRUE(backend->inspect()->exists);
  EXPECT_TRUE(backend->open_store(WorkerKind::Sync, nullptr, {}));
}

TEST(FileTarget, below_a_file_or_through_a_dangling_link_is_an_error) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "file") << "x";
  EXPECT_EQ(code_of(open("file://" + directory / "file/below")->inspect()), base::Code::InvalidArgument);
  std::filesystem::create_symlink("nowhere", directory / "link");
  EXPECT_EQ(code_of(open("file://" + directory / "link")->inspect()), base::Code::NotFound);
  std::filesystem::create_symlink("round", directory / "round");
  EXPECT_EQ(code_of(open("file://" + directory / "round")->inspect()), base::Code::InvalidArgument);
  ASSERT_EQ(mkfifo((directory / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(code_of(open("file://" + directory / "pipe")->inspect()), base::Code::Unsupported);
}

TEST(FileTarget, that_is_a_file_is_one_object) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "file") << contract::pattern(4, 10'000);
  auto backend = open("file://" + directory / "file");
  const auto facts = backend->inspect();
  ASSERT_TRUE(facts) << base::to_text(facts.error());
  EXPECT_TRUE(facts->single_object);
  EXPECT_TRUE(facts->writable) << facts->not_writable;
  EXPECT_EQ(backend->stat("")->bytes, 10'000U);
  EXPECT_EQ(code_of(backend->make_directories("sub")), base::Code::InvalidArgument);
  EXPECT_EQ(code_of(backend->write_small("note", "x")), base::Code::InvalidArgument);
  const ListedNames names({"", "other"});
  for (const WorkerKind kind : {WorkerKind::Sync, WorkerKind::Ring}) {
    Bench worker(*backend, kind, 1, 16384, {.writes_blocks = true});
    ASSERT_EQ(worker.run(OpKind::Read, names, 0, 4096, 0, 4096), 0);
    EXPECT_EQ(worker.content(4096), contract::pattern(4, 4096, 4096));
    EXPECT_EQ(worker.run(OpKind::Read, names, 1, 4096), ENOTDIR);
    EXPECT_EQ(worker.run(OpKind::Write, names, 0, 4096, 4, 4096), 0);
  }
}

TEST(FileStore, takes_directories_for_what_they_are) {
  const TemporaryDirectory directory;
  auto backend = open("file://" + directory.path());
  ASSERT_TRUE(backend->make_directories("dir"));
  const ListedNames names({"dir", "file", "file/below", "/etc/passwd", std::string(300, 'n'), std::string(1024, 'x')});
  Bench worker(*backend, WorkerKind::Sync, 1, 4096, {.writes_blocks = true});
  EXPECT_EQ(worker.run(OpKind::Get, names, 0), EISDIR);
  EXPECT_EQ(worker.run(OpKind::Put, names, 0, 10), EISDIR);
  EXPECT_EQ(worker.run(OpKind::Delete, names, 0), EISDIR);
  ASSERT_EQ(worker.run(OpKind::Put, names, 1, 10), 0);
  EXPECT_EQ(worker.run(OpKind::Put, names, 2, 10), ENOTDIR);
  EXPECT_EQ(worker.run(OpKind::List, names, 1), ENOTDIR);
  EXPECT_EQ(worker.run(OpKind::Rmdir, names, 1), ENOTDIR);
  EXPECT_EQ(worker.run(OpKind::Mkdir, names, 1), EEXIST);
  EXPECT_EQ(worker.run(OpKind::Get, names, 3), ENAMETOOLONG) << "an absolute name never leaves the target";
  EXPECT_EQ(worker.run(OpKind::Stat, names, 4), ENAMETOOLONG);
  EXPECT_EQ(worker.run(OpKind::Stat, names, 5), ENAMETOOLONG);
}

TEST(FileStore, that_was_opened_for_reading_blocks_does_not_write_them) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "file") << std::string(8192, 'x');
  auto backend = open("file://" + directory.path());
  const ListedNames names({"file"});
  for (const WorkerKind kind : {WorkerKind::Sync, WorkerKind::Ring}) {
    Bench worker(*backend, kind, 1, 4096);
    EXPECT_EQ(worker.run(OpKind::Write, names, 0, 4096), EACCES);
    EXPECT_EQ(worker.run(OpKind::Read, names, 0, 4096), 0);
  }
}

TEST(FileStore, says_so_when_permission_is_missing) {
  const TemporaryDirectory directory("/tmp");
  ASSERT_EQ(chmod(directory.path().c_str(), 0755), 0);
  std::filesystem::create_directory(directory / "closed");
  std::ofstream(directory / "readable") << std::string(8192, 'x');
  std::ofstream(directory / "secret") << "x";
  ASSERT_EQ(chmod((directory / "secret").c_str(), 0), 0);
  ASSERT_EQ(chmod((directory / "closed").c_str(), 0), 0);
  ASSERT_EQ(chmod((directory / "readable").c_str(), 0444), 0);
  ASSERT_EQ(chmod(directory.path().c_str(), 0555), 0);
  const int line = without_privileges([&] {
    auto backend = open("file://" + directory.path());
    const ListedNames names({"secret", "new", "closed/x", "readable"});
    Bench worker(*backend, WorkerKind::Sync, 1, 8192, {.writes_blocks = true});
    if (worker.run(OpKind::Get, names, 0) != EACCES) return 1;
    if (worker.run(OpKind::Put, names, 1, 10) != EACCES) return 2;
    if (worker.run(OpKind::Stat, names, 2) != EACCES) return 3;
    // Not the owner: O_NOATIME is refused, and done without.
    if (worker.run(OpKind::Get, names, 3, 8192) != 0) return 4;
    if (worker.run(OpKind::Read, names, 3, 4096) != 0) return 5;
    if (worker.run(OpKind::Write, names, 3, 4096) != EACCES) return 6;
    Bench ring(*backend, WorkerKind::Ring, 1, 8192, {.writes_blocks = true});
    if (ring.run(OpKind::Read, names, 3, 4096) != 0) return 7;
    if (ring.run(OpKind::Write, names, 3, 4096) != EACCES) return 8;
    const auto facts = backend->inspect();
    if (!facts || facts->writable || facts->not_writable.find("EACCES") == std::string::npos) return 9;
    model::Progress progress;
    const auto listed = backend->list({}, [](auto) { return true; }, progress, {});
    if (listed || listed.error().where.find("closed") == std::string::npos) return 10;
    return 0;
  });
  chmod(directory.path().c_str(), 0755);
  EXPECT_EQ(line, 0) << "check number of the child";
}

TEST(FileStore, reports_a_full_file_system) {
  const MountedDirectory small("tmpfs", "size=256k,nr_inodes=16");
  if (!small.works()) GTEST_SKIP() << "MAY NOT MOUNT HERE: a full file system was not tested";
  auto backend = open("file://" + small.path());
  const ListedNames names(
      {"large", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"});
  Bench worker(*backend, WorkerKind::Sync, 1, 65536, {.writes_blocks = true});
  EXPECT_EQ(worker.run(OpKind::Put, names, 0, 1 << 20), ENOSPC);
  EXPECT_EQ(worker.run(OpKind::Delete, names, 0), 0);
  int error = 0;
  for (std::uint64_t i = 1; i < names.count() && error == 0; ++i) error = worker.run(OpKind::Put, names, i, 0);
  EXPECT_EQ(error, ENOSPC) << "no inodes left";
  EXPECT_EQ(worker.run(OpKind::Write, names, 1, 65536, 0, 1 << 20), 0);
  EXPECT_EQ(worker.run(OpKind::Write, names, 1, 262'144, 0, 2 << 20), ENOSPC);
  const auto small_write = backend->write_small("note", std::string(1 << 20, 'x'));
  EXPECT_EQ(code_of(small_write), base::Code::ResourceExhausted);
  EXPECT_LT(backend->inspect()->free_bytes, 256U << 10);
}

TEST(FileStore, reports_a_read_only_file_system) {
  const MountedDirectory sealed("tmpfs", "size=64k", MS_RDONLY);
  if (!sealed.works()) GTEST_SKIP() << "MAY NOT MOUNT HERE: a read-only file system was not tested";
  auto backend = open("file://" + sealed.path());
  const ListedNames names({"x"});
  Bench worker(*backend, WorkerKind::Sync, 1, 4096, {.writes_blocks = true});
  EXPECT_EQ(worker.run(OpKind::Put, names, 0, 10), EROFS);
  EXPECT_EQ(worker.run(OpKind::Mkdir, names, 0), EROFS);
  const auto facts = backend->inspect();
  ASSERT_TRUE(facts);
  EXPECT_FALSE(facts->writable);
  EXPECT_NE(facts->not_writable.find("read-only"), std::string::npos);
  EXPECT_FALSE(backend->choose_worker({.blocks_only = true, .writes_blocks = true, .in_flight = 8}).why.empty());
}

TEST(FileStore, names_a_file_system_without_direct_io) {
  const MountedDirectory memory("ramfs", nullptr);
  if (!memory.works()) GTEST_SKIP() << "MAY NOT MOUNT HERE: a file system without O_DIRECT was not tested";
  auto backend = open("direct://" + memory.path());
  const auto facts = backend->inspect();
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().code, base::Code::Unsupported);
  EXPECT_NE(facts.error().what.find("ramfs"), std::string::npos);
  EXPECT_EQ(code_of(backend->open_store(WorkerKind::Sync, nullptr, {})), base::Code::Unsupported);
}

TEST(FileStore, refuses_odd_offsets_with_direct_io) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "file") << std::string(65536, 'x');
  auto backend = open("direct://" + directory.path());
  const ListedNames names({"file"});
  for (const WorkerKind kind : {WorkerKind::Sync, WorkerKind::Ring}) {
    Bench worker(*backend, kind, 1, 4096, {.writes_blocks = true});
    EXPECT_EQ(worker.run(OpKind::Read, names, 0, 4096, 0, 100), EINVAL);
    EXPECT_EQ(worker.run(OpKind::Write, names, 0, 4096, 0, 100), EINVAL);
  }
}

TEST(FileStore, gives_up_open_files_when_descriptors_run_out) {
  const TemporaryDirectory directory;
  const int line = in_child([&] {
    auto backend = open("file://" + directory.path());
    std::vector<std::string> many;
    for (int i = 0; i < 200; ++i) many.push_back("f" + std::to_string(i));
    const ListedNames names(many);
    Bench worker(*backend, WorkerKind::Sync, 1, 4096, {.writes_blocks = true});
    for (std::uint64_t i = 0; i < 200; ++i) {
      if (worker.run(OpKind::Put, names, i, 4096, i) != 0) return 1;
      if (worker.run(OpKind::Write, names, i, 4096, i) != 0) return 2;
    }
    const int next = dup(0);
    // Files that are kept make way for others ...
    const rlimit tight{static_cast<rlim_t>(next), static_cast<rlim_t>(next)};
    if (setrlimit(RLIMIT_NOFILE, &tight) != 0) return 3;
    close(next);
    for (std::uint64_t i = 0; i < 200; ++i) {
      if (worker.run(OpKind::Read, names, i, 4096) != 0) return 4;
      if (worker.content(4096) != contract::pattern(i, 4096)) return 5;
    }
    if (!worker.store().sync_all()) return 6;
    // ... and when nothing is left to give up, the operation says why it failed.
    const rlimit none{3, 3};
    if (setrlimit(RLIMIT_NOFILE, &none) != 0) return 7;
    if (worker.run(OpKind::Get, names, 0, 4096) != EMFILE) return 8;
    if (model::error_kind_of_errno(EMFILE) != model::ErrorKind::Descriptors) return 9;
    return 0;
  });
  EXPECT_EQ(line, 0) << "check number of the child";
}

TEST(FileStore, goes_on_with_errors_when_its_directory_vanishes) {
  const TemporaryDirectory directory;
  auto backend = open("file://" + directory / "base");
  ASSERT_TRUE(backend->make_directories(""));
  const ListedNames names({"d/x"});
  Bench worker(*backend, WorkerKind::Sync, 1, 4096);
  ASSERT_EQ(worker.run(OpKind::Put, names, 0, 10), 0);
  std::filesystem::remove_all(directory / "base");
  EXPECT_EQ(worker.run(OpKind::Put, names, 0, 10), ENOENT);
  EXPECT_EQ(worker.run(OpKind::Get, names, 0, 10), ENOENT);
  EXPECT_EQ(worker.run(OpKind::Mkdir, names, 0), ENOENT);
}

TEST(FileStore, advises_the_page_cache_in_every_mode) {
  using model::PageCacheMode;
  const TemporaryDirectory directory;
  auto backend = open("file://" + directory.path());
  const ListedNames names({"x"});
  for (const PageCacheMode mode : {PageCacheMode::Auto, PageCacheMode::Sequential, PageCacheMode::Random,
                                   PageCacheMode::DontNeed, PageCacheMode::Normal}) {
    Bench sync(*backend, WorkerKind::Sync, 1, 16384, {.page_cache = mode, .writes_blocks = true});
    ASSERT_EQ(sync.run(OpKind::Put, names, 0, 40'000, 8), 0);
    ASSERT_EQ(sync.run(OpKind::Get, names, 0, 40'000), 0);
    Bench ring(*backend, WorkerKind::Ring, 1, 16384, {.page_cache = mode, .writes_blocks = true});
    for (Bench* worker : {&sync, &ring}) {
      ASSERT_EQ(worker->run(OpKind::Write, names, 0, 4096, 8, 4096), 0);
      ASSERT_EQ(worker->run(OpKind::Read, names, 0, 4096, 0, 4096), 0);
      EXPECT_EQ(worker->content(4096), contract::pattern(8, 4096, 4096));
    }
  }
}

}  // namespace

}  // namespace sluice::storage
