// What stands in the way of opening a file, and what is done about it.
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/sqlite/schema.hpp"
#include "journal/sqlite/tests/sqlite_store.hpp"
#include "journal/tiers/tests/backend_suite.hpp"

namespace sluice::journal {
namespace {

using Opened = base::Result<std::unique_ptr<SqliteBackend>>;

Opened open_for_writing(const std::string& path) { return SqliteBackend::open(path, SqliteMode::ReadWrite); }
Opened open_for_reading(const std::string& path) { return SqliteBackend::open(path, SqliteMode::ReadOnly); }

/// Every error tells a person what, where, why and what next.
void expect_four_parts(const base::Error& error) {
  EXPECT_FALSE(error.what.empty());
  EXPECT_FALSE(error.where.empty()) << error.what;
  EXPECT_FALSE(error.likely.empty()) << error.what;
  EXPECT_FALSE(error.try_next.empty()) << error.what;
}

/// Opening is refused for this, and the file and its folder are as before.
void expect_refused(const std::string& path, base::Code code) {
  const std::string before = read_file(path);
  for (const SqliteMode mode : {SqliteMode::ReadWrite, SqliteMode::ReadOnly}) {
    const auto opened = SqliteBackend::open(path, mode);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, code) << to_text(opened.error());
    expect_four_parts(opened.error());
  }
  EXPECT_EQ(read_file(path), before);
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(path).parent_path())) {
    EXPECT_EQ(entry.path().string(), path) << "made beside it";
  }
}

/// A database with `blocks` blocks of 4 KiB.
CommitMaker fill(const std::string& path, int blocks) {
  CommitMaker maker;
  auto backend = open_for_writing(path);
  EXPECT_TRUE(backend) << to_text(backend.error());
  for (int i = 0; i < blocks; ++i) {
    maker.add([&](StoredBlock& b) {
      b.payload = sample_payload(maker.head(), 4096);
      b.notable = {sample_record(0, 1)};
    });
  }
  EXPECT_TRUE(backend && (*backend)->append(maker.take(), {}));
  return maker;
}

