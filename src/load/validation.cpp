#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/random.hpp"
#include "base/units.hpp"
#include "load/preflight.hpp"
#include "load/stage_job.hpp"

namespace sluice::load {

namespace {

/// Objects of each dataset that a validation stage looks at, spread evenly.
constexpr std::uint64_t kSampleObjects = 1000;

/// Looks at an even sample of a dataset: is each there, with its size? Returns how many were looked at.
base::Result<std::uint64_t> check_sample(StageJob& job, const PreparedSet& set) {
  const model::Names& files = set.files();
  const std::uint64_t sample = std::min(files.count(), kSampleObjects);
  std::vector<dataset::IndexRange> ranges;
  for (std::uint64_t i = 0; i < sample; ++i) {
    const auto index = static_cast<std::uint64_t>(static_cast<unsigned __int128>(files.count()) * i / sample);
    ranges.push_back({index, index + 1});
  }
  StageJob::RangePass pass{.what = "checking a sample of " + set.uri(), .unit = "objects"};
  pass.lanes.push_back({.kind = model::OpKind::Stat, .store = set.base().store, .names = &files, .ranges = ranges});
  SLUICE_TRY(StageJob::RangeOutcome outcome, job.run_ranges(std::move(pass)));
  const std::uint64_t missing = outcome.work->failures();
  if (missing == 0) return sample;
  base::Error error{.code = base::Code::NotFound,
                    .what = fmt::format("{} of {} objects looked at are not there", base::format_count(missing),
                                        base::format_count(sample)),
                    .where = set.uri()};
  return base::fail(std::move(error)
                        .add_likely("the dataset was not prepared, or was removed meanwhile")
                        .add_try("put a prepare stage before this one"));
}

base::Result<void> check_count(StageJob& job, std::uint64_t expected) {
  std::uint64_t found = 0;
  job.begin_activity("counting objects", "objects", expected);
  for (const std::unique_ptr<PreparedSet>& set : job.context().sets) {
    const storage::ListFilter filter{.prefix = set->base().name};
    const storage::ListSink sink = [&](std::span<const std::string_view> names) {
      found += names.size();
      return true;
    };
    SLUICE_CHECK(set->base().backend->list(filter, sink, job.context().activity.progress, job.control().token()));
  }
  if (found == expected) return {};
  base::Error error{.code = base::Code::NotFound,
                    .what = fmt::format("{} objects are there, and expected_objects is {}", base::format_count(found),
                                        base::format_count(expected)),
                    .where = job.context().plan.target};
  return base::fail(std::move(error)
                        .add_likely("a prepare was interrupted, or others write there")
                        .add_try("sluice run with the prepare stage"));
}

std::string note_of(const model::Stage& stage, std::uint64_t looked_at, const Preflight& preflight) {
  if (looked_at == 0 && !stage.expected_objects) return "nothing is prepared yet; the plan " + preflight.headline();
  std::string text = fmt::format("{} objects were looked at, and are there", base::format_count(looked_at));
  if (stage.expected_objects) text += fmt::format("; {} were counted", base::format_count(*stage.expected_objects));
  return text;
}

}  // namespace

StageResult run_validation(StageJob& job) {
  const base::Instant began = base::now();
  auto window = [&] { return (base::now() - began).count(); };
  job.begin_activity("preflight", "checks", model::Progress::kUnknown);
  base::Result<Preflight> preflight = look_ahead(job.context());
  if (!preflight) return StageJob::failed(std::move(preflight).error(), window());
  if (std::optional<base::Error> error = preflight->first_error()) return StageJob::failed(std::move(*error), window());
  // A validation before the prepare stage has nothing to look for yet.
  std::uint64_t looked_at = 0;
  for (const std::unique_ptr<PreparedSet>& set : job.context().sets) {
    const bool marked = set->base().backend->stat(set->marker_name()).has_value();
    if (set->status != PreparedSet::Status::Ours && !marked) continue;
    auto checked = check_sample(job, *set);
    if (!checked) return StageJob::failed(std::move(checked).error(), window());
    looked_at += *checked;
  }
  if (const auto& expected = job.stage().expected_objects) {
    auto counted = check_count(job, *expected);
    if (job.control().stop_requested()) return job.interrupted(window());
    if (!counted) return StageJob::failed(std::move(counted).error(), window());
  }
  job.tell_ready();
  if (job.control().stop_requested()) return job.interrupted(window());
  return {.window_ns = window(), .note = note_of(job.stage(), looked_at, *preflight)};
}

}  // namespace sluice::load
