#include "storage/file/ring_loop.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <fstream>

#include <liburing.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "async/loop_thread.hpp"
#include "base/assert.hpp"

namespace sluice::storage {

namespace {

constexpr std::uint32_t kSpareEntries = 64;       // for opening files, advice and waking
constexpr std::uint32_t kSubmissionsMax = 4096;   // more are submitted in several calls
constexpr std::uint32_t kCompletionsMax = 65536;  // the kernel's own limit
constexpr std::uint32_t kRegisteredFilesMax = 8192;
constexpr unsigned kMemoryPiecesMax = 256;

// What a completion is for, in the low bits of its user data: the rest is a pointer.
constexpr std::uint64_t kForSlot = 0, kForRequest = 1, kForNobody = 2, kForWake = 3, kTagMask = 3;

constexpr std::array<unsigned, 3> kFlagsByPreference = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED,  // Linux 6.1
    IORING_SETUP_COOP_TASKRUN,                                                          // 5.19
    0,
};

base::Error refused(int error) {
  base::Error told = base::from_errno(error, "io_uring cannot be used here", "io_uring_setup");
  if (error != ENOMEM && error != EMFILE && error != ENFILE) told.code = base::Code::Unsupported;
  told.add_likely("a container's seccomp policy or the sysctl kernel.io_uring_disabled forbids it");
  return std::move(told).add_try("nothing has to be done: threads with plain system calls serve instead");
}

/// Tries the flags in the order of preference; returns 0 or an errno.
int set_up(io_uring& ring, std::uint32_t slots, bool& stopped) {
  const std::uint32_t entries = std::min(slots + kSpareEntries, kSubmissionsMax);
  int error = EINVAL;
  for (const unsigned flags : kFlagsByPreference) {
    io_uring_params params{};
    params.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    params.cq_entries = std::min(2 * std::bit_ceil(slots + kSpareEntries), kCompletionsMax);
    error = -io_uring_queue_init_params(entries, &ring, &params);
    stopped = (flags & IORING_SETUP_R_DISABLED) != 0;
    if (error != EINVAL) break;
  }
  return error;
}

/// liburing 2.3 declares io_uring_enable_rings() but Debian's library does not export it.
int enable(const io_uring& ring) {
  return static_cast<int>(syscall(SYS_io_uring_register, ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0));
}

std::uint32_t registered_files(std::uint32_t slots) {
  rlimit limit{};
  const bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0;
  const auto wanted = std::max(slots, kRegisteredFilesMax);
  return known && limit.rlim_cur < wanted ? static_cast<std::uint32_t>(limit.rlim_cur) : wanted;
}

}  // namespace

RingLoop::RingLoop() : ring_(std::make_unique<io_uring>()) {}

RingLoop::~RingLoop() {
  if (initialised_) io_uring_queue_exit(ring_.get());
}

base::Result<std::unique_ptr<Loop>> RingLoop::create(std::uint32_t slots) {
  std::unique_ptr<RingLoop> loop(new RingLoop);
  loop->wake_.reset(eventfd(0, EFD_CLOEXEC));
  if (!loop->wake_) return base::fail(base::from_errno(errno, "cannot make a loop for files", "eventfd"));
  if (const int error = set_up(*loop->ring_, slots, loop->stopped_); error != 0) return base::fail(refused(error));
  loop->initialised_ = true;
  const std::uint32_t files = registered_files(slots);
  if (const int result = io_uring_register_files_sparse(loop->ring_.get(), files); result != 0) {
    return base::fail(refused(-result));
  }
  loop->files_taken_.resize(files);
  if (io_uring_register_buffers_sparse(loop->ring_.get(), kMemoryPiecesMax) != 0)
    loop->memory_pieces_ = kMemoryPiecesMax;
  return std::unique_ptr<Loop>(std::move(loop));
}

void RingLoop::begin() {
  if (begun_) [[likely]]
    return;
  begun_ = true;
  if (stopped_) {
    const int enabled = enable(*ring_);
    SLUICE_ASSERT(enabled == 0);
  }
  io_uring_register_ring_fd(ring_.get());  // saves a look-up per turn; does without on old kernels
}

void RingLoop::arm_wake() {
  io_uring_sqe* sqe = entry(kForWake);
  if (sqe == nullptr) return;  // the next turn does
  io_uring_prep_read(sqe, wake_.get(), &wake_count_, sizeof wake_count_, 0);
  io_uring_sqe_set_data64(sqe, kForWake);
  wake_armed_ = true;
}

void RingLoop::wake() noexcept {
  const std::uint64_t one = 1;
  // Fails only when 2^64 wake-ups are pending; then it is awake.
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
}

void RingLoop::flush() {
  begin();
  io_uring_submit(ring_.get());  // what the kernel was too busy to take, the next turn offers again
}

void RingLoop::give_up(OpSlot& slot) {
  // Where there is no entry, or it is past cancelling (on its way in a device, say), it ends when it ends.
  io_uring_sqe* sqe = entry_for_nobody();
  if (sqe == nullptr) return;
  io_uring_prep_cancel64(sqe, reinterpret_cast<std::uint64_t>(&slot) | kForSlot, 0);
  sqe->user_data = kForNobody;
}

void RingLoop::turn(base::Instant until) {
  const std::uint64_t before = completions_;
  woken_ = false;
  do {
    enter(until);
  } while (completions_ == before && !woken_ && base::now() < until);
}

