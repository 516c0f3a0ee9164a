#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "async/frame_epochs.hpp"
#include "base/error.hpp"

namespace sluice::async {

/// What becomes of a frame for which its source has no room.
enum class FramePolicy : std::uint8_t {
  Wait,        ///< it is not taken: whoever has it waits
  Spill,       ///< frames go to a file and come back in order; waits only when the disk does not keep up
  DropOldest,  ///< the oldest unsent frames of the source make room, and a gap frame stands where they were
  KeepNewest,  ///< only the newest unsent frame of the source is kept: for a picture that replaces the one before
};

/// Names one source of frames of one writer. Control is there from the start: the lane with a budget of its own.
enum class FrameSource : std::uint32_t { Control = 0 };

/// The bounds of a queue.
struct FrameLimits {
  std::size_t bytes_max = 64U << 20U;  ///< of all sources, in memory; each frame counts kFrameCost more than its bytes
  std::size_t source_bytes_max = 4U << 20U;   ///< of one source, in memory; the largest frame, with half of bytes_max
  std::size_t control_bytes_max = 1U << 20U;  ///< of the control lane, beside bytes_max
  std::size_t sources_max = 4096;
  std::size_t waiting_max = 4096;               ///< callers in write(), each with its frame
  std::uint64_t spill_bytes_max = 1ULL << 30U;  ///< of all sources, on disk
};

/// What a frame costs beside its bytes: so that very many very small frames are bounded, too.
inline constexpr std::size_t kFrameCost = 64;

/// What is written whole, or not at all.
struct Frame {
  std::string bytes;
  FrameSource source = FrameSource::Control;
  std::uint64_t epoch = 0;
  std::uint64_t gap_frames = 0, gap_bytes = 0;  ///< what a gap frame stands for

  std::size_t cost() const { return bytes.size() + kFrameCost; }
};

/// Where consecutive frames of one source are in the spill file.
struct SpillExtent {
  std::uint64_t offset = 0, size_bytes = 0;  ///< in the file
  std::uint64_t frames = 0, payload_bytes = 0;
  std::uint64_t epoch = 0;  ///< the oldest of its frames'
};

/// What waits, and what became of the rest.
struct FrameQueueStats {
  std::size_t bytes = 0, bytes_high_water = 0;  ///< in memory, of all sources; kFrameCost included
  std::uint64_t dropped_frames = 0, dropped_bytes = 0;
  std::uint64_t replaced_frames = 0;  ///< of KeepNewest sources
  std::uint64_t spilled_frames = 0, spill_bytes = 0, spill_bytes_high_water = 0;
};

/// The bounded queue between those who make frames and the one who writes them: in order per source, by deficit round
/// robin between sources, control frames before all others. No I/O, no thread, no clock; its owner holds a mutex.
///
/// Half of bytes_max is common, the other half is divided evenly: so each source always has its share, whatever the
/// others do. The sum passes bytes_max only until frames have gone that came before a new source took its share, and by
/// one large frame that comes back from the disk.
/// KeepNewest sources stand outside of it, with one frame each. A frame is charged until it is written, so what is in
/// flight counts, too.
class FrameQueue {
 public:
  /// The text that stands where `frames` frames of the source were dropped.
  using GapText = std::function<std::string(std::string_view source, std::uint64_t frames, std::uint64_t bytes)>;
  enum class Put : std::uint8_t { Taken, Full, TooLarge, NoSource };

  /// A source that has not had its quantum goes before one that has.
  static constexpr std::size_t kQuantum = 4096;

  FrameQueue(const FrameLimits& limits, GapText gap_text);

  /// Errors: ResourceExhausted (sources_max).
  base::Result<FrameSource> open(std::string name, FramePolicy policy);
  /// What it has is still written; nothing more is taken.
  void close(FrameSource source);

  /// Moves from `frame` only where it is Taken; DropOldest takes it even when it has to drop it at once.
  Put put(FrameSource source, std::string& frame);
  /// Whether put() would take a frame of this size now without dropping anything.
  bool fits(FrameSource source, std::size_t size_bytes) const;
  /// Whether a frame of this size is one that only the common half has room for.
  bool needs_common(FrameSource source, std::size_t size_bytes) const;
  /// While somebody waits for the common half nobody else may take from it, or a large frame would wait for ever.
  void reserve_common(bool reserved) { common_reserved_ = reserved; }

  /// The next frame to be written; it stays charged until written() or dropped().
  std::optional<Frame> take();
  /// A frame of which nothing was written comes back; those taken last first. May drop it where a newer one replaces
  /// it.
  void give_back(Frame frame);
  void written(const Frame& frame);
  void dropped(const Frame& frame);
  /// The reader has gone: everything is dropped and counted, without gap frames; also what the disk has not answered
  /// yet, which stays charged until it does.
  void drop_all();

  // The disk may take its time: between a request and its answer anything else may be called. What is with the disk
  // keeps its place in the order of its source, and is answered once, also when it was dropped meanwhile.

