#include "load/mix_source.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace sluice::load {

namespace {

using model::OpKind;

/// Draws that may meet a cap or an empty pool before the worker waits instead.
constexpr int kDrawsMax = 32;

}  // namespace

// shared because an abandoned worker may still draw from it
MixSource::MixSource(std::shared_ptr<MixPlan> plan, std::uint32_t worker, std::uint32_t workers)
    : plan_(std::move(plan)),
      worker_(worker),
      workers_(workers),
      random_(base::derive_seed(plan_->seed, worker)),
      states_(plan_->lines.size()),
      cumulative_(plan_->lines.size()) {
  for (LineState& state : states_) state.slice_next = worker_;
  make_payloads();
  set_active(0, true);
}

void MixSource::make_payloads() {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const MixLine& line = plan_->lines[i];
    if (line.operation->kind != OpKind::Put && line.operation->kind != OpKind::Write) continue;
    payloads_.push_back(std::make_unique<SlotPayload>(line.operation->data, base::derive_seed(plan_->seed, 1000 + i)));
    states_[i].payload = payloads_.back().get();
  }
  // One kind of data in the buffers: then only stamps change from write to write.
  if (payloads_.size() == 1) payloads_.front()->keep_prepared();
}

void MixSource::adopt(storage::OpSlot& slot) {
  if (payloads_.size() == 1) payloads_.front()->prepare(slot.out);
}

void MixSource::set_active(std::size_t line, bool active) {
  states_[line].active = active;
  total_weight_ = 0;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].active) total_weight_ += plan_->lines[i].operation->weight;
    cumulative_[i] = total_weight_;
  }
}

std::size_t MixSource::pick() {
  const std::uint64_t draw = random_.below(total_weight_);
  std::size_t line = 0;
  while (cumulative_[line] <= draw) ++line;
  return line;
}

model::OpKind MixSource::likely_kind() const {
  const auto heaviest =
      std::ranges::max_element(plan_->lines, {}, [](const MixLine& l) { return l.operation->weight; });
  return heaviest->operation->kind;
}

/// In a stage that ends after a number of operations: is there one left for this worker?
bool MixSource::claim_operation() {
  auto& left = plan_->operations_left;
  return left && left->fetch_sub(1, std::memory_order_relaxed) > 0;
}

void MixSource::release_cap(const MixLine& line) {
  if (line.cap != 0) line.in_flight->fetch_sub(1, std::memory_order_relaxed);
}

OpSource::Draw MixSource::next(storage::OpSlot& slot) {
  const auto& left = plan_->operations_left;
  const bool is_counted = left.has_value();
  if (left && left->load(std::memory_order_relaxed) <= 0) return Draw::End;
  for (int draws = 0; draws < kDrawsMax; ++draws) {
    if (total_weight_ == 0) [[unlikely]] {
      // Only what this worker has in flight can fill one of its pools again.
      const bool may_refill = std::ranges::any_of(plan_->lines, [](const MixLine& l) { return l.is_fed_from; });
      return may_refill && in_flight_ > 0 ? Draw::Wait : Draw::End;
    }
    const std::size_t line = pick();
    const Fill filled = fill(line, slot);
    if (filled == Fill::Done) [[likely]] {
      if (is_counted && !claim_operation()) [[unlikely]] {
        // Another worker took the last one meanwhile. What was drawn stays unused: this worker draws no more.
        release_cap(plan_->lines[line]);
        return Draw::End;
      }
      ++in_flight_;
      return Draw::Ready;
    }
    if (filled == Fill::Empty) {
      recorder_->starved(plan_->lines[line].operation->kind);
      set_active(line, false);
    }
  }
  return Draw::Wait;
}