/// A file system of its own at `folder`, where root may mount one.
class SmallDisk {
 public:
  SmallDisk(std::string folder, const char* options) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
    is_mounted_ = ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, options) == 0;
  }
  ~SmallDisk() {
    if (is_mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool is_mounted() const { return is_mounted_; }
  bool make_read_only() const {
    return ::mount(nullptr, folder_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0;
  }
  std::string path(const char* name) const { return folder_ + "/" + name; }

 private:
  std::string folder_;
  bool is_mounted_ = false;
};

TEST(SqliteFile, a_new_one_says_whose_it_is) {
  SqliteStore store;
  ASSERT_NE(store.open(), nullptr);
  EXPECT_EQ(run_sql(store.path(), "PRAGMA application_id"), std::to_string(kApplicationId));
  EXPECT_EQ(run_sql(store.path(), "PRAGMA user_version"), std::to_string(schema_version()));
  EXPECT_EQ(run_sql(store.path(), "PRAGMA journal_mode"), "wal");
  EXPECT_TRUE(store.open()->traits().reads_from_snapshots);
}

TEST(SqliteFile, one_without_a_wal_cannot_be_read_while_it_is_written) {
  SqliteStore store(SqliteOptions{.is_network = true});
  auto backend = store.open();
  EXPECT_FALSE(backend->traits().reads_from_snapshots);
  EXPECT_EQ(run_sql(store.path(), "PRAGMA journal_mode"), "delete");  // not WAL; the rest is each connection's
}

TEST(SqliteFile, whoever_only_reads_knows_that_others_write) {
  SqliteStore store;
  const auto writer = store.open();
  EXPECT_FALSE(writer->traits().others_write) << "it has the lock";
  const auto reader = open_for_reading(store.path());
  ASSERT_TRUE(reader) << to_text(reader.error());
  EXPECT_TRUE((*reader)->traits().others_write);
}

TEST(SqliteFile, a_missing_folder_is_named) {
  const Scratch scratch;
  for (const auto& opened : {open_for_writing(scratch.path("none/x.db")), open_for_reading(scratch.path("none/x.db")),
                             open_for_reading(scratch.path("x.db"))}) {
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, base::Code::NotFound) << to_text(opened.error());
    expect_four_parts(opened.error());
    EXPECT_NE(opened.error().where.find("x.db"), std::string::npos);
  }
  EXPECT_FALSE(std::filesystem::exists(scratch.path("x.db")));
}

TEST(SqliteFile, what_is_no_path_of_a_file_is_refused) {
  const Scratch scratch;
  for (const std::string& path : {std::string(), scratch.folder(), scratch.folder() + "/", std::string("a\0b", 3)}) {
    const auto opened = open_for_writing(path);
    ASSERT_FALSE(opened) << path;
    EXPECT_EQ(opened.error().code, base::Code::InvalidArgument) << to_text(opened.error());
  }
  // Names that mean something to SQLite are plain names here.
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(scratch.folder());
  for (const char* name : {":memory:", "file:x?mode=memory", "per%20cent", "-wal"}) {
    EXPECT_TRUE(open_for_writing(name)) << name;
    EXPECT_TRUE(std::filesystem::exists(scratch.path(name))) << name;
    EXPECT_TRUE(open_for_writing(name)) << name << " once more";
  }
  std::filesystem::current_path(before);
}

TEST(SqliteFile, a_file_that_is_no_database_is_left_alone) {
  const Scratch scratch;
  write_file(scratch.path("x.db"), "a shopping list\n");
  expect_refused(scratch.path("x.db"), base::Code::Corrupt);
  write_file(scratch.path("x.db"), std::string(100'000, 'x'));
  expect_refused(scratch.path("x.db"), base::Code::Corrupt);
}

TEST(SqliteFile, a_database_of_another_program_is_left_alone) {
  const Scratch scratch;
  run_sql(scratch.path("x.db"), "CREATE TABLE recipes (name TEXT)");
  expect_refused(scratch.path("x.db"), base::Code::InvalidArgument);
  run_sql(scratch.path("x.db"), "PRAGMA application_id = 77; PRAGMA journal_mode = WAL");
  expect_refused(scratch.path("x.db"), base::Code::InvalidArgument);
}

TEST(SqliteFile, a_newer_schema_is_left_alone_and_its_version_is_said) {
  const Scratch scratch;
  fill(scratch.path("x.db"), 1);
  std::filesystem::remove(scratch.path("x.db.lock"));
  run_sql(scratch.path("x.db"), "PRAGMA user_version = 99");
  expect_refused(scratch.path("x.db"), base::Code::Unsupported);
  EXPECT_NE(open_for_reading(scratch.path("x.db")).error().what.find("99"), std::string::npos);
}

TEST(SqliteFile, an_older_schema_is_brought_up_to_date_step_by_step_or_not_at_all) {
  const Scratch scratch;
  const auto connection = Connection::open(scratch.path("x.db"), OpenAs::Writer).value();
  std::vector<Migration> steps(migrations().begin(), migrations().end());
  ASSERT_TRUE(bring_up_to_date(*connection, steps));
  ASSERT_TRUE(connection->run("INSERT INTO run_ids (name) VALUES ('kept')"));
  steps.push_back({schema_version() + 1, "ALTER TABLE run_ids ADD COLUMN note TEXT"});
  steps.push_back({schema_version() + 2, "UPDATE run_ids SET note = 'was there'; CREATE TABLE broken ("});
  ASSERT_FALSE(bring_up_to_date(*connection, steps));
  EXPECT_EQ(connection->number("PRAGMA user_version"), schema_version());
  EXPECT_FALSE(connection->run("SELECT note FROM run_ids"));
  steps.back().script = "UPDATE run_ids SET note = 'was there'";
  ASSERT_TRUE(bring_up_to_date(*connection, steps));
  EXPECT_EQ(connection->number("PRAGMA user_version"), schema_version() + 2);
  EXPECT_EQ(run_sql(scratch.path("x.db"), "SELECT name || ' ' || note FROM run_ids"), "kept was there");
  ASSERT_TRUE(bring_up_to_date(*connection, steps));  // nothing to do
}

TEST(SqliteFile, one_of_the_first_version_is_read_as_it_is_and_gets_its_views_when_it_is_written) {
  const Scratch scratch;
  {
    const auto connection = Connection::open(scratch.path("x.db"), OpenAs::Writer).value();
    ASSERT_TRUE(bring_up_to_date(*connection, migrations().first(1)));
  }
  const auto read = open_for_reading(scratch.path("x.db"));
  ASSERT_TRUE(read) << to_text(read.error());
  EXPECT_TRUE((*read)->load({}));
  EXPECT_EQ(run_sql(scratch.path("x.db"), "PRAGMA user_version"), "1");
  ASSERT_TRUE(open_for_writing(scratch.path("x.db")));
  EXPECT_EQ(run_sql(scratch.path("x.db"), "PRAGMA user_version"), std::to_string(schema_version()));
  EXPECT_EQ(run_sql(scratch.path("x.db"), "SELECT count(*) FROM blocks_readable"), "0");
  EXPECT_EQ(run_sql(scratch.path("x.db"), "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'blocks_by_%'"), "0");
}

TEST(SqliteFile, heads_are_known_however_far_behind_their_rows_are) {
  SqliteStore store;
  CommitMaker maker;
  const auto rows = [&] {
    return run_sql(store.path(), "SELECT group_concat(last_seq) FROM (SELECT * FROM heads ORDER BY party)");
  };
  const auto add = [&](Backend& backend, const char* party, int blocks, BlockKind kind = BlockKind::Interval) {
    for (int i = 0; i < blocks; ++i) {
      maker.add([&](StoredBlock& b) { b.header.party.party = party, b.header.kind = kind; });
    }
    return backend.append(maker.take(), {});
  };
  const auto expect_heads = [&](Backend& backend) {
    const auto state = backend.load({});
    ASSERT_TRUE(state) << to_text(state.error());
    std::vector<PartyHead> made;
    for (const auto& [key, head] : maker.heads()) made.push_back(head);
    EXPECT_EQ(state->parties, made);
  };
  {
    const auto backend = store.open();
    ASSERT_TRUE(add(*backend, "a", 1));
    EXPECT_EQ(rows(), "1");  // the first ones at once
    ASSERT_TRUE(add(*backend, "a", 1));
    ASSERT_TRUE(add(*backend, "b", 3));
    EXPECT_EQ(rows(), "1");
    expect_heads(*backend);
    const auto reader = open_for_reading(store.path()).value();
    EXPECT_EQ(reader->read({.filter = {.parties = {"b"}}}, {})->blocks.size(), 3u);
    EXPECT_EQ(reader->read({.filter = {.parties = {"a"}}}, {})->blocks.size(), 2u);
  }
  {  // another writer knows what is used without the rows
    const auto backend = store.open();
    expect_heads(*backend);
    Commit again = [&] {
      CommitMaker other = maker;
      other.add([](StoredBlock& b) { b.header.party.party = "b"; });
      return other.take();
    }();
    again.blocks[0].header.party_seq = 2;
    EXPECT_EQ(backend->append(again, {}).error().code, base::Code::InvalidArgument);
    ASSERT_TRUE(add(*backend, "c", 2, BlockKind::RunEnded));
    EXPECT_EQ(rows(), "2,5,7");  // something happened
    ASSERT_TRUE(add(*backend, "c", 4095));
    EXPECT_EQ(rows(), "2,5,7");
    ASSERT_TRUE(add(*backend, "a", 1));
    EXPECT_EQ(rows(), "4103,5,4102");
    ASSERT_TRUE(add(*backend, "a", 2));
    ASSERT_TRUE(backend->remove_above(4104, maker.cut_above(4104), {}));
    expect_heads(*backend);
    ASSERT_TRUE(add(*backend, "b", 1));
    expect_heads(*backend);
  }
}

TEST(SqliteFile, of_a_file_that_was_cut_what_is_there_can_be_read) {
  const Scratch scratch;
  const CommitMaker maker = fill(scratch.path("x.db"), 200);
  std::filesystem::resize_file(scratch.path("x.db"), std::filesystem::file_size(scratch.path("x.db")) * 6 / 10);
  const auto refused = open_for_writing(scratch.path("x.db"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::Corrupt) << to_text(refused.error());
  expect_four_parts(refused.error());
  const auto opened = open_for_reading(scratch.path("x.db"));
  ASSERT_TRUE(opened) << to_text(opened.error());
  int whole = 0, corrupt = 0;
  for (std::uint64_t seq = 1; seq <= 200; ++seq) {
    const auto block = (*opened)->get(seq, {});
    if (block) {
      ++whole;
      EXPECT_EQ(*block, maker.all()[seq - 1]);
    } else {
      EXPECT_EQ(block.error().code, base::Code::Corrupt) << to_text(block.error());
      ++corrupt;
    }
  }
  EXPECT_GT(whole, 0);
  EXPECT_GT(corrupt, 0);
}

TEST(SqliteFile, pages_that_were_lost_cost_their_blocks_and_no_block_is_read_wrong) {
  const Scratch scratch;
  const CommitMaker maker = fill(scratch.path("x.db"), 100);
  const std::string good = read_file(scratch.path("x.db"));
  int corrupt = 0;
  for (std::size_t page = 1; page < good.size() / 4096; page += 7) {
    std::string bad = good;
    bad.replace(page * 4096, 4096, std::string(4096, '\0'));
    write_file(scratch.path("x.db"), bad);
    const auto opened = open_for_reading(scratch.path("x.db"));
    if (!opened) {
      EXPECT_EQ(opened.error().code, base::Code::Corrupt) << to_text(opened.error());
      continue;
    }
    for (std::uint64_t seq = 1; seq <= 100; seq += 3) {
      const auto block = (*opened)->get(seq, {});
      if (block) EXPECT_EQ(*block, maker.all()[seq - 1]) << "page " << page;
      if (!block) {
        EXPECT_TRUE(block.error().code == base::Code::Corrupt || block.error().code == base::Code::NotFound);
        ++corrupt;
      }
    }
  }
  EXPECT_GT(corrupt, 0);
}

TEST(SqliteFile, what_is_changed_in_a_row_or_a_record_is_corrupt_and_the_block_is_named) {
  SqliteStore store;
  fill(store.path(), 9);
  const auto backend = store.open();
  run_sql(store.path(), "UPDATE blocks SET to_ns = to_ns + 1 WHERE seq = 1");
  run_sql(store.path(), "UPDATE notable SET latency_ns = 7 WHERE seq = 2");
  run_sql(store.path(), "DELETE FROM notable WHERE seq = 3");
  run_sql(store.path(), "DELETE FROM payloads WHERE seq = 4");
  run_sql(store.path(), "UPDATE blocks SET kind = 99 WHERE seq = 5");
  run_sql(store.path(), "UPDATE blocks SET hash = x'00' WHERE seq = 6");
  run_sql(store.path(), "UPDATE notable SET operation = 99 WHERE seq = 7");
  for (std::uint64_t seq = 1; seq <= 7; ++seq) {
    const auto block = backend->get(seq, {});
    ASSERT_EQ(code_of(block), base::Code::Corrupt) << seq;
    EXPECT_NE(block.error().what.find("block " + std::to_string(seq)), std::string::npos) << block.error().what;
    expect_four_parts(block.error());
  }
  run_sql(store.path(), "UPDATE blocks SET party = 99 WHERE seq = 8");
  EXPECT_EQ(code_of(backend->get(8, {})), base::Code::Corrupt);
  EXPECT_TRUE(backend->get(9, {}));
}

TEST(SqliteFile, a_second_writer_is_told_who_the_first_is) {
  SqliteStore store;
  auto first = store.open();
  const auto second = open_for_writing(store.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::Code::Unavailable);
  expect_four_parts(second.error());
  char host[256] = {};
  ASSERT_EQ(::gethostname(host, sizeof host - 1), 0);
  EXPECT_NE(second.error().what.find("process " + std::to_string(::getpid()) + " on " + host), std::string::npos)
      << second.error().what;
  EXPECT_TRUE(open_for_reading(store.path()));  // readers always may
  first.reset();
  EXPECT_TRUE(open_for_writing(store.path()));
}

TEST(SqliteFile, what_somebody_wrote_into_the_lock_is_made_fit_for_a_terminal) {
  SqliteStore store;
  auto first = store.open();
  std::fstream(store.path() + ".lock", std::ios::in | std::ios::out) << "\x1b[31mred\n\n";
  const auto second = open_for_writing(store.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().what.find('\x1b'), std::string::npos);
}

TEST(SqliteFile, reading_only_changes_nothing) {
  SqliteStore store;
  CommitMaker maker = fill(store.path(), 3);
  const auto reader = open_for_reading(store.path());
  ASSERT_TRUE(reader) << to_text(reader.error());
  maker.add();
  const auto refused = (*reader)->append(maker.take(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::PermissionDenied);
  expect_four_parts(refused.error());
  EXPECT_EQ(code_of((*reader)->remove_above(0, {}, {})), base::Code::PermissionDenied);
  EXPECT_EQ(code_of((*reader)->fence({"r1", 1, 0, 1}, {})), base::Code::PermissionDenied);
  EXPECT_EQ(code_of((*reader)->compact({})), base::Code::PermissionDenied);
  EXPECT_EQ((*reader)->load({})->head, 3u);
}

TEST(SqliteFile, a_reader_of_another_process_sees_what_is_appended) {
  SqliteStore store;
  auto writer = store.open();
  CommitMaker maker;
  const auto reader = open_for_reading(store.path());
  ASSERT_TRUE(reader) << to_text(reader.error());
  for (int i = 1; i <= 3; ++i) {
    maker.add([&](StoredBlock& b) { b.header.party.party = "party " + std::to_string(i); });
    ASSERT_TRUE(writer->append(maker.take(), {}));
    EXPECT_EQ((*reader)->load({})->parties.size(), static_cast<std::size_t>(i));
    EXPECT_EQ((*reader)->read({}, {})->blocks, maker.all());
  }
}

TEST(SqliteFile, an_empty_file_is_filled_by_a_writer_and_refused_to_a_reader) {
  const Scratch scratch;
  write_file(scratch.path("x.db"), "");
  const auto reader = open_for_reading(scratch.path("x.db"));
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, base::Code::InvalidArgument) << to_text(reader.error());
  EXPECT_TRUE(open_for_writing(scratch.path("x.db")));
}

TEST(SqliteFile, on_a_full_disk_nothing_committed_is_lost_and_it_goes_on_when_there_is_room) {
  const Scratch scratch;
  const SmallDisk disk(scratch.path("disk"), "size=2m");
  if (!disk.is_mounted()) GTEST_SKIP() << "mounting a tmpfs needs root";
  write_file(disk.path("ballast"), std::string(1 << 20, 'x'));
  auto backend = open_for_writing(disk.path("x.db"));
  ASSERT_TRUE(backend) << to_text(backend.error());
  CommitMaker maker;
  base::Result<void> done;
  std::uint64_t committed = 0;
  Commit last;
  for (int i = 0; done && i < 1000; ++i) {
    maker.add([&](StoredBlock& b) { b.payload = sample_payload(maker.head(), 4096); });
    last = maker.take();
    done = (*backend)->append(last, {});
    if (done) committed = maker.head();
  }
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, base::Code::ResourceExhausted) << to_text(done.error());
  expect_four_parts(done.error());
  EXPECT_EQ((*backend)->load({})->head, committed);
  std::filesystem::remove(disk.path("ballast"));
  const auto again = (*backend)->append(last, {});
  ASSERT_TRUE(again) << to_text(again.error());
  backend->reset();
  backend = open_for_writing(disk.path("x.db"));
  ASSERT_TRUE(backend) << to_text(backend.error());
  EXPECT_EQ((*backend)->read({.blocks_max = 10'000}, {})->blocks, maker.all());
}

TEST(SqliteFile, on_a_read_only_file_system_it_can_be_read_and_writing_says_why_not) {
  const Scratch scratch;
  const SmallDisk disk(scratch.path("disk"), "size=8m");
  if (!disk.is_mounted()) GTEST_SKIP() << "mounting a tmpfs needs root";
  const CommitMaker maker = fill(disk.path("x.db"), 3);
  ASSERT_TRUE(disk.make_read_only());
  const auto refused = open_for_writing(disk.path("x.db"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::PermissionDenied) << to_text(refused.error());
  expect_four_parts(refused.error());
  const auto reader = open_for_reading(disk.path("x.db"));
  ASSERT_TRUE(reader) << to_text(reader.error());
  EXPECT_EQ((*reader)->read({}, {})->blocks, maker.all());
}

TEST(SqliteFile, a_user_who_may_not_is_told_so) {
  const Scratch scratch;
  fill(scratch.path("x.db"), 1);
  std::filesystem::permissions(scratch.folder(), std::filesystem::perms::others_exec);
  std::filesystem::permissions(scratch.path("x.db"), std::filesystem::perms::owner_read);
  // Permissions mean nothing to root, so another user asks, if there may be one.
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(0);
    const auto writer = open_for_writing(scratch.path("x.db")), reader = open_for_reading(scratch.path("x.db"));
    const auto is_right = [](const Opened& opened) {
      return !opened && opened.error().code == base::Code::PermissionDenied && !opened.error().try_next.empty();
    };
    ::_exit(is_right(writer) && is_right(reader) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  std::filesystem::permissions(scratch.folder(), std::filesystem::perms::owner_all);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace sluice::journal
