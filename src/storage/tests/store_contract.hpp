#pragma once

// The contract of storage::Store and storage::Backend as tests. One file of a backend's test binary includes this
// header and instantiates StoreContract with its subjects:
//   INSTANTIATE_TEST_SUITE_P(Null, StoreContract, testing::Values(subject...), subject_name);

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "storage/store.hpp"
#include "storage/tests/store_bench.hpp"

namespace sluice::storage::contract {

/// What is tested. A test that asks for more than the subject has returns at once.
struct Subject {
  std::string name;
  /// Opens the backend over a fresh base that exists and is empty; `keep` outlives the backend (a temporary directory).
  std::function<std::unique_ptr<Backend>(std::shared_ptr<void>& keep)> open;
  WorkerKind kind = WorkerKind::Sync;
  bool whole_objects = true;  ///< this kind of worker has more than read and write
  bool keeps_data = true;     ///< what is written can be read
  std::size_t buffer_bytes = 65'536;
  bool direct = false;
};
inline std::string subject_name(const testing::TestParamInfo<Subject>& info) { return info.param.name; }

class StoreContract : public testing::TestWithParam<Subject> {
 protected:
  void SetUp() override {
    backend_ = GetParam().open(keep_);
    ASSERT_NE(backend_, nullptr);
  }
  void TearDown() override { backend_.reset(); }

