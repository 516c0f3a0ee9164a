#include "async/frame_queue.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace sluice::async {

namespace {

bool is_charged(FramePolicy policy) { return policy != FramePolicy::KeepNewest; }

std::size_t cost_of(const SpillExtent& extent) { return extent.payload_bytes + extent.frames * kFrameCost; }

}  // namespace

FrameQueue::FrameQueue(const FrameLimits& limits, GapText gap_text) : limits_(limits), gap_text_(std::move(gap_text)) {}

base::Result<FrameSource> FrameQueue::open(std::string name, FramePolicy policy) {
  if (sources_.size() >= limits_.sources_max) {
    return base::fail({.code = base::Code::ResourceExhausted,
                       .what = "no more sources of output can be opened",
                       .where = name + " after " + std::to_string(limits_.sources_max) + " others",
                       .likely = {"sources are opened and never closed"},
                       .try_next = {"close those that have ended"}});
  }
  const std::uint32_t id = next_id_++;
  Source& source = sources_[id];
  source.name = std::move(name);
  source.policy = policy;
  divide_shares();
  return FrameSource{id};
}

void FrameQueue::close(FrameSource id) {
  if (Source* source = find(id)) source->is_closed = true;
  forget_if_done(id);
}

FrameQueue::Put FrameQueue::put(FrameSource id, std::string& frame) {
  const std::size_t cost = frame.size() + kFrameCost;
  if (id == FrameSource::Control) {
    if (cost > limits_.control_bytes_max) return Put::TooLarge;
    if (!fits(id, frame.size())) return Put::Full;
    control_.push_back(make_frame(id, frame));
    control_cost_ += cost;
    return Put::Taken;
  }
  Source* source = find(id);
  if (source == nullptr || source->is_closed) return Put::NoSource;
  const bool is_too_large = is_charged(source->policy) && cost > limits_.bytes_max / 2;  // it would never fit
  if (is_too_large || cost > limits_.source_bytes_max) return Put::TooLarge;
  switch (source->policy) {
    case FramePolicy::Wait:
      if (!has_room(*source, cost)) return Put::Full;
      push(id, *source, make_frame(id, frame), false);
      return Put::Taken;
    case FramePolicy::Spill: return put_spill(id, *source, frame);
    case FramePolicy::DropOldest: return put_dropping(id, *source, frame);
    case FramePolicy::KeepNewest: break;
  }
  while (!source->head.empty()) {
    ++stats_.replaced_frames;
    const Frame& old = source->head.front();
    end(old);
    source->head_cost -= old.cost();
    release(*source, old.cost());
    source->head.pop_front();
  }
  push(id, *source, make_frame(id, frame), false);
  return Put::Taken;
}

FrameQueue::Put FrameQueue::put_spill(FrameSource id, Source& source, std::string& frame) {
  const std::size_t cost = frame.size() + kFrameCost;
  if (spill_is_off_ && !source.is_parted()) {
    SLUICE_DEBUG_ASSERT(source.tail.empty());
    if (!has_room(source, cost)) return Put::Full;
    push(id, source, make_frame(id, frame), false);
    return Put::Taken;
  }
  const bool behind = spill_behind(source, cost);
  if (!spill_has_room(source, cost)) {
    part_head(id, source);
    if (!source.tail.empty()) want_spill(id, source);
    return Put::Full;
  }
  push(id, source, make_frame(id, frame), behind);
  if (behind && source.tail_cost >= spill_half() / 2) want_spill(id, source);
  return Put::Taken;
}

FrameQueue::Put FrameQueue::put_dropping(FrameSource id, Source& source, std::string& frame) {
  const std::size_t cost = frame.size() + kFrameCost;
  while (!has_room(source, cost) && !source.head.empty()) drop_front(source);
  if (has_room(source, cost)) {
    push(id, source, make_frame(id, frame), false);
  } else {
    count_gap(source, 1, frame.size());
    count_dropped(1, frame.size());
    frame.clear();
    join_ring(id, source);  // the gap is something to write
  }
  return Put::Taken;
}

bool FrameQueue::fits(FrameSource id, std::size_t size_bytes) const {
  const std::size_t cost = size_bytes + kFrameCost;
  if (id == FrameSource::Control) return control_cost_ + cost <= limits_.control_bytes_max;
  const Source* source = find(id);
  if (source == nullptr) return true;  // put() says what is wrong
  switch (source->policy) {
    case FramePolicy::Wait:
    case FramePolicy::DropOldest: return has_room(*source, cost);
    case FramePolicy::Spill:
      if (spill_is_off_ && !source->is_parted()) return has_room(*source, cost);
      return spill_has_room(*source, cost);
    case FramePolicy::KeepNewest: return true;
  }
  return true;
}

