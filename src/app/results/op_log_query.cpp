#include "app/results/op_log_query.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "app/results/journal_chunks.hpp"
#include "base/held_sum.hpp"
#include "journal/block_codec.hpp"
#include "journal/records/notable.hpp"

namespace sluice::app {

namespace {

base::Error no_op_log(const RunSource& source) {
  return {.code = base::Code::NotFound,
          .what = "this run has no op-log",
          .where = "run " + shown(source.run().id),
          .likely = {"its plan has no op_log_path, so that only the slowest and failed operations were kept"},
          .try_next = {"ask without --op-log", "put op_log_path: ops.tsv.zst into the plan of the next run"}};
}

/// Takes what matches, up to a bound.
class Matches {
 public:
  Matches(std::size_t records_max, bool keeps_slowest) : records_max_(records_max), keeps_slowest_(keeps_slowest) {}

  /// False: there are too many.
  bool add(const journal::BlockHeader& block, journal::NotableRecord record) {
    if (!keeps_slowest_) {
      if (found_.size() == records_max_) return false;
      found_.push_back({.block = block, .record = std::move(record)});
      return true;
    }
    // A heap with the least slow in front.
    found_.push_back({.block = block, .record = std::move(record)});
    std::ranges::push_heap(found_, journal::is_slower);
    if (found_.size() > records_max_) {
      std::ranges::pop_heap(found_, journal::is_slower);
      found_.pop_back();
    }
    return true;
  }
  /// No operation that took so long would be kept.
  bool is_out(std::int64_t latency_ns) const {
    return keeps_slowest_ && found_.size() == records_max_ && latency_ns <= found_.front().record.latency_ns;
  }
  std::vector<journal::FoundRecord> take() {
    if (keeps_slowest_) std::ranges::sort(found_, journal::is_slower);
    return std::move(found_);
  }

 private:
  const std::size_t records_max_;
  const bool keeps_slowest_;
  std::vector<journal::FoundRecord> found_;
};

class Question {
 public:
  Question(JournalChunks& chunks, const journal::Filter& filter, Matches& matches)
      : chunks_(chunks), filter_(filter), matches_(matches), filter_but_target_(filter) {
    filter_but_target_.targets.clear();
  }

  /// False: there are too many. Errors: of the chunk.
  base::Result<bool> look_into(const journal::StoredBlock& stored) {
    if (stored.header.zone && matches_.is_out(stored.header.zone->latency_ns_max)) return true;
    SLUICE_TRY(const journal::RecordChunk chunk, records_of(stored));
    const std::int64_t began = chunks_.input().began_ns.value_or(0);
    const std::uint32_t party = chunks_.party_of(stored.header.party);
    for (std::uint32_t i = 0; i < chunk.records.size(); ++i) {
      const model::OpRecord& record = chunk.records[i];
      journal::NotableRecord row{.index = i,
                                 .operation = record.kind,
                                 .status = record.error ? journal::status_of(*record.error) : journal::kSucceeded,
                                 .end_ns = base::held_sum(began, record.end_ns),
                                 .latency_ns = record.latency_ns(),
                                 .bytes = record.bytes,
                                 .target = {},
                                 .detail = {}};
      if (matches_.is_out(row.latency_ns) || !filter_but_target_.matches(stored.header, row)) continue;
      const std::string_view foreign = record.dataset == model::OpRecord::kForeign
                                           ? chunk.names[static_cast<std::size_t>(record.index)]
                                           : std::string_view();
      row.target = chunks_.input().book.name_in_journal(party, record, foreign);
      if (!filter_.targets.empty() && !filter_.matches(stored.header, row)) continue;
      row.detail = journal::detail_of(record);
      if (!matches_.add(stored.header, std::move(row))) return false;
    }
    return true;
  }

 private:
  JournalChunks& chunks_;              // outlives: the caller's
  const journal::Filter& filter_;      // outlives: the caller's
  Matches& matches_;                   // outlives: the caller's
  journal::Filter filter_but_target_;  ///< names are made for what matches otherwise
};

}  // namespace

/// The run's first block says it; where that is lost, a chunk does.
base::Result<bool> has_op_log(RunSource& source) {
  std::optional<bool> has;
  SLUICE_CHECK(source.visit({.kinds = {journal::BlockKind::RunStarted}}, [&has](const journal::StoredBlock& stored) {
    const auto block = journal::decode_block(stored.payload);
    const auto* const started = block ? std::get_if<model::RunStarted>(&*block) : nullptr;
    if (started != nullptr) has = has.value_or(false) || started->keeps_operations;
    return true;
  }));
  if (has) return *has;
  has = false;
  SLUICE_CHECK(source.visit({.kinds = {journal::BlockKind::Records}}, 1, [&has](const journal::StoredBlock&) {
    has = true;
    return false;
  }));
  return *has;
}

base::Result<std::vector<journal::FoundRecord>> find_in_op_log(RunSource& source, journal::Filter filter,
                                                               std::size_t records_max, bool slowest_first) {
  SLUICE_TRY(const bool has, has_op_log(source));
  if (!has) return base::fail(no_op_log(source));
  JournalChunks chunks(source);
  SLUICE_CHECK(chunks.learn());
  IndexProgress progress("looking through the op-log");
  filter.kinds = {journal::BlockKind::Records};
  Matches matches(records_max, slowest_first);
  Question question(chunks, filter, matches);
  std::uint64_t looked_at = 0;
  base::Result<bool> state = true;
  SLUICE_CHECK(source.visit(filter, RunSource::kPageLongBlocks, [&](const journal::StoredBlock& stored) {
    progress.at(++looked_at, 0, "chunks");
    state = question.look_into(stored);
    if (!state) {
      state.error().where = fmt::format("block {} (seq {})", stored.header.party_seq, stored.header.seq);
      state.error().add_try("sluice results verify names all that is damaged");
    }
    return state.value_or(false);
  }));
  if (!state) return base::fail(std::move(state).error());
  if (!*state) return base::fail(base::Code::ResourceExhausted, "too many match");
  return matches.take();
}

}  // namespace sluice::app
