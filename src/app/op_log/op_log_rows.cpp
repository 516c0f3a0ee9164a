#include "app/op_log/op_log_rows.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "app/op_log/op_log_text.hpp"
#include "base/units.hpp"
#include "journal/record_merge.hpp"
#include "report/plain_text.hpp"

namespace sluice::app {

namespace {

constexpr std::uint64_t kRowsAStep = 8192;
constexpr std::size_t kTextBytes = std::size_t{1} << 20;

base::Error was_ended() {
  return {.code = base::Code::Cancelled,
          .what = "writing the op-log was ended",
          .likely = {"Ctrl-C was pressed, or the time for it was over"},
          .try_next = {"sluice results rebuild writes it from the log, which has everything"}};
}

}  // namespace

std::vector<std::string> told_of(const OpLogReport& report) {
  std::vector<std::string> lines;
  lines.reserve(report.torn.size() + report.damage.size() + 1);
  for (const std::string& line : report.torn) lines.push_back("note: " + report::one_line(line));
  for (const std::string& line : report.damage) lines.push_back("error: " + report::one_line(line));
  if (report.lost > 0) {
    lines.push_back(fmt::format("warning: {} operations are not in the op-log: the run could not keep them",
                                base::format_count(report.lost)));
  }
  return lines;
}

void OpLogInput::learn(std::uint32_t party, const model::Block& block) {
  book.learn(party, block);
  if (const auto* started = std::get_if<model::RunStarted>(&block)) {
    began_ns = std::min(began_ns.value_or(INT64_MAX), started->at.ns);
  } else if (const auto* stage = std::get_if<model::StageStarted>(&block)) {
    stages[stage->stage] = stage->name;
  }
}

base::Result<LookedThrough> look_through(const std::string& results_dir, const OpLogProgress& go_on) {
  LookedThrough found;
  auto opened = journal::OpLogReader::open(results_dir, [&](std::uint32_t party, const model::Block& block) {
    found.input.learn(party, block);
    return go_on(0, 0);
  });
  if (!opened && opened.error().code == base::Code::Cancelled) return base::fail(was_ended());
  if (!opened) return base::fail(std::move(opened).error());
  found.reader = std::move(*opened);
  found.input.chunks = found.reader->chunks();
  found.input.parties = found.reader->parties();
  found.report.lost = found.reader->lost();
  for (const journal::LogFlaw& flaw : found.reader->flaws()) {
    (flaw.torn_tail ? found.report.torn : found.report.damage).push_back(flaw.file + ": " + flaw.text);
  }
  return found;
}

base::Result<void> write_rows(journal::ChunkSource& source, OpLogInput& input, ExportFormat format,
                              const TextTaker& put, const OpLogProgress& go_on, OpLogReport& report) {
  std::uint64_t total = 0;
  for (const journal::ChunkPlace& chunk : input.chunks) total += chunk.records;
  journal::RecordMerge merge(source, input.chunks);
  OpLogText rows(format, input.began_ns.value_or(0));
  std::string text;
  rows.put_header(text);
  journal::MergedRecord merged;
  while (true) {
    SLUICE_TRY(const bool is_there, merge.next(merged));
    if (!is_there) break;
    const auto stage = input.stages.find(merged.place->stage);
    rows.put_row({.index = report.records++,
                  .record = merged.record,
                  .party = input.parties[merged.place->party],
                  .target = input.book.target_of(merged.place->party, *merged.record, merged.name),
                  .stage = merged.place->stage,
                  .stage_name = stage == input.stages.end() ? std::string_view() : stage->second},
                 text);
    if (text.size() >= kTextBytes) {
      if (!put(text)) return {};
      text.clear();
    }
    if (report.records % kRowsAStep == 0 && !go_on(report.records, total)) return base::fail(was_ended());
  }
  put(text);
  for (const journal::ChunkFlaw& flaw : merge.flaws()) {
    report.damage.push_back(source.where(flaw.place) + ": " + flaw.error.what);
  }
  return {};
}

}  // namespace sluice::app
