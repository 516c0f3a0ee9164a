#include "storage/file/ring_store.hpp"

#include <array>
#include <cstddef>
#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "storage/file/file_backend.hpp"
#include "storage/file/store_target.hpp"
#include "storage/file/tests/system_fixtures.hpp"
#include "storage/tests/store_bench.hpp"

namespace sluice::storage {

namespace {

using contract::Bench;
using contract::ListedNames;
using model::OpKind;

std::vector<std::string> numbered(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back("f" + std::to_string(i));
  return names;
}

/// Starts `slot` and counts it as done where it is done at once.
void start(Bench& worker, OpSlot& slot, std::uint64_t& done) {
  if (worker.store().start(slot)) ++done;
}

/// Waits until `count` operations have ended; `check` sees each.
template <class Check>
void await(Bench& worker, std::uint64_t& done, std::uint64_t count, Check check) {
  const base::Instant deadline = base::now() + base::Nanos{60'000'000'000};
  while (done < count && base::now() < deadline) {
    worker.loop()->turn(deadline);
    while (OpSlot* slot = worker.loop()->completed().pop()) {
      ++done;
      check(*slot);
    }
  }
  ASSERT_EQ(done, count);
}

TEST(RingStore, reads_and_writes_the_same_bytes_as_the_sync_store) {
  const TemporaryDirectory directory;
  auto backend = std::move(*open_file_backend("file://" + directory.path()));
  const ListedNames names({"by_ring", "by_sync"});
  constexpr std::uint64_t kFileBytes = 1 << 20;
  Bench sync(*backend, WorkerKind::Sync, 1, 65536, {.writes_blocks = true});
  Bench ring(*backend, WorkerKind::Ring, 4, 65536, {.writes_blocks = true});
  for (std::uint64_t i = 0; i < 2; ++i) ASSERT_EQ(sync.run(OpKind::Put, names, i, kFileBytes, 1), 0);
  base::Random random(2);
  for (std::uint64_t step = 0; step < 300; ++step) {
    // Larger than a buffer too, so that blocks pass in pieces.
    const std::uint64_t bytes = 1 + random.below(200'000);
    const std::uint64_t offset = random.below(kFileBytes - bytes);
    ASSERT_EQ(sync.run(OpKind::Write, names, 1, bytes, 50 + step, offset), 0);
    ASSERT_EQ(ring.run(OpKind::Write, names, 0, bytes, 50 + step, offset), 0);
    ASSERT_EQ(ring.slot().bytes, bytes);
  }
  const std::string by_ring = backend->read_small("by_ring").value();
  ASSERT_EQ(by_ring.size(), kFileBytes);
  EXPECT_EQ(by_ring, backend->read_small("by_sync").value());
  for (int step = 0; step < 300; ++step) {
    const std::uint64_t bytes = 1 + random.below(65536);
    const std::uint64_t offset = random.below(kFileBytes - bytes);
    ASSERT_EQ(ring.run(OpKind::Read, names, 1, bytes, 0, offset), 0);
    ASSERT_EQ(ring.content(bytes), by_ring.substr(offset, bytes));
  }
}

TEST(RingStore, opens_a_file_once_for_all_that_wait_for_it) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "there") << contract::pattern(1, 65536);
  auto backend = std::move(*open_file_backend("file://" + directory.path()));
  const ListedNames names({"there", "missing"});
  Bench worker(*backend, WorkerKind::Ring, 16, 4096);
  std::uint64_t done = 0;
  for (std::uint64_t i = 0; i < 16; ++i) {
    OpSlot& slot = worker.slot(i);
    slot.kind = OpKind::Read;
    slot.names = &names;
    slot.index = i % 2;
    slot.offset = i * 4096;
    slot.bytes_wanted = 4096;
    start(worker, slot, done);
  }
  await(worker, done, 16, [](const OpSlot& slot) { EXPECT_EQ(slot.error, slot.index == 0 ? 0 : ENOENT); });
  std::ofstream(directory / "missing") << std::string(4096, 'x');
  EXPECT_EQ(worker.run(OpKind::Read, names, 1, 4096), 0) << "a failure is not remembered";
}

TEST(RingStore, works_through_more_files_than_it_keeps_open) {
  const TemporaryDirectory directory(kMemoryDirectory);
  auto backend = std::move(*open_file_backend("file://" + directory.path()));
  const ListedNames names(numbered(kOpenFilesMax + 300));
  Bench sync(*backend, WorkerKind::Sync, 1, 4096);
  for (std::uint64_t i = 0; i < names.count(); ++i) ASSERT_EQ(sync.run(OpKind::Put, names, i, 4096, i), 0);
  Bench worker(*backend, WorkerKind::Ring, 8, 4096, {.writes_blocks = true});
  for (int round = 0; round < 2; ++round) {
    for (std::uint64_t i = 0; i < names.count(); ++i) {
      ASSERT_EQ(worker.run(OpKind::Read, names, i, 4096), 0);
      ASSERT_EQ(worker.content(16), contract::pattern(i + static_cast<std::uint64_t>(round) * 7, 16)) << i;
      ASSERT_EQ(worker.run(OpKind::Write, names, i, 4096, i + 7), 0);
    }
  }
  EXPECT_TRUE(worker.store().sync_all());
}

TEST(RingStore, takes_more_operations_than_the_submission_queue_holds) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "file") << contract::pattern(1, 1 << 20);
  auto backend = std::move(*open_file_backend("file://" + directory.path()));
  const ListedNames names({"file"});
  constexpr std::uint32_t kSlots = 10'000;
  Bench worker(*backend, WorkerKind::Ring, kSlots, 4096);
  std::uint64_t done = 0;
  for (std::uint32_t i = 0; i < kSlots; ++i) {
    OpSlot& slot = worker.slot(i);
    slot.kind = OpKind::Read;
    slot.names = &names;
    slot.offset = i % 256 * 4096ULL;
    slot.bytes_wanted = 4096;
    start(worker, slot, done);
  }
  await(worker, done, kSlots, [](const OpSlot& slot) {
    ASSERT_EQ(slot.error, 0);
    ASSERT_EQ(slot.buffer[0], contract::pattern_byte(1, slot.offset));
  });
}

