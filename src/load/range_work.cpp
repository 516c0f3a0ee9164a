#include "load/range_work.hpp"

#include <algorithm>
#include <cerrno>

#include "base/random.hpp"

namespace sluice::load {

namespace {

constexpr std::uint64_t kPortionMax = 512;

}  // namespace

RangeWork::RangeWork(std::vector<Lane> lanes, std::uint32_t workers)
    : lanes_(std::move(lanes)), states_(lanes_.size()) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    for (const dataset::IndexRange& range : lanes_[i].ranges) total_ += range.size();
    if (!lanes_[i].ranges.empty()) states_[i].next = lanes_[i].ranges.front().begin;
  }
  // Small enough that no worker is left alone with the last portion for long.
  portion_ = std::clamp<std::uint64_t>(total_ / (std::uint64_t{workers} * 16 + 1), 1, kPortionMax);
}

std::optional<RangeWork::Portion> RangeWork::take() {
  std::lock_guard lock(mutex_);
  for (std::size_t tried = 0; tried < lanes_.size(); ++tried, ++turn_) {
    const std::size_t i = turn_ % lanes_.size();
    State& state = states_[i];
    const std::vector<dataset::IndexRange>& ranges = lanes_[i].ranges;
    while (state.range < ranges.size() && state.next == ranges[state.range].end) {
      if (++state.range < ranges.size()) state.next = ranges[state.range].begin;
    }
    if (state.range == ranges.size()) continue;
    const std::uint64_t end = std::min(state.next + portion_, ranges[state.range].end);
    const Portion portion{i, state.next, end};
    state.next = end;
    ++turn_;
    return portion;
  }
  return std::nullopt;
}

void RangeWork::finish(const Portion& portion, const std::vector<std::uint64_t>& failed) {
  std::lock_guard lock(mutex_);
  State& state = states_[portion.lane];
  if (failed.empty()) return state.finished.add(portion.begin, portion.end);
  std::vector<std::uint64_t> sorted = failed;
  std::ranges::sort(sorted);
  std::uint64_t from = portion.begin;
  for (const std::uint64_t index : sorted) {
    state.finished.add(from, index);
    from = index + 1;
    if (state.failed.size() < kFailedMax) state.failed.push_back(index);
  }
  state.finished.add(from, portion.end);
  failures_ += failed.size();
}

dataset::RangeSet RangeWork::finished(std::size_t lane) const {
  std::lock_guard lock(mutex_);
  return states_[lane].finished;
}

std::vector<std::uint64_t> RangeWork::failed(std::size_t lane) const {
  std::lock_guard lock(mutex_);
  return states_[lane].failed;
}

void RangeWork::add_trouble(std::uint64_t index, int errnum) {
  std::lock_guard lock(mutex_);
  if (errnum == 0) {
    if (trouble_.other_size++ == 0) trouble_.first_other_size = index;
  } else if (trouble_.unseen++ == 0) {
    trouble_.first_unseen = index;
    trouble_.errnum = errnum;
  }
}

void RangeWork::note_space(int errnum) {
  if (errnum == ENOSPC || errnum == EDQUOT) {
    if (without_space_.fetch_add(1, std::memory_order_relaxed) + 1 >= kNoSpaceMax) full_ = errnum;
  } else if (without_space_.load(std::memory_order_relaxed) != 0) {
    without_space_.store(0, std::memory_order_relaxed);
  }
}

RangeWork::Trouble RangeWork::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

std::uint64_t RangeWork::failures() const {
  std::lock_guard lock(mutex_);
  return failures_;
}

// shared because an abandoned worker may still report to it
RangeSource::RangeSource(std::shared_ptr<RangeWork> work) : work_(std::move(work)) {
  for (std::size_t i = 0; i < work_->lanes(); ++i) {
    const Lane& lane = work_->lane(i);
    payloads_.push_back(lane.kind == model::OpKind::Put ? std::make_unique<SlotPayload>(lane.data, lane.content_seed)
                                                        : nullptr);
  }
}

void RangeSource::adopt(storage::OpSlot& slot) {
  if (payloads_.size() != 1 || payloads_.front() == nullptr) return;
  payloads_.front()->keep_prepared();
  payloads_.front()->prepare(slot.out);
}

bool RangeSource::open_next() {
  const std::optional<RangeWork::Portion> portion = work_->take();
  if (!portion) return false;
  auto free = std::ranges::find(open_, false, &Open::used);
  if (free == open_.end()) free = open_.insert(open_.end(), Open{});
  free->portion = *portion;
  free->handed_out = free->ended = 0;
  free->failed.clear();
  free->used = true;
  current_ = static_cast<std::size_t>(free - open_.begin());
  return true;
}

OpSource::Draw RangeSource::next(storage::OpSlot& slot) {
  if (work_->full() != 0) [[unlikely]]
    return Draw::End;
  if (current_ == SIZE_MAX && !open_next()) return Draw::End;
  Open& open = open_[current_];
  const Lane& lane = work_->lane(open.portion.lane);
  slot.kind = lane.kind;
  slot.store = lane.store;
  slot.names = lane.names;
  slot.index = open.portion.begin + open.handed_out;
  slot.line = static_cast<std::uint32_t>(open.portion.lane);
  slot.ticket = current_;
  slot.offset = 0;
  slot.sync = false;
  slot.buffer = slot.in;
  slot.bytes_wanted = 0;
  if (lane.kind == model::OpKind::Put) {
    slot.buffer = slot.out;
    slot.bytes_wanted = lane.names->size_of(slot.index);
    slot.content_key = base::derive_seed(lane.content_seed, slot.index);
    slot.payload = payloads_[open.portion.lane].get();
  }
  if (++open.handed_out == open.portion.end - open.portion.begin) current_ = SIZE_MAX;
  return Draw::Ready;
}

void RangeSource::completed(const storage::OpSlot& slot) {
  Open& open = open_[slot.ticket];
  const Lane& lane = work_->lane(open.portion.lane);
  if (lane.is_search) {
    const bool is_whole = slot.error == 0 && slot.scratch[0] == lane.names->size_of(slot.index);
    if (!is_whole) open.failed.push_back(slot.index);
    if (!is_whole && slot.error != lane.forgiven) work_->add_trouble(slot.index, slot.error);
  } else {
    if (slot.error != 0 && slot.error != lane.forgiven) open.failed.push_back(slot.index);
    work_->note_space(slot.error);
  }
  if (++open.ended < open.portion.end - open.portion.begin) return;
  work_->finish(open.portion, open.failed);
  open.used = false;
}

/// Of portions that were begun, what has been done is done: the first ones, in the order in which they were handed out.
void RangeSource::ended() {
  for (Open& open : open_) {
    if (!open.used || open.handed_out == 0) continue;
    open.portion.end = open.portion.begin + open.handed_out;
    work_->finish(open.portion, open.failed);
    open.used = false;
  }
}

}  // namespace sluice::load
