#include <cerrno>
#include <cstdlib>
#include <memory>

#include <fcntl.h>
#include <liburing.h>
#include <sys/stat.h>
#include <unistd.h>

#include "measure.hpp"

namespace limits {

namespace {

/// The clock is looked at once in so many operations.
constexpr std::uint64_t kClockEvery = 256;

struct File {
  int descriptor = -1;
  std::uint64_t blocks = 0, block_bytes = 0;
};

File open_file(const Options& options) {
  File file;
  const int direct = options.number("direct", 0) != 0 ? O_DIRECT : 0;
  // Without access times, as sluice and fio read too; for the owner of the file only.
  file.descriptor = open(options.text("file").c_str(), O_RDONLY | O_CLOEXEC | O_NOATIME | direct);
  check(file.descriptor >= 0, "cannot open the file");
  struct stat facts{};
  check(fstat(file.descriptor, &facts) == 0, "cannot stat the file");
  file.block_bytes = options.number("block", 4096);
  file.blocks = static_cast<std::uint64_t>(facts.st_size) / file.block_bytes;
  check(file.blocks > 0, "the file holds no block");
  return file;
}

using Memory = std::unique_ptr<char, decltype(&std::free)>;
Memory aligned_memory(std::uint64_t bytes) { return {static_cast<char*>(std::aligned_alloc(4096, bytes)), &std::free}; }

}  // namespace

void run_pread(const Options& options) {
  const File file = open_file(options);
  const Memory memory = aligned_memory(file.block_bytes);
  Random random(1);
  const Meter meter;
  const std::int64_t end = now_ns() + static_cast<std::int64_t>(options.number("seconds", 3)) * 1'000'000'000;
  std::uint64_t done = 0;
  while (now_ns() < end) {
    for (std::uint64_t i = 0; i < kClockEvery; ++i) {
      const auto offset = static_cast<off_t>(random.below(file.blocks) * file.block_bytes);
      const ssize_t got = pread(file.descriptor, memory.get(), file.block_bytes, offset);
      check(got == static_cast<ssize_t>(file.block_bytes), "pread");
    }
    done += kClockEvery;
  }
  meter.report(done);
}

void run_ring(const Options& options) {
  const File file = open_file(options);
  const auto depth = static_cast<unsigned>(options.number("depth"));
  const auto lot = static_cast<unsigned>(options.number("lot", depth));
  const Memory memory = aligned_memory(depth * file.block_bytes);

  io_uring ring{};
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  errno = -io_uring_queue_init_params(depth, &ring, &params);
  check(errno == 0, "io_uring_setup");
  const iovec whole{memory.get(), depth * file.block_bytes};
  check(io_uring_register_buffers(&ring, &whole, 1) == 0, "cannot register the buffers");
  check(io_uring_register_files(&ring, &file.descriptor, 1) == 0, "cannot register the file");
  io_uring_register_ring_fd(&ring);

  Random random(1);
  const auto start = [&](std::uint64_t slot) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    io_uring_prep_read_fixed(sqe, 0, memory.get() + slot * file.block_bytes, static_cast<unsigned>(file.block_bytes),
                             random.below(file.blocks) * file.block_bytes, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data64(sqe, slot);
  };
  const Meter meter;
  const std::int64_t end = now_ns() + static_cast<std::int64_t>(options.number("seconds", 3)) * 1'000'000'000;
  for (unsigned slot = 0; slot < depth; ++slot) start(slot);
  std::uint64_t done = 0;
  for (std::uint64_t look = kClockEvery;;) {
    check(io_uring_submit_and_wait(&ring, 1) >= 0, "io_uring_enter");
    unsigned head = 0;
    unsigned seen = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring, head, cqe) {
      errno = -cqe->res;
      check(cqe->res == static_cast<int>(file.block_bytes), "read");
      start(cqe->user_data);
      if (++seen % lot == 0) check(io_uring_submit(&ring) >= 0, "io_uring_enter");
    }
    io_uring_cq_advance(&ring, seen);
    done += seen;
    if (done < look) continue;
    if (now_ns() >= end) break;
    look = done + kClockEvery;
  }
  meter.report(done);
  io_uring_queue_exit(&ring);
}

}  // namespace limits