  bool whole() const { return GetParam().whole_objects; }
  bool keeps() const { return GetParam().keeps_data; }
  Bench bench(std::uint32_t slots = 1) {
    return Bench(*backend_, GetParam().kind, slots, GetParam().buffer_bytes,
                 {.direct = GetParam().direct, .writes_blocks = true});
  }
  /// Puts objects there by way of a sync worker, whatever kind is tested.
  void put(const model::Names& names, std::uint64_t bytes) {
    Bench sync(*backend_, WorkerKind::Sync, 1, 65'536);
    for (std::uint64_t i = 0; i < names.count(); ++i)
      ASSERT_EQ(sync.run(model::OpKind::Put, names, i, bytes, 100 + i), 0);
  }
  std::vector<std::string> list(ListFilter filter = {}) {
    std::vector<std::string> found;
    model::Progress progress;
    auto listed = backend_->list(filter,
                                 [&](std::span<const std::string_view> names) {
                                   found.insert(found.end(), names.begin(), names.end());
                                   return true;
                                 },
                                 progress, {});
    EXPECT_TRUE(listed) << base::to_text(listed.error());
    std::ranges::sort(found);
    return found;
  }

  std::shared_ptr<void> keep_;
  std::unique_ptr<Backend> backend_;
};

using model::OpKind;

TEST_P(StoreContract, inspect_finds_the_base) {
  const auto facts = backend_->inspect();
  ASSERT_TRUE(facts) << base::to_text(facts.error());
  EXPECT_TRUE(facts->exists);
  EXPECT_TRUE(facts->writable) << facts->not_writable;
  EXPECT_FALSE(facts->filesystem.empty());
  EXPECT_GT(facts->free_bytes, 0U);
}

TEST_P(StoreContract, a_choice_of_worker_says_why) {
  const WorkerChoice choice = backend_->choose_worker({.in_flight = 8});
  EXPECT_FALSE(choice.why.empty());
  EXPECT_EQ(choice.why.find('\n'), std::string::npos);
}

TEST_P(StoreContract, what_was_put_is_got) {
  if (!whole()) return;
  const ListedNames names({"a", "dir/b", "dir/deeper/still/c"});
  Bench worker = bench();
  // Nothing, one piece, a partial one, several, several and a partial one.
  for (const std::uint64_t bytes : {0UL, 1UL, 4096UL, 5000UL, 65536UL, 131072UL, 200001UL}) {
    for (std::uint64_t i = 0; i < names.count(); ++i) {
      ASSERT_EQ(worker.run(OpKind::Put, names, i, bytes, i + 7), 0) << bytes;
      EXPECT_EQ(worker.slot().bytes, bytes);
    }
    if (!keeps()) continue;
    for (std::uint64_t i = 0; i < names.count(); ++i) {
      ASSERT_EQ(worker.run(OpKind::Get, names, i, bytes), 0) << bytes;
      EXPECT_EQ(worker.slot().bytes, bytes);
      ASSERT_EQ(worker.run(OpKind::Get, names, i, model::Names::kSizeUnknown), 0) << bytes;
      EXPECT_EQ(worker.slot().bytes, bytes);
      if (bytes <= GetParam().buffer_bytes) EXPECT_EQ(worker.content(bytes), pattern(i + 7, bytes));
      std::string name(1024, '\0');
      name.resize(names.write_name(i, name));
      EXPECT_EQ(backend_->read_small(name).value_or("unreadable"), pattern(i + 7, bytes));
    }
  }
}

TEST_P(StoreContract, an_object_shorter_than_expected_is_an_error) {
  if (!whole() || !keeps()) return;
  const ListedNames names({"short"});
  Bench worker = bench();
  ASSERT_EQ(worker.run(OpKind::Put, names, 0, 1000), 0);
  EXPECT_EQ(worker.run(OpKind::Get, names, 0, 1001), ENODATA);
  EXPECT_EQ(worker.slot().bytes, 1000U);
}

TEST_P(StoreContract, what_is_not_there_is_said_to_be_missing) {
  if (!whole() || !keeps()) return;
  const ListedNames names({"missing", "missing/below", "new"});
  Bench worker = bench();
  worker.slot().to_names = &names;
  worker.slot().to_index = 2;
  for (const OpKind kind : {OpKind::Get, OpKind::Stat, OpKind::Delete, OpKind::Rmdir, OpKind::List, OpKind::Copy,
                            OpKind::Rename, OpKind::Read, OpKind::Write}) {
    EXPECT_EQ(worker.run(kind, names, 0, 4096), ENOENT) << model::name_of(kind);
    EXPECT_EQ(worker.run(kind, names, 1, 4096), ENOENT) << model::name_of(kind);
  }
}

TEST_P(StoreContract, a_tree_is_made_counted_and_removed) {
  if (!whole() || !keeps()) return;
  const ListedNames names({"dir/", "dir/a", "dir/b", "dir", "other"});
  Bench worker = bench();
  ASSERT_EQ(worker.run(OpKind::Mkdir, names, 0), 0);
  EXPECT_EQ(worker.run(OpKind::Mkdir, names, 0), EEXIST);
  ASSERT_EQ(worker.run(OpKind::Put, names, 1, 10), 0);
  ASSERT_EQ(worker.run(OpKind::Put, names, 2, 20), 0);
  ASSERT_EQ(worker.run(OpKind::List, names, 0), 0);
  EXPECT_EQ(worker.slot().scratch[0], 2U);
  ASSERT_EQ(worker.run(OpKind::Stat, names, 2), 0);
  EXPECT_EQ(worker.run(OpKind::Rmdir, names, 3), ENOTEMPTY);
  EXPECT_EQ(worker.run(OpKind::Delete, names, 1), 0);
  worker.slot().to_names = &names;
  worker.slot().to_index = 4;
  EXPECT_EQ(worker.run(OpKind::Rename, names, 2), 0);
  EXPECT_EQ(worker.run(OpKind::Rmdir, names, 3), 0);
  EXPECT_EQ(list(), std::vector<std::string>{"other"});
}

TEST_P(StoreContract, a_copy_has_the_bytes_of_its_source) {
  if (!whole() || !keeps()) return;
  const ListedNames names({"from", "into/a/new/directory"});
  Bench worker = bench();
  for (const std::uint64_t bytes : {0UL, 5000UL, 300'000UL}) {
    ASSERT_EQ(worker.run(OpKind::Put, names, 0, bytes, 3), 0);
    worker.slot().to_names = &names;
    worker.slot().to_index = 1;
    ASSERT_EQ(worker.run(OpKind::Copy, names, 0), 0);
    EXPECT_EQ(worker.slot().bytes, bytes);
    EXPECT_EQ(backend_->read_small("into/a/new/directory").value_or("unreadable"), pattern(3, bytes));
  }
  worker.slot().to_index = 0;
  EXPECT_EQ(worker.run(OpKind::Copy, names, 0), EINVAL) << "onto itself";
  EXPECT_EQ(backend_->stat("from").value_or(ObjectFacts{}).bytes, 300'000U);
}

TEST_P(StoreContract, blocks_land_where_they_were_meant_for) {
  const ListedNames names({"large"});
  if (keeps()) put(names, 1 << 20);
  Bench worker = bench();
  ASSERT_EQ(worker.run(OpKind::Write, names, 0, 8192, 55, 40960), 0);
  EXPECT_EQ(worker.slot().bytes, 8192U);
  ASSERT_EQ(worker.run(OpKind::Read, names, 0, 4096, 0, 45056), 0);
  EXPECT_EQ(worker.slot().bytes, 4096U);
  if (!keeps()) return;
  EXPECT_EQ(worker.content(4096), pattern(55, 4096, 45056));
  ASSERT_EQ(worker.run(OpKind::Read, names, 0, 16384, 0, 36864), 0);
  EXPECT_EQ(worker.content(4096), pattern(100, 4096, 36864));
  EXPECT_EQ(worker.content(16384).substr(12288), pattern(100, 4096, 49152));
  worker.slot().sync = true;
  EXPECT_EQ(worker.run(OpKind::Write, names, 0, 4096, 56, 0), 0);
  worker.slot().sync = false;
  EXPECT_TRUE(worker.store().sync_all());
}

TEST_P(StoreContract, a_block_behind_the_end_is_short) {
  if (!keeps()) return;
  const ListedNames names({"large"});
  put(names, 9000);
  Bench worker = bench();
  EXPECT_EQ(worker.run(OpKind::Read, names, 0, 4096, 0, 8192), ENODATA);
  EXPECT_EQ(worker.slot().bytes, 808U);
  EXPECT_EQ(worker.run(OpKind::Read, names, 0, 4096, 0, 16384), ENODATA);
  EXPECT_EQ(worker.slot().bytes, 0U);
}

TEST_P(StoreContract, the_last_block_of_an_odd_size_is_read_and_written) {
  if (!keeps()) return;
  const ListedNames names({"odd"});
  put(names, 9000);
  Bench worker = bench();
  ASSERT_EQ(worker.run(OpKind::Read, names, 0, 808, 0, 8192), 0);
  EXPECT_EQ(worker.content(808), pattern(100, 808, 8192));
  ASSERT_EQ(worker.run(OpKind::Write, names, 0, 4904, 77, 4096), 0);
  EXPECT_EQ(worker.slot().bytes, 4904U);
  EXPECT_EQ(backend_->read_small("odd").value_or(""), pattern(100, 4096) + pattern(77, 4904, 4096));
  ASSERT_EQ(worker.run(OpKind::Read, names, 0, 4904, 0, 4096), 0);
  EXPECT_EQ(worker.content(4904), pattern(77, 4904, 4096));
}

TEST_P(StoreContract, many_in_flight_each_get_their_own_block) {
  const ListedNames names({"one", "two", "three"});
  if (keeps()) put(names, 262'144);
  constexpr std::uint32_t kSlots = 32;
  Bench worker = bench(kSlots);
  base::Random random(11);
  std::uint64_t completed = 0;
  const auto begin = [&](OpSlot& slot) {
    slot.kind = OpKind::Read;
    slot.names = &names;
    slot.index = random.below(3);
    slot.offset = random.below(64) * 4096;
    slot.bytes_wanted = 4096;
    return worker.store().start(slot);
  };
  const auto check = [&](OpSlot& slot) {
    ++completed;
    ASSERT_EQ(slot.error, 0);
    ASSERT_EQ(slot.bytes, 4096U);
    if (!keeps()) return;
    const std::string read(reinterpret_cast<const char*>(slot.buffer.data()), 4096);
    ASSERT_EQ(read, pattern(100 + slot.index, 4096, slot.offset));
  };
  std::uint64_t started = 0;
  for (std::uint32_t i = 0; i < kSlots; ++i, ++started) {
    if (begin(worker.slot(i))) check(worker.slot(i));
  }
  const base::Instant deadline = base::now() + base::Nanos{60'000'000'000};
  while (completed < started && base::now() < deadline) {
    worker.loop()->turn(deadline);
    while (OpSlot* slot = worker.loop()->completed().pop()) {
      check(*slot);
      if (HasFatalFailure()) return;
      if (started < 2000) {
        ++started;
        if (begin(*slot)) check(*slot);
      }
    }
  }
  EXPECT_EQ(completed, started);
}

TEST_P(StoreContract, an_operation_the_worker_lacks_is_refused) {
  if (whole()) return;
  const ListedNames names({"x"});
  Bench worker = bench();
  for (const OpKind kind : {OpKind::Get, OpKind::Put, OpKind::List, OpKind::Stat, OpKind::Delete, OpKind::Mkdir,
                            OpKind::Rmdir, OpKind::Copy, OpKind::Rename}) {
    EXPECT_EQ(worker.run(kind, names), EOPNOTSUPP) << model::name_of(kind);
  }
}

TEST_P(StoreContract, a_loop_wakes_up_and_keeps_its_time) {
  Bench worker = bench(2);
  if (worker.loop() == nullptr) return;
  const base::Instant begin = base::now();
  worker.loop()->turn(begin + base::Nanos{20'000'000});
  EXPECT_GE(base::now() - begin, base::Nanos{19'000'000});
  worker.loop()->turn(base::Instant{});  // does not wait
  for (int i = 0; i < 100; ++i) {
    std::jthread other([&] { worker.loop()->wake(); });
    worker.loop()->turn(base::Instant::never());
  }
  worker.loop()->wake();  // before the wait: the next one ends
  worker.loop()->turn(base::Instant::never());
}

TEST_P(StoreContract, small_objects_are_replaced_whole) {
  if (!keeps()) return;
  EXPECT_EQ(code_of(backend_->read_small("sub/note")), base::Code::NotFound);
  ASSERT_TRUE(backend_->write_small("sub/note", "first"));
  ASSERT_TRUE(backend_->write_small("sub/note", "2nd"));
  EXPECT_EQ(backend_->read_small("sub/note").value_or(""), "2nd");
  EXPECT_EQ(list(), std::vector<std::string>{"sub/note"}) << "nothing else is left behind";
  EXPECT_EQ(backend_->stat("sub/note")->bytes, 3U);
  EXPECT_EQ(code_of(backend_->remove("sub/")), base::Code::InvalidArgument) << "not empty";
  EXPECT_TRUE(backend_->remove("sub/note"));
  EXPECT_TRUE(backend_->remove("sub/"));
  EXPECT_EQ(code_of(backend_->remove("sub/")), base::Code::NotFound);
}

TEST_P(StoreContract, a_listing_shows_what_was_asked_for_and_never_the_marker) {
  if (!keeps()) return;
  put(ListedNames({"a", "d1/b", "d1/d2/c", "d3/d"}), 1);
  ASSERT_TRUE(backend_->write_small(kMarkerName, "{}"));
  ASSERT_TRUE(backend_->write_small("d1/" + std::string(kMarkerName), "{}"));
  using Names = std::vector<std::string>;
  EXPECT_EQ(list(), (Names{"a", "d1/b", "d1/d2/c", "d3/d"}));
  EXPECT_EQ(list({.directories = true}), (Names{"a", "d1/", "d1/b", "d1/d2/", "d1/d2/c", "d3/", "d3/d"}));
  EXPECT_EQ(list({.prefix = "d1/"}), (Names{"d1/b", "d1/d2/c"}));
  EXPECT_EQ(list({.may_enter = [](std::string_view name) { return name != "d1/d2/"; }}), (Names{"a", "d1/b", "d3/d"}));
  EXPECT_EQ(list({.matches = [](std::string_view name) { return name.ends_with("c"); }}), (Names{"d1/d2/c"}));
}

TEST_P(StoreContract, a_listing_can_be_ended_and_cancelled) {
  if (!keeps()) return;
  std::vector<std::string> many;
  for (int i = 0; i < 3500; ++i) many.push_back("n" + std::to_string(i));
  put(ListedNames(many), 0);
  model::Progress progress;
  std::size_t largest = 0;
  std::uint64_t found = 0;
  auto count = [&](std::span<const std::string_view> names) {
    largest = std::max(largest, names.size());
    found += names.size();
    return true;
  };
  ASSERT_TRUE(backend_->list({}, count, progress, {}));
  EXPECT_EQ(found, 3500U);
  EXPECT_EQ(progress.done.load(), 3500U);
  EXPECT_LE(largest, 1000U);
  int calls = 0;
  ASSERT_TRUE(backend_->list({}, [&](auto) { return ++calls, false; }, progress, {}));
  EXPECT_EQ(calls, 1);
  async::CancelSource source;
  source.cancel();
  EXPECT_EQ(code_of(backend_->list({}, count, progress, source.token())), base::Code::Cancelled);
  const auto missing = backend_->list({.prefix = "no/such/"}, count, progress, {});
  EXPECT_EQ(code_of(missing), base::Code::NotFound);
}

TEST_P(StoreContract, making_directories_twice_is_no_error) {
  EXPECT_TRUE(backend_->make_directories(""));
  EXPECT_TRUE(backend_->make_directories("x/y/z"));
  EXPECT_TRUE(backend_->make_directories("x/y/z/"));
  if (keeps()) EXPECT_TRUE(backend_->stat("x/y/z")->is_directory);
}

}  // namespace sluice::storage::contract