TEST(RingStore, does_without_registered_memory) {
  const TemporaryDirectory directory;
  auto backend = std::move(*open_file_backend("file://" + directory.path()));
  const ListedNames names({"file"});
  std::ofstream(directory / "file") << contract::pattern(1, 65536);
  auto loop = std::move(*backend->make_loop(WorkerKind::Ring, 1));
  auto store = std::move(*backend->open_store(WorkerKind::Ring, loop.get(), {.writes_blocks = true}));
  alignas(4096) std::array<std::byte, 4096> memory{};
  contract::PatternSource payload;
  OpSlot slot;
  slot.names = &names;
  slot.buffer = memory;
  slot.payload = &payload;
  slot.bytes_wanted = 4096;
  for (const OpKind kind : {OpKind::Write, OpKind::Read}) {
    slot.kind = kind;
    ASSERT_FALSE(store->start(slot));
    while (loop->completed().pop() == nullptr) loop->turn(base::Instant::never());
    EXPECT_EQ(slot.error, 0);
  }
  EXPECT_EQ(memory[9], contract::pattern_byte(0, 9));
}

TEST(RingStore, of_two_targets_share_one_loop) {
  const TemporaryDirectory first;
  const TemporaryDirectory second(kMemoryDirectory);
  auto one = std::move(*open_file_backend("file://" + first.path()));
  auto two = std::move(*open_file_backend("direct://" + second.path()));
  std::ofstream(first / "x") << std::string(4096, '1');
  std::ofstream(second / "x") << std::string(4096, '2');
  const ListedNames names({"x"});
  Bench worker(*one, WorkerKind::Ring, 1, 4096);
  auto other = two->open_store(WorkerKind::Ring, worker.loop(), {});
  ASSERT_TRUE(other) << base::to_text(other.error());
  EXPECT_EQ(worker.run(OpKind::Read, names, 0, 4096), 0);
  EXPECT_EQ(worker.content(1), "1");
  ASSERT_FALSE((*other)->start(worker.slot()));
  while (worker.loop()->completed().empty()) worker.loop()->turn(base::Instant::never());
  EXPECT_EQ(worker.slot().error, 0);
  EXPECT_EQ(worker.content(1), "2");
}

TEST(RingStore, may_be_left_with_operations_in_flight) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "file") << std::string(1 << 20, 'x');
  auto backend = std::move(*open_file_backend("direct://" + directory.path()));
  const ListedNames names({"file", "other"});
  for (int round = 0; round < 20; ++round) {
    Bench worker(*backend, WorkerKind::Ring, 32, 4096);
    std::uint64_t done = 0;
    for (std::uint64_t i = 0; i < 32; ++i) {
      OpSlot& slot = worker.slot(i);
      slot.kind = OpKind::Read;
      slot.names = &names;
      slot.index = i % 2;
      slot.bytes_wanted = 4096;
      start(worker, slot, done);
    }
    if (round % 2 == 0) worker.loop()->turn(base::Instant{});
  }
}