  /// Frames of one source, on their way to the spill file.
  struct SpillBatch {
    FrameSource source = FrameSource::Control;
    std::vector<Frame> frames;
  };
  bool wants_spill() const { return !spill_wanted_.empty(); }
  bool wants_load() const { return !load_wanted_.empty(); }
  /// The next frames to be spilled; the caller answers with spilled() or spill_failed(), and reads the frames no more
  /// then. None while an answer is owed.
  // shared because a disk that hangs may hold the frames for longer than the queue lives
  std::shared_ptr<const SpillBatch> next_spill();
  void spilled(SpillExtent extent);
  /// Spilling ends for good: from now on Spill is Wait.
  void spill_failed();
  struct Load {
    FrameSource source = FrameSource::Control;
    SpillExtent extent;
  };
  /// The next extent to be read back that there is room for; the caller answers with loaded(). None while an answer is
  /// owed. It is charged from now on.
  std::optional<Load> next_load();
  /// Without its frames the extent was lost: a gap frame stands there.
  void loaded(std::vector<std::string> frames);

  /// Nothing in memory, on disk or in flight.
  bool is_empty() const { return pending_ == 0; }
  std::uint64_t mark() { return epochs_.mark(); }
  bool is_done(std::uint64_t mark) const { return epochs_.is_done(mark); }
  const FrameQueueStats& stats() const { return stats_; }

 private:
  struct Source {
    std::string name;
    FramePolicy policy = FramePolicy::Wait;
    // In the order of the source: head, what is being loaded, extents, what is being spilled, tail.
    std::deque<Frame> head;
    std::deque<SpillExtent> extents;
    std::deque<Frame> tail;  ///< used only behind something else
    std::size_t head_cost = 0, tail_cost = 0;
    std::size_t charged = 0;  ///< head, tail, in flight, being spilled, and being loaded
    std::size_t deficit = 0;
    std::size_t in_flight = 0;  ///< its frames among in_flight_
    std::uint64_t gap_frames = 0, gap_bytes = 0, gap_epoch = 0;
    bool in_ring = false, in_turn = false, is_spilling = false, is_loading = false, wants_spill = false,
         wants_load = false, is_closed = false;

    /// Something of it is with the disk: head and tail are not one.
    bool is_parted() const { return is_loading || !extents.empty() || is_spilling; }
  };
  /// What was handed to the disk and is not answered yet.
  struct Owed {
    // shared because a disk that hangs may hold the frames for longer than the queue lives
    std::shared_ptr<SpillBatch> spill;
    std::optional<Load> load;
    bool spill_is_dropped = false, load_is_dropped = false;
  };

  Source* find(FrameSource source);
  const Source* find(FrameSource source) const;
  bool has_room(const Source& source, std::size_t cost) const;
  std::size_t over_share(std::size_t charged) const { return charged > share_ ? charged - share_ : 0; }
  void divide_shares();
  std::size_t spill_half() const;
  bool spill_behind(const Source& source, std::size_t cost) const;
  bool spill_has_room(const Source& source, std::size_t cost) const;
  bool may_load(const Source& source) const;
  void charge(Source& source, std::size_t cost);
  void release(Source& source, std::size_t cost);
  Frame make_frame(FrameSource id, std::string& bytes);
  void push(FrameSource id, Source& source, Frame frame, bool behind);
  void drop_front(Source& source);
  void drop_into_gap(Source& source, const Frame& frame);
  void count_gap(Source& source, std::uint64_t frames, std::uint64_t bytes);
  void count_dropped(std::uint64_t frames, std::uint64_t bytes);
  Put put_spill(FrameSource id, Source& source, std::string& frame);
  Put put_dropping(FrameSource id, Source& source, std::string& frame);
  Frame take_from(FrameSource id, Source& source);
  void join_ring(FrameSource id, Source& source);
  void leave_front(FrameSource id, Source& source);
  void want_spill(FrameSource id, Source& source);
  void want_load(FrameSource id, Source& source);
  void join_tail(FrameSource id, Source& source);
  void part_head(FrameSource id, Source& source);
  void push_lost(FrameSource id, Source& source, const SpillExtent& lost);
  void drop_owed();
  void drop_extent(const SpillExtent& extent);
  void after_answer(FrameSource id, Source& source);
  void end(const Frame& frame);
  void forget_if_done(FrameSource id);

  const FrameLimits limits_;
  const GapText gap_text_;
  std::unordered_map<std::uint32_t, Source> sources_;
  std::uint32_t next_id_ = 1;
  std::size_t share_ = 0, common_used_ = 0;  ///< of each source; of the common half
  std::deque<Frame> control_;
  std::size_t control_cost_ = 0;
  std::deque<FrameSource> ring_;  ///< those with something to write, whose turn it is first
  std::deque<FrameSource> spill_wanted_, load_wanted_;
  Owed owed_;
  FrameEpochs epochs_;
  std::size_t in_flight_ = 0;  ///< frames that were taken and are neither written nor given back
  std::uint64_t pending_ = 0;  ///< frames that are not yet written or dropped, gaps included
  bool common_reserved_ = false, spill_is_off_ = false;
  FrameQueueStats stats_;
};

}  // namespace sluice::async