MixSource::Fill MixSource::fill(std::size_t index, storage::OpSlot& slot) {
  const MixLine& line = plan_->lines[index];
  LineState& state = states_[index];
  if (line.cap != 0 && line.in_flight->fetch_add(1, std::memory_order_relaxed) >= line.cap) {
    release_cap(line);
    return Fill::Capped;
  }
  slot.kind = line.operation->kind;
  slot.line = static_cast<std::uint32_t>(index);
  slot.store = line.store;
  slot.offset = 0;
  slot.bytes_wanted = 0;
  slot.sync = line.operation->fsync == model::Fsync::Each;
  slot.buffer = slot.in;
  slot.payload = state.payload;

  Fill filled = Fill::Empty;
  switch (slot.kind) {
    case OpKind::Get:
    case OpKind::Stat:
    case OpKind::List: filled = fill_from_members(line, state, slot); break;
    case OpKind::Put:
    case OpKind::Mkdir: filled = fill_put(line, slot); break;
    case OpKind::Copy: filled = fill_copy(line, state, slot); break;
    case OpKind::Delete:
    case OpKind::Rename:
    case OpKind::Rmdir: filled = fill_taking(line, state, slot); break;
    case OpKind::Read:
    case OpKind::Write: filled = fill_block(line, state, slot); break;
  }
  if (filled != Fill::Done) release_cap(line);
  return filled;
}

/// A member that is not in the slice of those who delete.
bool MixSource::draw_member(const MixLine& line, storage::OpSlot& slot) {
  const std::uint64_t count = line.members == nullptr ? 0 : line.members->count();
  slot.names = line.members.get();
  for (int draws = 0; count > 0 && draws < kDrawsMax; ++draws) {
    slot.index = random_.below(count);
    if (plan_->slice_of_64 == 0) [[likely]]
      return true;
    std::array<char, model::kNameBytesMax> name;
    if (!plan_->is_in_slice({name.data(), line.members->write_name(slot.index, name)})) return true;
  }
  return false;
}

/// dynamic_put_pool: what this worker has put counts as members too.
bool MixSource::draw_made(const MixLine& line, storage::OpSlot& slot) {
  std::uint64_t made = 0;
  for (const std::uint32_t feeder : line.feeders) made += states_[feeder].mine.size();
  const std::uint64_t members = line.members == nullptr ? 0 : line.members->count();
  // Every worker sees its own puts only, so they weigh as much as all members divided by the workers.
  if (made == 0 || random_.below(members / workers_ + made) >= made) return false;
  std::uint64_t at = random_.below(made);
  for (const std::uint32_t feeder : line.feeders) {
    const std::deque<std::uint64_t>& mine = states_[feeder].mine;
    if (at >= mine.size()) {
      at -= mine.size();
      continue;
    }
    slot.names = &plan_->lines[feeder].makes->names();
    slot.index = mine[at];
    return true;
  }
  return false;
}

MixSource::Fill MixSource::fill_from_members(const MixLine& line, LineState&, storage::OpSlot& slot) {
  if (!(plan_->dynamic_pool && draw_made(line, slot)) && !draw_member(line, slot)) return Fill::Empty;
  if (slot.kind != OpKind::Get) return Fill::Done;
  slot.bytes_wanted = plan_->overwrites ? model::Names::kSizeUnknown : slot.names->size_of(slot.index);
  return Fill::Done;
}

MixSource::Fill MixSource::fill_put(const MixLine& line, storage::OpSlot& slot) {
  slot.buffer = slot.out;
  if (line.makes == nullptr) {
    if (slot.kind == OpKind::Mkdir || !draw_member(line, slot)) return Fill::Empty;
    slot.bytes_wanted = line.sizes->sample(random_);
    slot.content_key = random_.next();
    return Fill::Done;
  }
  slot.names = &line.makes->names();
  slot.index = line.makes->take(worker_);
  if (slot.kind == OpKind::Mkdir) return Fill::Done;
  slot.bytes_wanted = slot.names->size_of(slot.index);
  slot.content_key = base::derive_seed(line.content_seed, slot.index);
  return Fill::Done;
}