bool FrameQueue::needs_common(FrameSource id, std::size_t size_bytes) const {
  const Source* source = find(id);
  const std::size_t cost = size_bytes + kFrameCost;
  return source != nullptr && source->charged + cost > share_ && source->charged + cost <= limits_.source_bytes_max;
}

/// Half of it all, evenly; what each has beyond its share is of the common half.
void FrameQueue::divide_shares() {
  share_ = limits_.bytes_max / 2 / std::max<std::size_t>(sources_.size(), 1);
  common_used_ = 0;
  for (const auto& [id, source] : sources_) {
    if (is_charged(source.policy)) common_used_ += over_share(source.charged);
  }
}

bool FrameQueue::has_room(const Source& source, std::size_t cost) const {
  if (source.charged + cost > limits_.source_bytes_max) return false;
  if (source.charged + cost <= share_) return true;
  const std::size_t more = over_share(source.charged + cost) - over_share(source.charged);
  return !common_reserved_ && common_used_ + more <= limits_.bytes_max / 2;
}

/// Head and tail of a spilling source may have this much each.
std::size_t FrameQueue::spill_half() const { return std::min(limits_.source_bytes_max, share_) / 2; }

bool FrameQueue::spill_behind(const Source& source, std::size_t cost) const {
  if (source.is_parted() || !source.tail.empty()) return true;
  return !source.head.empty() && source.head_cost + cost > spill_half();
}

bool FrameQueue::spill_has_room(const Source& source, std::size_t cost) const {
  if (!has_room(source, cost)) return false;
  return !spill_behind(source, cost) || source.tail.empty() || source.tail_cost + cost <= spill_half();
}

std::optional<Frame> FrameQueue::take() {
  if (!control_.empty()) {
    Frame frame = std::move(control_.front());
    control_.pop_front();
    ++in_flight_;
    return frame;
  }
  while (!ring_.empty()) {
    const FrameSource id = ring_.front();
    Source& source = *find(id);
    if (!source.in_turn) {
      source.deficit += kQuantum;
      source.in_turn = true;
    }
    if (source.gap_frames == 0 && source.head.empty()) {
      leave_front(id, source);
      continue;
    }
    if (source.gap_frames > 0 || source.head.front().bytes.size() <= source.deficit) return take_from(id, source);
    source.in_turn = false;
    ring_.pop_front();
    ring_.push_back(id);
  }
  return std::nullopt;
}

Frame FrameQueue::take_from(FrameSource id, Source& source) {
  ++in_flight_;
  ++source.in_flight;
  if (source.gap_frames > 0) {
    Frame gap{.bytes = gap_text_(source.name, source.gap_frames, source.gap_bytes),
              .source = id,
              .epoch = source.gap_epoch,
              .gap_frames = std::exchange(source.gap_frames, 0),
              .gap_bytes = std::exchange(source.gap_bytes, 0)};
    charge(source, gap.cost());
    return gap;
  }
  Frame frame = std::move(source.head.front());
  source.head.pop_front();
  source.head_cost -= frame.cost();
  source.deficit -= frame.bytes.size();
  if (source.head.empty()) leave_front(id, source);
  return frame;
}

void FrameQueue::give_back(Frame frame) {
  --in_flight_;
  if (frame.source == FrameSource::Control) {
    control_.push_front(std::move(frame));
    return;
  }
  Source& source = *find(frame.source);
  const FrameSource id = frame.source;
  --source.in_flight;
  if (frame.gap_frames > 0 && source.policy != FramePolicy::Spill) {
    release(source, frame.cost());
    if (source.gap_frames > 0) {  // dropped again meanwhile: one gap is enough
      epochs_.end(source.gap_epoch);
      --pending_;
    }
    source.gap_frames += frame.gap_frames;
    source.gap_bytes += frame.gap_bytes;
    source.gap_epoch = frame.epoch;
  } else if (source.policy == FramePolicy::KeepNewest && !source.head.empty()) {
    ++stats_.replaced_frames;
    end(frame);
    release(source, frame.cost());
  } else if (source.policy == FramePolicy::DropOldest && source.gap_frames > 0) {
    // Younger ones were dropped meanwhile: behind their gap it would stand in the wrong place.
    drop_into_gap(source, frame);
  } else {
    source.deficit += frame.bytes.size();
    source.head_cost += frame.cost();
    source.head.push_front(std::move(frame));
    if (source.policy == FramePolicy::Spill) part_head(id, source);
  }
  if (!source.in_ring) {
    source.in_ring = source.in_turn = true;
    ring_.push_front(id);
  }
}

