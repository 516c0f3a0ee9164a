#include "journal/record_merge.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

namespace sluice::journal {

namespace {

/// Nothing can be done about it, and the other chunks are none the worse.
bool is_of_the_chunk(const base::Error& error) {
  return error.code == base::Code::Corrupt || error.code == base::Code::Unsupported ||
         error.code == base::Code::NotFound;
}

std::vector<std::uint32_t> order_of(const std::vector<model::OpRecord>& records) {
  std::vector<std::uint32_t> order(records.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
    const model::OpRecord& left = records[a];
    const model::OpRecord& right = records[b];
    if (left.start_ns != right.start_ns) return left.start_ns < right.start_ns;
    return std::tie(left.end_ns, left.worker, a) < std::tie(right.end_ns, right.worker, b);
  });
  return order;
}

}  // namespace

RecordMerge::RecordMerge(ChunkSource& source, std::vector<ChunkPlace> chunks, std::size_t bytes_max)
    : source_(source), chunks_(std::move(chunks)), bytes_max_(bytes_max) {
  waiting_.reserve(chunks_.size());
  for (std::uint32_t i = 0; i < chunks_.size(); ++i) {
    waiting_.push_back(
        {.next = {
             .start_ns = chunks_[i].start_ns_min, .end_ns = std::numeric_limits<std::int64_t>::min(), .chunk = i}});
  }
  std::ranges::make_heap(waiting_, is_later);
}

/// Its key becomes that of the operation which it gives next.
void RecordMerge::point(Open& open) {
  const std::uint32_t index = open.order[open.given];
  const model::OpRecord& record = open.chunk.records[index];
  open.next = {.start_ns = record.start_ns,
               .end_ns = record.end_ns,
               .worker = record.worker,
               .chunk = open.next.chunk,
               .index = index};
}

base::Result<void> RecordMerge::open_first() {
  std::ranges::pop_heap(waiting_, is_later);
  const Waiting waiting = waiting_.back();
  waiting_.pop_back();
  const ChunkPlace& place = chunks_[waiting.next.chunk];
  ++reads_;
  auto chunk = source_.read(place);
  if (!chunk) {
    if (!is_of_the_chunk(chunk.error())) return base::fail(std::move(chunk).error());
    flaws_.push_back({.place = place, .error = std::move(chunk).error()});
    return {};
  }
  if (waiting.given >= chunk->records.size()) return {};
  auto open = std::make_unique<Open>();
  open->next.chunk = waiting.next.chunk;
  open->given = waiting.given;
  open->bytes = chunk->records.size() * (sizeof(model::OpRecord) + sizeof(std::uint32_t)) + chunk->header.content_bytes;
  open->order = order_of(chunk->records);
  open->chunk = std::move(*chunk);
  point(*open);
  bytes_ += open->bytes;
  bytes_high_water_ = std::max(bytes_high_water_, bytes_);
  open_.push_back(std::move(open));
  std::ranges::push_heap(open_, is_later_open);
  if (bytes_ > bytes_max_) put_aside_farthest();
  return {};
}

void RecordMerge::put_aside_farthest() {
  while (bytes_ > bytes_max_ && open_.size() > 1) {
    const auto farthest =
        std::ranges::max_element(open_, [](const auto& a, const auto& b) { return a->next < b->next; });
    bytes_ -= (*farthest)->bytes;
    waiting_.push_back({.next = (*farthest)->next, .given = (*farthest)->given});
    std::ranges::push_heap(waiting_, is_later);
    open_.erase(farthest);
    std::ranges::make_heap(open_, is_later_open);
  }
}

/// Past the operation that was given away.
void RecordMerge::step() {
  std::ranges::pop_heap(open_, is_later_open);
  Open& open = *open_.back();
  if (++open.given < open.order.size()) {
    point(open);
    std::ranges::push_heap(open_, is_later_open);
  } else {
    bytes_ -= open.bytes;
    open_.pop_back();
  }
}

base::Result<bool> RecordMerge::next(MergedRecord& out) {
  if (std::exchange(has_given_, false)) step();
  while (!waiting_.empty() && (open_.empty() || waiting_.front().next < open_.front()->next)) {
    SLUICE_CHECK(open_first());
  }
  if (open_.empty()) return false;
  const Open& open = *open_.front();
  out.record = &open.chunk.records[open.next.index];
  out.place = &chunks_[open.next.chunk];
  out.name = out.record->dataset == model::OpRecord::kForeign
                 ? open.chunk.names[static_cast<std::size_t>(out.record->index)]
                 : std::string_view();
  has_given_ = true;
  return true;
}

}  // namespace sluice::journal