TEST(RingStore, gives_a_slot_back_when_nobody_waits_for_its_read_any_more) {
  const TemporaryDirectory directory;
  auto backend = std::move(*open_file_backend("file://" + directory.path()));
  ASSERT_EQ(mkfifo((directory.path() + "/fifo").c_str(), 0600), 0);
  // Its other end is open and says nothing, as a server might.
  const Descriptor other_end(open((directory.path() + "/fifo").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(other_end);
  const ListedNames names({"fifo"});
  Bench ring(*backend, WorkerKind::Ring, 1, 4096);
  OpSlot& slot = ring.slot();
  slot.kind = OpKind::Read;
  slot.names = &names;
  slot.bytes_wanted = 4096;
  std::uint64_t done = 0;
  start(ring, slot, done);
  for (int turn = 0; turn < 10; ++turn) ring.loop()->turn(base::now() + base::Nanos{10'000'000});
  ASSERT_EQ(done, 0U);
  ASSERT_TRUE(ring.loop()->completed().empty()) << "it waits";
  ring.loop()->give_up(slot);
  await(ring, done, 1, [](const OpSlot& ended) { EXPECT_EQ(ended.error, ECANCELED); });
}

TEST(RingLoop, does_not_wait_for_an_instant_that_is_past) {
  const TemporaryDirectory directory;
  auto backend = std::move(*open_file_backend("file://" + directory.path()));
  auto loop = std::move(*backend->make_loop(WorkerKind::Ring, 4));
  for (int i = 0; i < 1000; ++i) loop->turn(base::now() - base::Nanos{1});
  EXPECT_TRUE(loop->completed().empty());
}

TEST(WorkerChoice, is_the_sync_worker_for_whole_files_and_for_one_in_flight) {
  const TemporaryDirectory directory;
  auto backend = std::move(*open_file_backend("direct://" + directory.path()));
  EXPECT_EQ(backend->choose_worker({.in_flight = 64}).kind, WorkerKind::Sync);
  EXPECT_EQ(backend->choose_worker({.blocks_only = true, .reads_blocks = true, .in_flight = 1}).kind, WorkerKind::Sync);
}

TEST(WorkerChoice, is_probed_for_blocks_with_figures_and_leaves_nothing_behind) {
  const TemporaryDirectory directory;
  auto backend = std::move(*open_file_backend("direct://" + directory.path()));
  const WorkerChoice choice =
      backend->choose_worker({.blocks_only = true, .reads_blocks = true, .writes_blocks = true, .in_flight = 32});
  // Which one it is depends on what was measured: usually the ring, by far, and on a busy machine not always.
  EXPECT_NE(choice.why.find("us of CPU"), std::string::npos) << choice.why;
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

/// From now on this process gets EPERM for io_uring_setup, as in many containers.
bool forbid_rings() {
  std::array<sock_filter, 4> program = {
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST(WorkerChoice, is_the_sync_worker_where_io_uring_is_refused_and_says_so) {
  const TemporaryDirectory directory;
  const int line = in_child([&] {
    if (!forbid_rings()) return 1;
    auto backend = std::move(*open_file_backend("direct://" + directory.path()));
    const WorkerChoice choice = backend->choose_worker({.blocks_only = true, .reads_blocks = true, .in_flight = 32});
    if (choice.kind != WorkerKind::Sync) return 2;
    if (choice.why.find("io_uring is refused (EPERM)") == std::string::npos) return 3;
    const auto loop = backend->make_loop(WorkerKind::Ring, 32);
    return !loop && loop.error().code == base::Code::Unsupported ? 0 : 4;
  });
  EXPECT_EQ(line, 0) << "check number of the child";
}

TEST(WorkerChoice, never_writes_to_a_sample_of_the_user) {
  const TemporaryDirectory directory;
  const std::string content = contract::pattern(3, 1 << 20);
  std::ofstream(directory / "precious") << content;
  auto inside = std::move(*open_file_backend("file://" + directory.path()));
  auto itself = std::move(*open_file_backend("direct://" + directory / "precious"));
  const Mix mix{
      .blocks_only = true, .reads_blocks = true, .writes_blocks = true, .in_flight = 16, .sample = "precious"};
  inside->choose_worker(mix);
  itself->choose_worker(mix);
  EXPECT_EQ(inside->read_small("precious").value(), content);
}

}  // namespace

}  // namespace sluice::storage
