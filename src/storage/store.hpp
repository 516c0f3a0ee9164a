#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/cancel.hpp"
#include "base/error.hpp"
#include "base/time.hpp"
#include "model/progress.hpp"
#include "model/run_plan.hpp"
#include "storage/op_slot.hpp"

namespace sluice::storage {

/// How a worker waits for its operations.
enum class WorkerKind : std::uint8_t {
  Sync,    ///< it does not: start() returns with the operation completed
  Ring,    ///< on an io_uring
  Socket,  ///< on an event loop
};
/// "sync", "ring", "socket".
std::string_view name_of(WorkerKind kind);

/// What a ring or socket worker waits on; shared by all its stores. Used by the worker's thread only, but for wake().
class Loop {
 public:
  virtual ~Loop() = default;

  /// Submits what was started since the last turn; then waits until at least one operation has completed, wake() was
  /// called, or `until` has come. An instant in the past does not wait; it still collects what has completed. The
  /// caller's LoopThread is between two of its turns; what runs here after the wait has begun the next one.
  virtual void turn(base::Instant until) = 0;

  /// Submits what was started since the last turn, and neither waits nor collects: the device gets to work while more
  /// is being started. Loops whose stores submit by themselves have nothing to do.
  virtual void flush() {}

  /// Nobody waits for this operation any more: it may end early, with ECANCELED, where the kernel can still be stopped.
  /// Its slot stays lent until it is completed, in any case.
  virtual void give_up(OpSlot& slot) { static_cast<void>(slot); }

  /// Ends a wait, the next one if none is under way. Any thread; never blocks.
  virtual void wake() noexcept = 0;

  /// Operations that have completed and were not yet taken.
  SlotList& completed() { return completed_; }

 private:
  SlotList completed_;
};

/// One worker's way to one target: the hot path. Not thread-safe; made, used and destroyed on the worker's thread.
class Store {
 public:
  virtual ~Store() = default;

  /// Begins the operation. Returns true when it is completed already (error and bytes are set), false when it will
  /// appear in the loop's completed() list. Never throws; every failure is an errno in the slot. Allocates nothing in
  /// the steady state.
  virtual bool start(OpSlot& slot) = 0;

  /// Makes durable what was written to files it keeps open (fsync: end). May block; called when nothing is in flight.
  virtual base::Result<void> sync_all() { return {}; }
};

/// What a store needs to know when it is opened for a worker.
struct StoreOptions {
  std::uint32_t slots = 1;       ///< operations in flight at the most
  std::span<std::byte> buffers;  ///< the memory of all slots, for registration; outlives the store
  model::PageCacheMode page_cache = model::PageCacheMode::None;
  bool direct = false;         ///< bypass the page cache
  bool writes_blocks = false;  ///< the mix has `write`: files are opened for writing too
  /// Ends listings in flight, which are as long as the directory is large, with ECANCELED; other operations go on.
  async::CancelToken cancel;
};

/// What the operations of a stage are like; the basis for choosing workers.
struct Mix {
  bool blocks_only = false;  ///< nothing but read and write
  bool reads_blocks = false, writes_blocks = false;
  std::uint32_t in_flight = 1;  ///< on this host
  std::string sample;           ///< a name that exists and may be read for probing; empty where there is none yet
  std::uint64_t block_size = 4096;
};

/// The worker that a backend wants for a mix.
struct WorkerChoice {
  WorkerKind kind = WorkerKind::Sync;
  std::string why;  ///< one line for the results: what was probed and found
};

/// What preflight asks of a target.
struct TargetFacts {
  std::string filesystem;  ///< "ext4", "tmpfs", "nfs", "block device", "null"
  bool exists = false;
  bool parent_exists = true;  ///< where it does not exist: could it be made with one mkdir?
  bool writable = false;
  std::uint64_t free_bytes = UINT64_MAX;
  std::uint64_t free_inodes = UINT64_MAX;  ///< UINT64_MAX where the file system has no limit
  std::uint64_t block_bytes = 4096;        ///< space is used in multiples of it
  bool single_object = false;              ///< the target is one file or device, whose name is ""
  std::string not_writable;                ///< where not writable: why, one line
};

/// What is known of one object.
struct ObjectFacts {
  std::uint64_t bytes = 0;
  bool is_directory = false;
};

/// Names that a listing found are handed over in batches: names relative to the target, directories end in '/'.
/// Returning false ends the listing.
using ListSink = std::function<bool(std::span<const std::string_view> names)>;

/// Which entries a listing wants; made by the load from a pattern. Both may be null: everything, at any depth.
struct ListFilter {
  std::string prefix;                                         ///< where to begin: "" or a directory ending in '/'
  std::function<bool(std::string_view directory)> may_enter;  ///< may this directory (ends in '/') hold matches?
  std::function<bool(std::string_view name)> matches;         ///< is this file, or this directory, wanted?
  bool directories = false;                                   ///< hand over directories too
};

/// A target's base URI, opened for a run: makes workers' stores and answers the control questions. Thread-safe.
/// All names are relative to the base. Control calls may block and belong on blocking threads.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual const std::string& uri() const = 0;

  /// Which worker suits this mix here, by a probe where that is worth it (up to 50 ms). May block.
  virtual WorkerChoice choose_worker(const Mix& mix) = 0;
  /// A loop for a worker of that kind with `slots` in flight; null for Sync. Errors: Unsupported.
  virtual base::Result<std::unique_ptr<Loop>> make_loop(WorkerKind kind, std::uint32_t slots) = 0;
  /// A worker's store. `loop` was made by make_loop of a backend of the same kind; null for Sync.
  virtual base::Result<std::unique_ptr<Store>> open_store(WorkerKind kind, Loop* loop, const StoreOptions& options) = 0;

  /// Looks at the base (and says what is wrong with it, in four parts). Creates nothing.
  virtual base::Result<TargetFacts> inspect() = 0;
  /// Creates the base and `directory` below it ("" for the base alone), with parents. Not an error where they exist.
  virtual base::Result<void> make_directories(std::string_view directory) = 0;
  /// Walks what is there. The dataset marker is never handed over. At least every 1,000 entries or 50 ms it looks at
  /// `cancel`, and has counted all entries so far, wanted or not, in `progress`. A directory that cannot be read ends
  /// the listing with an error that names it. Errors: NotFound where the prefix does not exist, Cancelled.
  virtual base::Result<void> list(const ListFilter& filter, const ListSink& sink, model::Progress& progress,
                                  const async::CancelToken& cancel) = 0;
  /// Errors: NotFound.
  virtual base::Result<ObjectFacts> stat(std::string_view name) = 0;
  /// A small object's whole content (up to 16 MiB). Errors: NotFound.
  virtual base::Result<std::string> read_small(std::string_view name) = 0;
  /// Writes or replaces a small object so that a reader sees the old or the new content, never a part; durable.
  virtual base::Result<void> write_small(std::string_view name, std::string_view content) = 0;
  /// Removes an object or an empty directory (name ends in '/'; "" is the base itself). Errors: NotFound;
  /// InvalidArgument where not empty.
  virtual base::Result<void> remove(std::string_view name) = 0;
};

/// The dataset marker's name; no listing, glob or count ever shows it.
inline constexpr std::string_view kMarkerName = ".sluice-dataset.json";

}  // namespace sluice::storage