void FrameQueue::written(const Frame& frame) {
  --in_flight_;
  end(frame);
  if (frame.source == FrameSource::Control) {
    control_cost_ -= frame.cost();
    return;
  }
  Source& source = *find(frame.source);
  --source.in_flight;
  release(source, frame.cost());
  forget_if_done(frame.source);
}

void FrameQueue::dropped(const Frame& frame) {
  if (frame.gap_frames == 0) count_dropped(1, frame.bytes.size());
  written(frame);
}

void FrameQueue::drop_extent(const SpillExtent& extent) {
  count_dropped(extent.frames, extent.payload_bytes);
  epochs_.end(extent.epoch, extent.frames);
  pending_ -= extent.frames;
  stats_.spill_bytes -= extent.size_bytes;
}

/// The disk still has it: only the answer ends that.
void FrameQueue::drop_owed() {
  if (owed_.spill != nullptr && !std::exchange(owed_.spill_is_dropped, true)) {
    for (const Frame& frame : owed_.spill->frames) {
      count_dropped(1, frame.bytes.size());
      end(frame);
    }
  }
  if (owed_.load && !std::exchange(owed_.load_is_dropped, true)) drop_extent(owed_.load->extent);
}

void FrameQueue::drop_all() {
  while (std::optional<Frame> frame = take()) dropped(*frame);
  drop_owed();
  std::vector<FrameSource> all;
  all.reserve(sources_.size());
  for (const auto& [id, source] : sources_) all.push_back(FrameSource{id});
  for (const FrameSource id : all) {
    Source& source = *find(id);
    for (const SpillExtent& extent : source.extents) drop_extent(extent);
    source.extents.clear();
    source.tail_cost = 0;
    for (const Frame& frame : std::exchange(source.tail, {})) {
      count_dropped(1, frame.bytes.size());
      end(frame);
      release(source, frame.cost());
    }
    source.wants_load = source.wants_spill = false;
    forget_if_done(id);
  }
  load_wanted_.clear();
  spill_wanted_.clear();
}

// shared because a disk that hangs may hold the frames for longer than the queue lives
std::shared_ptr<const FrameQueue::SpillBatch> FrameQueue::next_spill() {
  if (owed_.spill != nullptr) return nullptr;
  while (!spill_wanted_.empty()) {
    const FrameSource id = spill_wanted_.front();
    spill_wanted_.pop_front();
    Source* source = find(id);
    if (source == nullptr) continue;
    source->wants_spill = false;
    if (source->tail.empty() || spill_is_off_ || stats_.spill_bytes + source->tail_cost > limits_.spill_bytes_max) {
      continue;
    }
    source->is_spilling = true;
    source->tail_cost = 0;
    // shared because a disk that hangs may hold the frames for longer than the queue lives
    owed_.spill = std::make_shared<SpillBatch>();
    owed_.spill->source = id;
    std::ranges::move(source->tail, std::back_inserter(owed_.spill->frames));
    source->tail.clear();
    return owed_.spill;
  }
  return nullptr;
}

void FrameQueue::spilled(SpillExtent extent) {
  const auto batch = std::exchange(owed_.spill, nullptr);
  Source& source = *find(batch->source);
  source.is_spilling = false;
  for (const Frame& frame : batch->frames) release(source, frame.cost());
  if (!std::exchange(owed_.spill_is_dropped, false)) {
    extent.epoch = batch->frames.front().epoch;
    extent.frames = batch->frames.size();
    for (const Frame& frame : batch->frames) {
      epochs_.move(frame.epoch, extent.epoch);
      extent.payload_bytes += frame.bytes.size();
    }
    stats_.spilled_frames += extent.frames;
    stats_.spill_bytes += extent.size_bytes;
    stats_.spill_bytes_high_water = std::max(stats_.spill_bytes_high_water, stats_.spill_bytes);
    source.extents.push_back(extent);
  }
  after_answer(batch->source, source);
}

