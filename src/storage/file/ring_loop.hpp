#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "storage/file/descriptor.hpp"
#include "storage/store.hpp"

struct io_uring;
struct io_uring_sqe;

namespace sluice::storage {

struct RingRequest;

/// Hears what became of what it asked of a ring; a ring store.
class RingClient {
 public:
  /// Something asked with entry_for() was answered: `result` is the kernel's, an errno where negative. Loop's thread.
  virtual void on_slot(OpSlot& slot, int result) = 0;
  virtual void on_request(RingRequest& request, int result) = 0;

 protected:
  ~RingClient() = default;
};

/// Something asked of the ring that is no operation of a slot: opening a file, say. Lives until it is answered.
struct RingRequest {
  RingClient* client = nullptr;
};

/// An io_uring as a worker's loop: single issuer, deferred task-run, registered files and memory where the kernel has
/// them. It is made stopped and started by the first thread that turns it or registers with it; from then on it is that
/// thread's own. One io_uring_enter a turn submits, waits and collects. wake() writes to an eventfd whose read is armed
/// in the ring. Destroying it with requests in flight is allowed: the kernel cancels them.
class RingLoop final : public Loop {
 public:
  /// A ring for `slots` operations in flight. Errors: Unsupported where the kernel or a policy refuses io_uring (or it
  /// is older than 5.19); ResourceExhausted for memory and descriptors.
  static base::Result<std::unique_ptr<Loop>> create(std::uint32_t slots);
  ~RingLoop() override;

  void turn(base::Instant until) override;
  void flush() override;
  void give_up(OpSlot& slot) override;
  void wake() noexcept override;

  // ---- for ring stores

  /// One io_uring_enter: like turn(), but it may also end because a request (not a slot) was answered.
  void enter(base::Instant until);

  /// An empty entry of the submission queue whose answer goes to slot.scratch[0] (a RingClient*), to the request's
  /// client, or to nobody. Null where the kernel takes no more for now.
  io_uring_sqe* entry_for(OpSlot& slot);
  io_uring_sqe* entry_for(RingRequest& request);
  io_uring_sqe* entry_for_nobody();

  /// An operation has ended; sets its error.
  void complete(OpSlot& slot, int error) {
    slot.error = error;
    ++completions_;
    completed().push(slot);
  }
  /// A client is gone while it had something in flight: nothing is answered any more.
  void disown() { disowned_ = true; }

  /// A range of places for registered files: first place and how many, `wanted` or fewer.
  struct FileRange {
    std::uint32_t first = 0, count = 0;
  };
  /// Reserves places; count is 0 where none is left.
  FileRange claim_files(std::uint32_t wanted);
  /// Closes what is in the range and gives it back.
  void release_files(FileRange range);

  /// Registers memory once, in pieces of 1 GiB; further calls with the same memory return the same. Returns the number
  /// of the first piece, or -1 where it cannot be registered (RLIMIT_MEMLOCK): then plain reads and writes serve.
  static constexpr std::uint64_t kMemoryPieceBytes = std::uint64_t{1} << 30;
  int register_memory(std::span<std::byte> memory);

 private:
  RingLoop();

  void begin();
  void arm_wake();
  io_uring_sqe* entry(std::uint64_t user_data);
  void collect();

  struct Memory {
    std::span<std::byte> memory;
    int first_piece = -1;
  };

  const std::unique_ptr<io_uring> ring_;
  bool initialised_ = false, stopped_ = false;  ///< stopped: to be enabled by its thread
  bool begun_ = false;
  Descriptor wake_;
  std::uint64_t wake_count_ = 0;
  bool wake_armed_ = false, woken_ = false, disowned_ = false;
  std::uint64_t completions_ = 0;
  std::vector<bool> files_taken_;
  std::vector<Memory> memories_;
  int memory_pieces_ = 0;
};

/// Null where io_uring can be used here, else why not, in a few words.
std::string why_no_ring();

}  // namespace sluice::storage