MixSource::Fill MixSource::fill_copy(const MixLine& line, LineState&, storage::OpSlot& slot) {
  if (line.makes == nullptr || !draw_member(line, slot)) return Fill::Empty;
  slot.to_names = &line.makes->names();
  slot.to_index = line.makes->take(worker_);
  return Fill::Done;
}

/// delete, rename, rmdir: each target once.
MixSource::Fill MixSource::fill_taking(const MixLine& line, LineState& state, storage::OpSlot& slot) {
  if (slot.kind == OpKind::Rename && line.makes == nullptr) return Fill::Empty;
  bool found = false;
  for (const std::uint32_t feeder : line.feeders) {
    std::deque<std::uint64_t>& mine = states_[feeder].mine;
    if (mine.empty()) continue;
    slot.names = &plan_->lines[feeder].makes->names();
    slot.index = mine.front();
    mine.pop_front();
    found = true;
    break;
  }
  const std::uint64_t count = line.takes_slice && line.members != nullptr ? line.members->count() : 0;
  while (!found && state.slice_next < count) {
    slot.names = line.members.get();
    slot.index = state.slice_next;
    state.slice_next += workers_;
    std::array<char, model::kNameBytesMax> name;
    const bool is_all = count == 1 || plan_->slice_of_64 == 64;  // nobody reads there
    found = is_all || plan_->is_in_slice({name.data(), line.members->write_name(slot.index, name)});
  }
  if (!found) return Fill::Empty;
  if (slot.kind == OpKind::Rename) {
    slot.to_names = &line.makes->names();
    slot.to_index = line.makes->take(worker_);
  }
  return Fill::Done;
}

MixSource::Fill MixSource::fill_block(const MixLine& line, LineState& state, storage::OpSlot& slot) {
  const std::uint64_t files = line.block_files;
  if (files == 0) return Fill::Empty;
  const model::Operation& op = *line.operation;
  const bool in_turn =
      op.access.kind == model::Access::Kind::Sequential || op.access.kind == model::Access::Kind::Strided;
  std::uint64_t file = 0;
  do {  // at least one file holds a block: the plan has checked
    file = in_turn ? state.file_next++ % files : files == 1 ? 0 : random_.below(files);
  } while (line.file_size(file) == 0);

  slot.names = line.members.get();
  slot.index = file;
  slot.bytes_wanted = op.block_size;
  if (slot.kind == OpKind::Write) {
    slot.buffer = slot.out;
    slot.content_key = random_.next();
  }
  if (op.access.kind == model::Access::Kind::Random) {
    slot.offset = op.offset + random_.below((line.file_size(file) - op.offset) / op.block_size) * op.block_size;
    return Fill::Done;
  }
  auto source = state.offsets.find(file);
  if (source == state.offsets.end()) {
    auto made = dataset::OffsetSource::create(op.access, {op.offset, line.file_size(file), op.block_size},
                                              {worker_, workers_}, base::derive_seed(line.access_seed, file));
    if (!made) return Fill::Empty;
    source = state.offsets.emplace(file, *made).first;
  }
  slot.offset = source->second.next(random_);
  return Fill::Done;
}

void MixSource::completed(const storage::OpSlot& slot) {
  const MixLine& line = plan_->lines[slot.line];
  --in_flight_;
  release_cap(line);
  if (!line.is_fed_from || slot.error != 0 || line.makes == nullptr) return;
  LineState& state = states_[slot.line];
  if (state.mine.size() >= kRememberedMax) return;
  const bool moved = slot.kind == OpKind::Copy || slot.kind == OpKind::Rename;
  state.mine.push_back(moved ? slot.to_index : slot.index);
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (!states_[i].active && std::ranges::find(plan_->lines[i].feeders, slot.line) != plan_->lines[i].feeders.end()) {
      set_active(i, true);
    }
  }
}

}  // namespace sluice::load