void RingLoop::enter(base::Instant until) {
  async::LoopThread::end_turn();  // of the wait before, which had nothing for the worker
  begin();
  if (!wake_armed_) [[unlikely]]
    arm_wake();
  int result = 0;
  if (until == base::Instant::never()) {
    result = io_uring_submit_and_wait(ring_.get(), 1);
  } else if (const base::Nanos left = until.ns == 0 ? base::Nanos{0} : until - base::now(); left.count() > 0) {
    __kernel_timespec timeout{.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
    io_uring_cqe* first = nullptr;
    result = io_uring_submit_and_wait_timeout(ring_.get(), &first, 1, &timeout, nullptr);
  } else {
    result = io_uring_submit_and_get_events(ring_.get());
  }
  // Otherwise the result is of no interest: whether there is something to collect is seen in the queue, an interrupted
  // wait is taken up by the next turn, and so is what the kernel was too busy to take.
  SLUICE_ASSERT(result != -EEXIST && result != -EBADF);  // another thread's loop
  async::LoopThread::begin_turn();
  collect();
}

void RingLoop::collect() {
  unsigned head = 0;
  unsigned seen = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(ring_.get(), head, cqe) {
    ++seen;
    const std::uint64_t data = cqe->user_data;
    if ((data & kTagMask) == kForWake) {
      wake_armed_ = false;
      woken_ = true;
    } else if (disowned_ || (data & kTagMask) == kForNobody) {
      continue;
    } else if ((data & kTagMask) == kForSlot) {
      auto* slot = std::bit_cast<OpSlot*>(data);
      std::bit_cast<RingClient*>(slot->scratch[0])->on_slot(*slot, cqe->res);
    } else {
      auto* request = std::bit_cast<RingRequest*>(data & ~kTagMask);
      request->client->on_request(*request, cqe->res);
    }
  }
  io_uring_cq_advance(ring_.get(), seen);
}

io_uring_sqe* RingLoop::entry(std::uint64_t user_data) {
  io_uring_sqe* sqe = io_uring_get_sqe(ring_.get());
  if (sqe == nullptr) [[unlikely]] {
    begin();
    io_uring_submit(ring_.get());
    sqe = io_uring_get_sqe(ring_.get());
    if (sqe == nullptr) return nullptr;
  }
  // The io_uring_prep_... functions of liburing 2.3 leave it alone.
  sqe->user_data = user_data;
  return sqe;
}

io_uring_sqe* RingLoop::entry_for(OpSlot& slot) { return entry(reinterpret_cast<std::uint64_t>(&slot) | kForSlot); }
io_uring_sqe* RingLoop::entry_for(RingRequest& request) {
  return entry(reinterpret_cast<std::uint64_t>(&request) | kForRequest);
}
io_uring_sqe* RingLoop::entry_for_nobody() { return entry(kForNobody); }

RingLoop::FileRange RingLoop::claim_files(std::uint32_t wanted) {
  FileRange best;
  FileRange run;
  for (std::uint32_t place = 0; place < files_taken_.size() && best.count < wanted; ++place) {
    run = files_taken_[place] ? FileRange{place + 1, 0} : FileRange{run.first, run.count + 1};
    if (run.count > best.count) best = run;
  }
  std::fill_n(files_taken_.begin() + best.first, best.count, true);
  return best;
}

void RingLoop::release_files(FileRange range) {
  const std::vector<int> nothing(range.count, -1);
  begin();
  io_uring_register_files_update(ring_.get(), range.first, nothing.data(), range.count);
  std::fill_n(files_taken_.begin() + range.first, range.count, false);
}

int RingLoop::register_memory(std::span<std::byte> memory) {
  for (const Memory& known : memories_) {
    if (known.memory.data() == memory.data() && known.memory.size() == memory.size()) return known.first_piece;
  }
  memories_.push_back({.memory = memory});
  const auto pieces = static_cast<unsigned>((memory.size() + kMemoryPieceBytes - 1) / kMemoryPieceBytes);
  if (pieces == 0 || static_cast<unsigned>(memory_pieces_) + pieces > kMemoryPiecesMax) return -1;
  begin();
  std::vector<iovec> parts;
  for (std::uint64_t at = 0; at < memory.size(); at += kMemoryPieceBytes) {
    parts.push_back({memory.data() + at, std::min(kMemoryPieceBytes, memory.size() - at)});
  }
  const std::vector<__u64> no_tags(pieces, 0);
  const int taken = io_uring_register_buffers_update_tag(ring_.get(), static_cast<unsigned>(memory_pieces_),
                                                         parts.data(), no_tags.data(), pieces);
  if (taken != static_cast<int>(pieces)) return -1;
  memories_.back().first_piece = memory_pieces_;
  memory_pieces_ += static_cast<int>(pieces);
  return memories_.back().first_piece;
}

std::string why_no_ring() {
  io_uring ring{};
  bool stopped = false;
  const int error = set_up(ring, 1, stopped);
  if (error == 0) {
    const int files = io_uring_register_files_sparse(&ring, 1);
    io_uring_queue_exit(&ring);
    return files == 0 ? "" : "the kernel's io_uring is older than 5.19";
  }
  std::string why = "io_uring is refused (" + base::errno_name(error) + ")";
  int disabled = 0;
  std::ifstream setting("/proc/sys/kernel/io_uring_disabled");
  if (setting >> disabled && disabled != 0) why += ", kernel.io_uring_disabled is " + std::to_string(disabled);
  return why;
}

}  // namespace sluice::storage
