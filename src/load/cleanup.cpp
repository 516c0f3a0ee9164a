#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "base/units.hpp"
#include "dataset/listed.hpp"
#include "dataset/pattern.hpp"
#include "load/stage_job.hpp"

namespace sluice::load {

namespace {

/// Removes what the run made: first what it put beside its datasets, then the datasets, directories last. Lives on the
/// stage's thread for the time of the stage.
class Cleaner {
 public:
  explicit Cleaner(StageJob& job) : job_(job), context_(job.context()) {}

  StageResult run();

 private:
  base::Result<void> remove_made();
  base::Result<void> remove_left_by_earlier_runs();
  void note_unknown_runs();
  base::Result<void> remove_set(PreparedSet& set);
  void remove_own_folder();
  base::Result<bool> is_ours(PreparedSet& set);
  base::Result<void> remove_ranges(std::string what, std::string unit, Lane lane);
  base::Result<void> remove_directory(const Place& place);
  bool stopped() const { return job_.control().stop_requested(); }

  StageJob& job_;
  RunContext& context_;
  std::uint64_t failures_ = 0;
  bool found_any_ = false;  ///< there was something to remove
  std::string left_;
  std::vector<std::unique_ptr<dataset::ListedNames>> listed_;  ///< outlive the passes that use them
};

/// Is this one of the names that a run makes: <verb>-<run>-<agent>-<number>?
bool is_made_by(std::string_view name, std::string_view verb, const std::vector<std::string>& runs) {
  if (name.ends_with('/')) name.remove_suffix(1);
  name.remove_prefix(name.find_last_of('/') + 1);  // npos + 1 is 0
  return std::ranges::any_of(runs, [&](const std::string& run) {
    const std::string stem = fmt::format("{}-{}-", verb, run);
    const std::size_t digits = name.starts_with(stem) ? name.find_first_not_of("0123456789-", stem.size()) : 0;
    return digits == std::string_view::npos;
  });
}

base::Result<void> Cleaner::remove_ranges(std::string what, std::string unit, Lane lane) {
  const bool directories = lane.kind == model::OpKind::Rmdir;
  found_any_ = true;
  if (context_.plan.prepare.cleanup_mode != model::CleanupMode::Strict) lane.forgiven = ENOENT;
  StageJob::RangePass pass{.what = std::move(what), .unit = std::move(unit)};
  pass.lanes.push_back(std::move(lane));
  SLUICE_TRY(StageJob::RangeOutcome outcome, job_.run_ranges(std::move(pass)));
  if (outcome.work->failures() == 0) return {};
  failures_ += outcome.work->failures();
  std::array<char, model::kNameBytesMax> name;
  const std::uint64_t first = outcome.work->failed(0).front();
  const model::Names& names = *outcome.work->lane(0).names;
  left_ += fmt::format("{} {} could not be removed (first: {}). ", base::format_count(outcome.work->failures()),
                       directories ? "directories" : "objects",
                       std::string_view(name.data(), names.write_name(first, name)));
  return {};
}

base::Result<void> Cleaner::remove_directory(const Place& place) {
  base::Result<void> removed = place.backend->remove(place.name);
  if (removed || removed.error().code == base::Code::NotFound) return {};
  left_ += fmt::format("{}{} holds files that are not this run's and stays. ", place.backend->uri(), place.name);
  return {};
}

base::Result<void> Cleaner::remove_made() {
  for (MadeNames* made : context_.made.all()) {
    if (stopped()) return {};
    const std::uint64_t made_count = made->upper_bound();
    if (made_count == 0) continue;
    // Not every number below the bound was made, and deletions of the run took some: a missing one is no failure.
    Lane lane{.kind = made->is_directory() ? model::OpKind::Rmdir : model::OpKind::Delete,
              .store = made->place().store,
              .names = &made->names(),
              .ranges = {{0, made_count}},
              .forgiven = ENOENT};
    SLUICE_CHECK(remove_ranges("removing what the run put", "objects", std::move(lane)));
  }
  const std::vector<Place>& directories = context_.made.directories();
  if (directories.empty()) return {};
  found_any_ = true;
  job_.begin_activity("removing directories that the run made", "directories", directories.size());
  for (auto place = directories.rbegin(); place != directories.rend() && !stopped(); ++place) {
    SLUICE_CHECK(remove_directory(*place));
    context_.activity.progress.add(1);
  }
  return {};
}

/// A cleanup alone goes by the folders of earlier runs; what runs have put must not stay without a word.
void Cleaner::note_unknown_runs() {
  const bool is_alone = context_.plan.stages.size() == 1;
  const bool makes_names = std::ranges::any_of(context_.plan.workload, [](const model::Operation& operation) {
    const bool over_members =
        operation.kind == model::OpKind::Put && !operation.path.empty() && !operation.path.ends_with('/');
    return !made_verb_of(operation.kind).empty() && !over_members;
  });
  if (!is_alone || !makes_names) return;
  context_.note(
      "what earlier runs have put was not looked for: none of their folders is known; `sluice cleanup PLAN "
      "--results DIR` goes by the folders in DIR");
}

/// What runs that were killed have put: their numbers are lost, so the places that the plan puts to are listed.
base::Result<void> Cleaner::remove_left_by_earlier_runs() {
  if (context_.earlier_runs.empty()) {
    note_unknown_runs();
    return {};
  }
  for (const model::Operation& operation : context_.plan.workload) {
    const std::string_view verb = made_verb_of(operation.kind);
    if (verb.empty() || stopped()) continue;
    SLUICE_TRY(const Place place,
               context_.targets.locate(operation.destination.empty() ? operation.path : operation.destination));
    SLUICE_TRY(const dataset::Pattern pattern, dataset::Pattern::compile(place.name));
    job_.begin_activity("looking for what earlier runs put below " + operation.path, "entries",
                        model::Progress::kUnknown);
    auto found = std::make_unique<dataset::ListedNames>();
    base::Result<void> appended;
    const bool directories = operation.kind == model::OpKind::Mkdir;
    const storage::ListFilter filter{
        .prefix = pattern.literal_prefix(),
        .matches = [&](std::string_view name) { return is_made_by(name, verb, context_.earlier_runs); },
        .directories = directories};
    const storage::ListSink sink = [&](std::span<const std::string_view> names) {
      for (const std::string_view name : names) {
        if (name.ends_with('/') == directories && appended) appended = found->append(name);
      }
      return appended.has_value();
    };
    base::Result<void> listed = place.backend->list(filter, sink, context_.activity.progress, job_.control().token());
    if (!listed && listed.error().code == base::Code::NotFound) continue;
    SLUICE_CHECK(listed);
    SLUICE_CHECK(appended);
    found->freeze();
    if (found->count() == 0) continue;
    listed_.push_back(std::move(found));
    SLUICE_CHECK(remove_ranges("removing what earlier runs put", "objects",
                               {.kind = directories ? model::OpKind::Rmdir : model::OpKind::Delete,
                                .store = place.store,
                                .names = listed_.back().get(),
                                .ranges = {{0, listed_.back()->count()}},
                                .forgiven = ENOENT}));
  }
  return {};
}

/// A run without a plan has a folder of its own, which goes with everything in it that the run made.
void Cleaner::remove_own_folder() {
  for (const std::unique_ptr<PreparedSet>& set : context_.sets) {
    if (!set->base().name.empty()) static_cast<void>(remove_directory(set->base()));
  }
  for (storage::Backend* backend : context_.targets.backends()) {
    static_cast<void>(remove_directory({.backend = backend, .store = 0, .name = {}}));
  }
}

/// Datasets are removed when this run prepared them, or when their marker is this plan's.
base::Result<bool> Cleaner::is_ours(PreparedSet& set) {
  if (set.status != PreparedSet::Status::Unknown || context_.plan.delete_foreign) return true;
  base::Result<std::string> text = set.base().backend->read_small(set.marker_name());
  if (!text) {
    if (text.error().code == base::Code::NotFound) return false;
    return base::fail(std::move(text).error());
  }
  SLUICE_TRY(const dataset::Marker marker, dataset::parse_marker(*text, set.base().backend->uri() + set.marker_name()));
  return marker.plan_hash == set.hash();
}

base::Result<void> Cleaner::remove_set(PreparedSet& set) {
  SLUICE_TRY(const bool ours, is_ours(set));
  if (!ours) {
    job_.begin_activity("looking whether anything is there", "entries", model::Progress::kUnknown);
    SLUICE_TRY(const bool empty, set.is_base_empty(context_.activity.progress, job_.control().token()));
    if (empty) {
      left_ += fmt::format("{}: nothing was there. ", set.uri());
      return {};
    }
    base::Error error{.code = base::Code::PermissionDenied,
                      .what = "the dataset does not carry this plan's marker, so nothing of it was removed",
                      .where = set.uri()};
    return base::fail(std::move(error)
                          .add_likely("it was made by another plan, seed or tool, or was removed already")
                          .add_try("run cleanup with the plan that made it")
                          .add_try("--yes-delete-foreign removes the names of this plan all the same"));
  }
  const std::uint64_t failures_before = failures_;
  const bool partly = set.status == PreparedSet::Status::Partly;
  std::vector<dataset::IndexRange> ranges{{0, set.files().count()}};
  if (partly) ranges.assign(set.made.ranges().begin(), set.made.ranges().end());
  SLUICE_CHECK(remove_ranges(
      "removing objects", "objects",
      {.kind = model::OpKind::Delete, .store = set.base().store, .names = &set.files(), .ranges = std::move(ranges)}));
  if (partly) return {};  // its directories were there before, or hold what was
  for (std::uint32_t level = set.levels(); level > 0 && !stopped(); --level) {
    SLUICE_CHECK(remove_ranges("removing directories", "directories",
                               {.kind = model::OpKind::Rmdir,
                                .store = set.base().store,
                                .names = set.directories(),
                                .ranges = {set.level_range(level)}}));
  }
  if (stopped() || failures_ != failures_before) return {};  // the marker stays, so that cleanup can be run again
  base::Result<void> removed = set.base().backend->remove(set.marker_name());
  if (!removed && removed.error().code != base::Code::NotFound) return removed;
  return {};
}

StageResult Cleaner::run() {
  const base::Instant began = base::now();
  auto window = [&] { return (base::now() - began).count(); };
  // What a stop cuts short is no failure.
  auto removed = remove_made();
  if (removed && !stopped()) removed = remove_left_by_earlier_runs();
  for (const std::unique_ptr<PreparedSet>& set : context_.sets) {
    if (removed && !stopped()) removed = remove_set(*set);
  }
  if (stopped()) return job_.interrupted(window());
  if (!removed) return StageJob::failed(std::move(removed).error(), window());
  if (context_.plan.remove_everything && failures_ == 0) remove_own_folder();
  if (!found_any_ && left_.empty() && !context_.earlier_runs.empty()) left_ = "nothing was there. ";
  if (!left_.empty()) left_.pop_back();
  if (failures_ > 0 && context_.plan.prepare.cleanup_mode != model::CleanupMode::BestEffort) {
    base::Error error{.code = base::Code::Unavailable, .what = left_, .where = context_.plan.target};
    return StageJob::failed(
        std::move(error)
            .add_likely("directories hold files that are not this run's, or permissions have changed")
            .add_try("sluice cleanup PLAN.yaml removes what is left, after the cause is mended")
            .add_try("cleanup_mode: best_effort leaves it with a note"),
        window());
  }
  return {.window_ns = window(), .note = left_};
}

}  // namespace

StageResult run_cleanup(StageJob& job) { return Cleaner(job).run(); }

}  // namespace sluice::load