void FrameQueue::spill_failed() {
  const auto batch = std::exchange(owed_.spill, nullptr);
  spill_is_off_ = true;
  Source& source = *find(batch->source);
  source.is_spilling = false;
  if (std::exchange(owed_.spill_is_dropped, false)) {
    for (const Frame& frame : batch->frames) release(source, frame.cost());
  } else {
    for (const Frame& frame : batch->frames) source.tail_cost += frame.cost();
    source.tail.insert(source.tail.begin(), std::make_move_iterator(batch->frames.begin()),
                       std::make_move_iterator(batch->frames.end()));
  }
  // Of the others, too: what comes next goes into the head, and may not pass what waited for the disk.
  for (auto& [id, each] : sources_) join_tail(FrameSource{id}, each);
  after_answer(batch->source, source);
}

/// Only when everything before it was written: frames that come back would else pile up in memory while nobody reads.
/// Within its share an extent always has room. What is larger has it while the common half is not overdrawn, and may
/// overdraw it then: waiting for room of its size it could wait for ever, behind frames that wait for it. The same
/// where nothing else is left to be written: then nobody else makes room.
bool FrameQueue::may_load(const Source& source) const {
  if (source.in_flight > 0) return false;
  const SpillExtent& next = source.extents.front();
  const std::size_t cost = cost_of(next);
  if (source.charged + cost <= share_ || common_used_ <= limits_.bytes_max / 2) return true;
  return in_flight_ == 0 && control_.empty() && std::ranges::none_of(ring_, [this](FrameSource id) {
           const Source* other = find(id);
           return !other->head.empty() || other->gap_frames > 0;
         });
}

std::optional<FrameQueue::Load> FrameQueue::next_load() {
  if (owed_.load) return std::nullopt;
  for (auto at = load_wanted_.begin(); at != load_wanted_.end();) {
    const FrameSource id = *at;
    Source* source = find(id);
    const bool is_wanted = source != nullptr && source->head.empty() && !source->extents.empty();
    if (is_wanted && !may_load(*source)) {
      ++at;  // later
      continue;
    }
    at = load_wanted_.erase(at);
    if (source != nullptr) source->wants_load = false;
    if (!is_wanted) continue;  // what was given back is taken first, and asks again
    source->is_loading = true;
    owed_.load = Load{.source = id, .extent = source->extents.front()};
    source->extents.pop_front();
    charge(*source, cost_of(owed_.load->extent));
    return owed_.load;
  }
  return std::nullopt;
}

void FrameQueue::loaded(std::vector<std::string> frames) {
  SLUICE_ASSERT(owed_.load.has_value());  // the caller answers what next_load() gave
  const Load load = *owed_.load;
  owed_.load.reset();
  Source& source = *find(load.source);
  source.is_loading = false;
  release(source, cost_of(load.extent));
  if (!std::exchange(owed_.load_is_dropped, false)) {
    stats_.spill_bytes -= load.extent.size_bytes;
    if (frames.size() != load.extent.frames) {
      push_lost(load.source, source, load.extent);
      frames.clear();
    }
    for (std::string& bytes : frames) {
      push(load.source, source, {.bytes = std::move(bytes), .source = load.source, .epoch = load.extent.epoch}, false);
    }
  }
  after_answer(load.source, source);
}

/// In the head, where the frames would be: it keeps its place there also when it is given back.
void FrameQueue::push_lost(FrameSource id, Source& source, const SpillExtent& lost) {
  count_dropped(lost.frames, lost.payload_bytes);
  epochs_.end(lost.epoch, lost.frames - 1);
  pending_ -= lost.frames - 1;
  push(id, source,
       {.bytes = gap_text_(source.name, lost.frames, lost.payload_bytes),
        .source = id,
        .epoch = lost.epoch,
        .gap_frames = lost.frames,
        .gap_bytes = lost.payload_bytes},
       false);
}

void FrameQueue::after_answer(FrameSource id, Source& source) {
  join_tail(id, source);
  if (source.head.empty()) want_load(id, source);
  forget_if_done(id);
}

/// The head took more while a part of it was in flight, which has come back: without this all the room of the source
/// would be in the head, and nothing would be spilled.
void FrameQueue::part_head(FrameSource id, Source& source) {
  if (spill_is_off_ || source.is_parted()) return;
  while (source.head.size() > 1 && source.head_cost > spill_half()) {
    const std::size_t cost = source.head.back().cost();
    source.tail.push_front(std::move(source.head.back()));
    source.head.pop_back();
    source.head_cost -= cost;
    source.tail_cost += cost;
    want_spill(id, source);
  }
}

