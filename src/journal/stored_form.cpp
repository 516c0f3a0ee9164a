#include "journal/stored_form.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/held_sum.hpp"
#include "journal/records/chunk_format.hpp"

namespace sluice::journal {

namespace {

OperationSet operations_of(const model::Interval& interval) {
  OperationSet set = 0;
  for (std::size_t i = 0; i < interval.ops.size(); ++i) {
    if (!interval.ops[i].empty()) set |= operation_bit(static_cast<model::OpKind>(i));
  }
  return set;
}

/// As far as the interval's own list goes: the slowest that matter for the stage, and examples of its errors.
std::vector<NotableRecord> notable_of(const model::Interval& interval, std::int64_t run_began_ns) {
  std::vector<NotableRecord> records;
  records.reserve(interval.slowest.size() + interval.samples.size());
  for (const model::SlowOp& slow : interval.slowest) {
    records.push_back({.index = static_cast<std::uint32_t>(records.size()),
                       .operation = slow.kind,
                       .status = kSucceeded,
                       .end_ns = run_began_ns + slow.at_ns,
                       .latency_ns = slow.service_ns,
                       .bytes = slow.bytes,
                       .target = slow.key,
                       .detail = {}});
  }
  for (const model::ErrorSample& sample : interval.samples) {
    records.push_back({.index = static_cast<std::uint32_t>(records.size()),
                       .operation = sample.op,
                       .status = status_of(sample.kind),
                       .end_ns = run_began_ns + sample.at_ns,
                       .latency_ns = 0,
                       .bytes = 0,
                       .target = sample.key,
                       .detail = sample.detail});
  }
  return records;
}

}  // namespace

NotableRecord stored_row(const model::NotableOp& op, std::int64_t run_began_ns) {
  return {.index = op.index,
          .operation = op.kind,
          .status = op.error ? status_of(*op.error) : kSucceeded,
          .end_ns = base::held_sum(run_began_ns, op.end_ns),
          .latency_ns = op.latency_ns,
          .bytes = op.bytes,
          .target = op.key,
          .detail = op.detail};
}

StoredBlock StoredForm::of(const model::Block& block, std::span<const std::byte> payload, std::uint64_t number) {
  StoredBlock out;
  std::visit([&](const auto& one) { place(one, out); }, block);
  out.header.party = key_;
  out.header.party_seq = number;
  out.header.hash = digest_of(payload);
  out.payload.assign(payload.begin(), payload.end());
  return out;
}

void StoredForm::place_event(BlockKind kind, std::int64_t at_ns, StoredBlock& out) const {
  out.header.kind = kind;
  out.header.from_ns = out.header.to_ns = run_began_ns_ + at_ns;
}

void StoredForm::place(const model::RunStarted& block, StoredBlock& out) {
  key_.run = block.run_id;
  keeps_operations_ = block.keeps_operations;
  run_began_ns_ = block.at.ns;
  place_event(BlockKind::RunStarted, 0, out);
}

void StoredForm::place(const model::StageStarted& block, StoredBlock& out) {
  stage_at_ns_[block.stage] = block.at_ns;
  place_event(BlockKind::StageStarted, block.at_ns, out);
  out.header.stage = block.stage;
}

void StoredForm::place(const model::Interval& block, StoredBlock& out) {
  const auto stage = stage_at_ns_.find(block.stage);
  const std::int64_t began = run_began_ns_ + (stage == stage_at_ns_.end() ? 0 : stage->second);
  out.header.kind = BlockKind::Interval;
  out.header.stage = block.stage;
  out.header.from_ns = began + block.from_ns;
  out.header.to_ns = began + block.to_ns;
  out.header.operations = operations_of(block);
  if (!keeps_operations_) out.notable = notable_of(block, run_began_ns_);
}

void StoredForm::place(const model::StageEnded& block, StoredBlock& out) {
  place_event(BlockKind::StageEnded, block.at_ns, out);
  out.header.stage = block.stage;
}

void StoredForm::place(const model::Note& block, StoredBlock& out) { place_event(BlockKind::Note, block.at_ns, out); }

void StoredForm::place(const model::RunEnded& block, StoredBlock& out) {
  place_event(BlockKind::RunEnded, block.at_ns, out);
}

/// A chunk whose header cannot be read is there for every question about its stage: verify names it, and so does
/// whoever reads its records.
void StoredForm::place(const model::OperationRecords& block, StoredBlock& out) {
  const auto stage = stage_at_ns_.find(block.stage);
  place_event(BlockKind::Records, stage == stage_at_ns_.end() ? 0 : stage->second, out);
  out.header.stage = block.stage;
  out.header.operations = (OperationSet{1} << model::kOpKinds) - 1;
  if (const auto chunk = read_chunk_header(block.chunk)) {
    out.header.from_ns = base::held_sum(run_began_ns_, chunk->end_ns_min);
    out.header.to_ns = base::held_sum(run_began_ns_, chunk->end_ns_max);
    out.header.operations = chunk->operations;
    out.header.zone = chunk->zone;
  }
  out.notable.reserve(block.notable.size());
  for (const model::NotableOp& op : block.notable) {
    // Ascending, each once, as databases want them; a damaged list is cut where it is not.
    if (!out.notable.empty() && op.index <= out.notable.back().index) break;
    out.notable.push_back(stored_row(op, run_began_ns_));
  }
}

void StoredForm::place(const model::TargetNames& /*block*/, StoredBlock& out) {
  place_event(BlockKind::TargetNames, 0, out);
}

}  // namespace sluice::journal