/// Nothing is on disk between head and tail any more: they become one again.
void FrameQueue::join_tail(FrameSource id, Source& source) {
  if (source.is_parted()) return;
  source.head_cost += std::exchange(source.tail_cost, 0);
  std::ranges::move(source.tail, std::back_inserter(source.head));
  source.tail.clear();
  if (!source.head.empty()) join_ring(id, source);
}

FrameQueue::Source* FrameQueue::find(FrameSource id) {
  const auto found = sources_.find(static_cast<std::uint32_t>(id));
  return found == sources_.end() ? nullptr : &found->second;
}

const FrameQueue::Source* FrameQueue::find(FrameSource id) const {
  const auto found = sources_.find(static_cast<std::uint32_t>(id));
  return found == sources_.end() ? nullptr : &found->second;
}

void FrameQueue::charge(Source& source, std::size_t cost) {
  const std::size_t before = over_share(source.charged);
  source.charged += cost;
  if (!is_charged(source.policy)) return;
  common_used_ += over_share(source.charged) - before;
  stats_.bytes += cost;
  stats_.bytes_high_water = std::max(stats_.bytes_high_water, stats_.bytes);
}

void FrameQueue::release(Source& source, std::size_t cost) {
  const std::size_t before = over_share(source.charged);
  source.charged -= cost;
  if (!is_charged(source.policy)) return;
  common_used_ -= before - over_share(source.charged);
  stats_.bytes -= cost;
}

Frame FrameQueue::make_frame(FrameSource id, std::string& bytes) {
  ++pending_;
  return {.bytes = std::move(bytes), .source = id, .epoch = epochs_.begin()};
}

void FrameQueue::end(const Frame& frame) {
  epochs_.end(frame.epoch);
  --pending_;
}

void FrameQueue::push(FrameSource id, Source& source, Frame frame, bool behind) {
  const std::size_t cost = frame.cost();
  charge(source, cost);
  if (behind) {
    source.tail_cost += cost;
    source.tail.push_back(std::move(frame));
    // Nothing is ahead of it that would call for it: the reader has caught up.
    if (source.head.empty()) join_tail(id, source);
    return;
  }
  source.head_cost += cost;
  source.head.push_back(std::move(frame));
  join_ring(id, source);
}

void FrameQueue::drop_front(Source& source) {
  const Frame frame = std::move(source.head.front());
  source.head.pop_front();
  source.head_cost -= frame.cost();
  drop_into_gap(source, frame);
}

void FrameQueue::drop_into_gap(Source& source, const Frame& frame) {
  count_gap(source, 1, frame.bytes.size());
  count_dropped(1, frame.bytes.size());
  end(frame);
  release(source, frame.cost());
}

void FrameQueue::count_gap(Source& source, std::uint64_t frames, std::uint64_t bytes) {
  if (source.gap_frames == 0) {
    source.gap_epoch = epochs_.begin();
    ++pending_;
  }
  source.gap_frames += frames;
  source.gap_bytes += bytes;
}

void FrameQueue::count_dropped(std::uint64_t frames, std::uint64_t bytes) {
  stats_.dropped_frames += frames;
  stats_.dropped_bytes += bytes;
}

void FrameQueue::join_ring(FrameSource id, Source& source) {
  if (std::exchange(source.in_ring, true)) return;
  ring_.push_back(id);
}

void FrameQueue::leave_front(FrameSource id, Source& source) {
  if (source.is_parted()) {
    want_load(id, source);
  } else if (!source.tail.empty()) {
    join_tail(id, source);  // it stays in the ring
    return;
  }
  source.in_ring = source.in_turn = false;
  source.deficit = 0;
  ring_.pop_front();
}

void FrameQueue::want_spill(FrameSource id, Source& source) {
  if (spill_is_off_ || std::exchange(source.wants_spill, true)) return;
  spill_wanted_.push_back(id);
}

void FrameQueue::want_load(FrameSource id, Source& source) {
  if (source.extents.empty() || source.is_loading || std::exchange(source.wants_load, true)) return;
  load_wanted_.push_back(id);
}

void FrameQueue::forget_if_done(FrameSource id) {
  const Source* source = find(id);
  if (source == nullptr || !source->is_closed || source->charged > 0 || source->gap_frames > 0) return;
  if (source->is_parted()) return;
  std::erase(ring_, id);
  sources_.erase(static_cast<std::uint32_t>(id));
  divide_shares();
}

}  // namespace sluice::async
