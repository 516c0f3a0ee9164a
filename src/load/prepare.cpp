#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/random.hpp"
#include "base/units.hpp"
#include "load/marker_writer.hpp"
#include "load/stage_job.hpp"

namespace sluice::load {

namespace {

using dataset::IndexRange;

/// Objects looked at before a complete marker is believed.
constexpr std::uint64_t kSampleObjects = 100;
/// How often the marker is brought up to date while objects are written.
constexpr base::Nanos kMarkerEvery{5'000'000'000};

/// Makes one or more datasets exist. Lives on the stage's thread for the time of the stage.
class Preparer {
 public:
  explicit Preparer(StageJob& job) : job_(job), context_(job.context()) {}

  StageResult run();

 private:
  /// A dataset on its way: what of it is missing, and its marker.
  struct Work {
    PreparedSet* set = nullptr;
    dataset::Marker marker;
    std::vector<IndexRange> missing;
    bool make_directories = true;
    std::unique_ptr<MarkerWriter> writer;
  };

  base::Result<Work> examine(PreparedSet& set);
  base::Result<bool> continue_from(const dataset::Marker& found, Work& work);
  base::Result<void> take_found(Work& work);
  base::Result<bool> is_intact(const PreparedSet& set);
  base::Result<void> check_expected();
  StageResult with_trace(StageResult result) const;
  base::Result<void> refuse_other_mask(const PreparedSet& set);
  base::Result<std::vector<IndexRange>> find_missing(const PreparedSet& set);
  base::Result<void> make_directories(Work& work);
  base::Result<void> write_objects(std::vector<Work*> works);
  base::Result<void> try_failed_again(std::vector<Work*>& works, const RangeWork& first);
  base::Result<void> end_full(const std::vector<Work*>& works, const RangeWork& work);
  static bool note_finished(Work& work, const dataset::RangeSet& finished);
  static base::Result<void> write_marker(Work& work, const dataset::RangeSet& finished);
  Lane put_lane(const Work& work, std::vector<IndexRange> ranges) const;
  bool stopped() const { return job_.control().stop_requested(); }

  StageJob& job_;
  RunContext& context_;
  std::string note_;
  bool touched_ = false;  ///< something was made, a directory at least
};

std::string name_at(const model::Names& names, std::uint64_t index) {
  std::array<char, model::kNameBytesMax> name;
  return {name.data(), names.write_name(index, name)};
}

/// A complete marker is checked by looking at objects spread over the whole set, the first and the last among them.
base::Result<bool> Preparer::is_intact(const PreparedSet& set) {
  const std::uint64_t count = set.files().count();
  base::Random random(base::derive_seed(context_.plan.seed, 7));
  job_.begin_activity("checking a sample of what is there", "objects", std::min(count, kSampleObjects));
  for (std::uint64_t i = 0; i < std::min(count, kSampleObjects); ++i) {
    if (stopped()) return base::fail(base::Code::Cancelled, "looking at a sample was cancelled", set.uri());
    const std::uint64_t index = count <= kSampleObjects ? i : i == 0 ? 0 : i == 1 ? count - 1 : random.below(count);
    const base::Result<storage::ObjectFacts> facts = set.base().backend->stat(name_at(set.files(), index));
    if (!facts && facts.error().code != base::Code::NotFound) return base::fail(facts.error());
    if (!facts || facts->bytes != set.files().size_of(index)) return false;
    context_.activity.progress.add(1);
  }
  return true;
}

/// A tree of the same shape that another tool made is easily taken for one that is missing.
base::Result<void> Preparer::refuse_other_mask(const PreparedSet& set) {
  if (!set.spec().tree) return {};
  const std::string theirs = set.base().name + "sai3bench.d1_w1.dir/";
  if (name_at(*set.directories(), 0) == theirs || set.base().backend->stat(name_at(*set.directories(), 0)) ||
      !set.base().backend->stat(theirs)) {
    return {};
  }
  base::Error error{.code = base::Code::InvalidArgument,
                    .what = "the tree of this plan is not there, but one with the mask of sai3-bench is",
                    .where = set.base().backend->uri() + theirs};
  return base::fail(std::move(error)
                        .add_likely("the dataset was made by sai3-bench, whose mask is sai3bench.d%d_w%d.dir")
                        .add_try("set directory_structure.dir_mask: \"sai3bench.d%d_w%d.dir\" to use it")
                        .add_try("set force_overwrite: true to write this plan's own tree beside it"));
}

/// Asks for every object whether it is there with its size; only where no marker tells. Ours are written again where
/// they have another; of somebody else's that is an error.
base::Result<std::vector<IndexRange>> Preparer::find_missing(const PreparedSet& set) {
  const IndexRange all{0, set.files().count()};
  StageJob::RangePass pass{.what = "looking for objects that are there already", .unit = "objects"};
  pass.lanes.push_back({.kind = model::OpKind::Stat,
                        .store = set.base().store,
                        .names = &set.files(),
                        .ranges = {all},
                        .forgiven = ENOENT,
                        .is_search = true});
  SLUICE_TRY(StageJob::RangeOutcome outcome, job_.run_ranges(std::move(pass)));
  const RangeWork::Trouble trouble = outcome.work->trouble();
  auto where = [&](std::uint64_t index) { return set.base().backend->uri() + name_at(set.files(), index); };
  if (trouble.unseen > 0) {
    return base::fail(base::from_errno(
        trouble.errnum, fmt::format("cannot see whether {} objects are there", base::format_count(trouble.unseen)),
        where(trouble.first_unseen)));
  }
  if (trouble.other_size > 0 && set.status != PreparedSet::Status::Ours) {
    base::Error error{.code = base::Code::InvalidArgument,
                      .what = fmt::format("{} objects of this plan's names are there with other sizes than the plan's",
                                          base::format_count(trouble.other_size)),
                      .where = where(trouble.first_other_size) + ", the first of them"};
    return base::fail(std::move(error)
                          .add_likely("another plan or tool has written there, and left no marker")
                          .add_try("use another base_uri")
                          .add_try("prepare.force_overwrite: true writes over what is there"));
  }
  return outcome.work->finished(0).missing(all);
}

/// What an earlier run of this plan left: all there, or to be continued. Nothing where it must be looked for one by
/// one.
base::Result<bool> Preparer::continue_from(const dataset::Marker& found, Work& work) {
  PreparedSet& set = *work.set;
  if (found.plan_hash != set.hash()) {
    base::Error error{.code = base::Code::InvalidArgument,
                      .what = "the base holds a dataset of another plan",
                      .where = set.uri() + std::string(dataset::kMarkerName) + ", made by run " + found.made_by};
    return base::fail(std::move(error)
                          .add_likely("its shape, sizes, fill or seed are not this plan's, and both use the same names")
                          .add_try("sluice cleanup with the plan that made it, or another base_uri")
                          .add_try("prepare.force_overwrite: true writes this plan's objects over it"));
  }
  const IndexRange all{0, set.files().count()};
  set.status = PreparedSet::Status::Ours;
  work.marker = found;
  work.make_directories = !found.directories_made;
  work.missing = work.marker.share(0, 1).positions.missing(all);
  if (!work.missing.empty()) {
    note_ += fmt::format("{}: continued where an earlier run stopped. ", set.uri());
    return true;
  }
  SLUICE_TRY(const bool intact, is_intact(set));
  if (intact) {
    note_ += fmt::format("{}: reused, {} objects were there already. ", set.uri(), base::format_count(all.end));
    return true;
  }
  note_ += fmt::format("{}: marked complete, but objects are missing or have another size. ", set.uri());
  work.marker.finished.clear();
  work.make_directories = true;
  return false;
}

/// Objects of this plan's names that no marker speaks of are somebody else's: they are used, and never deleted.
base::Result<void> Preparer::take_found(Work& work) {
  PreparedSet& set = *work.set;
  const IndexRange all{0, set.files().count()};
  SLUICE_TRY(work.missing, find_missing(set));
  dataset::RangeSet missing;
  for (const IndexRange& range : work.missing) missing.add(range);
  if (missing.size() == all.size() || set.status == PreparedSet::Status::Ours) return {};
  set.status = PreparedSet::Status::Partly;
  note_ += fmt::format("{}: {} objects were there without a marker; they are used and will not be deleted. ", set.uri(),
                       base::format_count(all.size() - missing.size()));
  return {};
}

base::Result<Preparer::Work> Preparer::examine(PreparedSet& set) {
  Work work{.set = &set, .writer = std::make_unique<MarkerWriter>(job_.shared_context(), job_.control())};
  storage::Backend& backend = *set.base().backend;
  work.marker = {
      .plan_hash = set.hash(), .seed = set.seed(), .objects = set.files().count(), .made_by = context_.run_id};
  if (set.directories() != nullptr) work.marker.directories = set.directories()->count();

  const model::Prepare& rules = context_.plan.prepare;
  if (rules.skip_verification && !rules.force_overwrite) {
    note_ += fmt::format("{}: taken as there, unseen (skip_verification). ", set.uri());
    work.make_directories = false;
    return work;
  }
  const bool base_was_there = set.base().name.empty() ? backend.inspect().value_or(storage::TargetFacts{}).exists
                                                      : backend.stat(set.base().name).has_value();
  touched_ |= !base_was_there;
  SLUICE_CHECK(backend.make_directories(set.base().name));
  if (base_was_there && !rules.force_overwrite) {
    base::Result<std::string> text = backend.read_small(set.marker_name());
    if (!text && text.error().code != base::Code::NotFound) return base::fail(std::move(text).error());
    if (text) {
      SLUICE_TRY(const dataset::Marker found, dataset::parse_marker(*text, backend.uri() + set.marker_name()));
      SLUICE_TRY(const bool known, continue_from(found, work));
      if (known) return work;
    }
    job_.begin_activity("looking whether anything is there", "entries", model::Progress::kUnknown);
    SLUICE_TRY(const bool empty, set.is_base_empty(context_.activity.progress, job_.control().token()));
    if (!empty) {
      SLUICE_CHECK(refuse_other_mask(set));
      SLUICE_CHECK(take_found(work));
      if (set.status == PreparedSet::Status::Unknown) set.status = PreparedSet::Status::Ours;
      return work;
    }
  }
  set.status = PreparedSet::Status::Ours;
  work.missing = {{0, set.files().count()}};
  return work;
}

base::Result<void> Preparer::make_directories(Work& work) {
  const PreparedSet& set = *work.set;
  if (!work.make_directories || set.directories() == nullptr) return {};
  // Before the first of them, so that a cleanup after a crash knows them for ours.
  SLUICE_CHECK(write_marker(work, {}));
  for (std::uint32_t level = 1; level <= set.levels() && !stopped(); ++level) {
    const std::string what = set.levels() == 1
                                 ? "creating directories"
                                 : fmt::format("creating directories, level {} of {}", level, set.levels());
    StageJob::RangePass pass{.what = what, .unit = "directories"};
    pass.lanes.push_back({.kind = model::OpKind::Mkdir,
                          .store = set.base().store,
                          .names = set.directories(),
                          .ranges = {set.level_range(level)},
                          .forgiven = EEXIST});
    SLUICE_TRY(StageJob::RangeOutcome outcome, job_.run_ranges(std::move(pass)));
    if (outcome.work->failures() == 0) continue;
    if (const int full = outcome.work->full(); full != 0 && !stopped()) {
      base::Error error = base::from_errno(full,
                                           fmt::format("the target is full: {} of {} directories of level {} were made",
                                                       base::format_count(outcome.work->finished(0).size()),
                                                       base::format_count(set.level_range(level).size()), level),
                                           set.uri());
      return base::fail(std::move(error).add_try("run again when there is room: what was made is kept"));
    }
    base::Error error{
        .code = base::Code::Unavailable,
        .what = fmt::format("{} of {} directories of level {} could not be created",
                            base::format_count(outcome.work->failures()),
                            base::format_count(set.level_range(level).size()), level),
        .where = set.uri() + " (first: " + name_at(*set.directories(), outcome.work->failed(0).front()) + ")"};
    return base::fail(std::move(error)
                          .add_likely("see the kinds of error in the results: no space, no inodes, no permission")
                          .add_try("df -h and df -i on the target"));
  }
  if (stopped()) return {};
  work.marker.directories_made = true;
  return write_marker(work, {});
}

Lane Preparer::put_lane(const Work& work, std::vector<IndexRange> ranges) const {
  const PreparedSet& set = *work.set;
  return {.kind = model::OpKind::Put,
          .store = set.base().store,
          .names = &set.files(),
          .ranges = std::move(ranges),
          .data = set.spec().data,
          .content_seed = set.seed(),
          .size_max = set.sizes().max_size()};
}

/// True where a marker is to say so, too.
bool Preparer::note_finished(Work& work, const dataset::RangeSet& finished) {
  // A marker would make the objects that were there before ours.
  const bool is_partly = work.set->status == PreparedSet::Status::Partly;
  dataset::RangeSet& known = is_partly ? work.set->made : work.marker.share(0, 1).positions;
  for (const IndexRange& range : finished.ranges()) known.add(range);
  return !is_partly;
}

base::Result<void> Preparer::write_marker(Work& work, const dataset::RangeSet& finished) {
  if (!note_finished(work, finished)) return {};
  auto written = work.writer->write(work.set->base(), work.set->marker_name(), to_text(work.marker));
  if (written) return {};
  written.error().chain.push_back(written.error().what);
  written.error().what = "the marker of dataset " + work.set->uri() + " could not be written";
  return written;
}

/// Nothing can be written any more, so the rest is not tried. What was written stays, for a later run to go on from;
/// what was written by halves goes, which makes room for the marker.
base::Result<void> Preparer::end_full(const std::vector<Work*>& works, const RangeWork& work) {
  std::uint64_t written = 0;
  base::Result<void> marked;
  job_.begin_activity("removing what was written by halves", "objects", work.failures());
  for (std::size_t i = 0; i < works.size(); ++i) {
    const PreparedSet& set = *works[i]->set;
    for (const std::uint64_t index : work.failed(i)) {
      if (stopped()) break;
      static_cast<void>(set.base().backend->remove(name_at(set.files(), index)));  // it may never have been there
      context_.activity.progress.add(1);
    }
    const dataset::RangeSet finished = work.finished(i);
    written += finished.size();
    if (auto one = write_marker(*works[i], finished); !one) marked = std::move(one);
  }
  base::Error error = base::from_errno(work.full(),
                                       fmt::format("the target is full: {} of {} objects were written",
                                                   base::format_count(written), base::format_count(work.total())),
                                       works.front()->set->uri());
  if (!marked) {
    error.chain.push_back(marked.error().what);
    return base::fail(
        std::move(error).add_try("run again when there is room: objects written of late are written once more"));
  }
  return base::fail(
      std::move(error).add_try("run again when there is room: what was written is kept and not written twice"));
}

/// The rule of the field: few failures are worth many tries, many are worth none.
base::Result<void> Preparer::try_failed_again(std::vector<Work*>& works, const RangeWork& first) {
  const double share =
      static_cast<double>(first.failures()) / static_cast<double>(std::max<std::uint64_t>(1, first.total()));
  const int tries = share < 0.2 ? 10 : share <= 0.8 ? 3 : 0;
  std::vector<std::vector<std::uint64_t>> failed;
  failed.reserve(works.size());
  for (std::size_t i = 0; i < works.size(); ++i) failed.push_back(first.failed(i));
  auto left = [&] {
    std::uint64_t count = 0;
    for (const auto& indices : failed) count += indices.size();
    return count;
  };
  // Beyond a million they are not remembered one by one: those are left for the next run.
  const std::uint64_t forgotten = first.failures() - left();
  for (int attempt = 0; attempt < tries && left() > 0 && !stopped(); ++attempt) {
    if (job_.control().wait_until(base::now() + base::Nanos{std::int64_t{100'000'000} << std::min(attempt, 5)})) break;
    StageJob::RangePass pass{.what = fmt::format("writing failed objects again, try {} of {}", attempt + 1, tries),
                             .unit = "objects"};
    for (std::size_t i = 0; i < works.size(); ++i) {
      std::ranges::sort(failed[i]);
      dataset::RangeSet again;
      for (const std::uint64_t index : failed[i]) again.add(index, index + 1);
      pass.lanes.push_back(put_lane(*works[i], {again.ranges().begin(), again.ranges().end()}));
    }
    SLUICE_TRY(StageJob::RangeOutcome outcome, job_.run_ranges(std::move(pass)));
    if (outcome.work->full() != 0 && !stopped()) return end_full(works, *outcome.work);
    for (std::size_t i = 0; i < works.size(); ++i) {
      static_cast<void>(write_marker(*works[i], outcome.work->finished(i)));  // as above
      failed[i] = outcome.work->failed(i);
    }
  }
  const std::uint64_t remaining = left() + forgotten;
  if (remaining == 0 || stopped()) return {};
  base::Error error{
      .code = base::Code::Unavailable,
      .what = fmt::format("{} of {} objects could not be written{}", base::format_count(remaining),
                          base::format_count(first.total()),
                          tries == 0 ? ", too many to try again" : fmt::format(" in {} more tries", tries)),
      .where = works.front()->set->uri()};
  return base::fail(
      std::move(error)
          .add_likely("see the kinds of error in the results: the most frequent one is the cause")
          .add_try("mend the cause and run again: what was written is kept and not written twice")
          .add_try("skip_verification: true takes the objects as there; force_overwrite: true writes all anew"));
}

base::Result<void> Preparer::write_objects(std::vector<Work*> works) {
  std::erase_if(works, [](const Work* work) { return work->missing.empty(); });
  if (works.empty()) return {};
  StageJob::RangePass pass{.what = "writing objects", .unit = "objects"};
  for (Work* work : works) {
    work->marker.directories_made = true;
    SLUICE_CHECK(write_marker(*work, {}));
    pass.lanes.push_back(put_lane(*work, work->missing));
  }
  base::Instant marked = base::now();
  pass.on_tick = [&](const RangeWork& work) {
    if (base::now() - marked < kMarkerEvery) return;
    for (std::size_t i = 0; i < works.size(); ++i) {
      if (!note_finished(*works[i], work.finished(i))) continue;
      // Not awaited: what is measured is collected on this thread.
      const PreparedSet& set = *works[i]->set;
      static_cast<void>(works[i]->writer->begin(set.base(), set.marker_name(), to_text(works[i]->marker)));
    }
    marked = base::now();  // a marker that cannot be written now is written at the end, or fails the stage there
  };
  SLUICE_TRY(StageJob::RangeOutcome outcome, job_.run_ranges(std::move(pass)));
  if (outcome.work->full() != 0 && !stopped()) return end_full(works, *outcome.work);
  base::Result<void> markers;
  for (std::size_t i = 0; i < works.size(); ++i) {
    if (auto written = write_marker(*works[i], outcome.work->finished(i)); !written) markers = std::move(written);
  }
  // Where objects failed a marker that failed too is no news: the cause is the same.
  if (outcome.work->failures() > 0 && !stopped()) return try_failed_again(works, *outcome.work);
  return markers;
}

/// expected_objects of the stage: does the plan prepare as many as its author thinks?
base::Result<void> Preparer::check_expected() {
  const std::optional<std::uint64_t>& expected = job_.stage().expected_objects;
  if (!expected) return {};
  std::uint64_t objects = 0;
  for (const std::unique_ptr<PreparedSet>& set : context_.sets) objects += set->files().count();
  if (objects == *expected) return {};
  base::Error error{.code = base::Code::InvalidArgument,
                    .what = fmt::format("{} objects were prepared, and expected_objects is {}",
                                        base::format_count(objects), base::format_count(*expected)),
                    .where = "stage " + job_.stage().name};
  return base::fail(std::move(error)
                        .add_likely("count or the tree's shape was changed, and expected_objects was not")
                        .add_try("make both agree"));
}

/// Of an end before the first object: whether there is anything to be removed.
StageResult Preparer::with_trace(StageResult result) const {
  result.touched = touched_;
  return result;
}

StageResult Preparer::run() {
  const base::Instant began = base::now();
  auto window = [&] { return (base::now() - began).count(); };
  std::vector<Work> works;
  for (const std::unique_ptr<PreparedSet>& set : context_.sets) {
    base::Result<Work> work = examine(*set);
    if (stopped()) return with_trace(job_.interrupted(window()));
    if (!work) return with_trace(StageJob::failed(std::move(work).error(), window()));
    works.push_back(std::move(*work));
  }
  const bool parallel = context_.plan.prepare.strategy == model::PrepareStrategy::Parallel;
  std::vector<Work*> together;
  for (Work& work : works) {
    if (stopped()) return job_.interrupted(window());
    if (auto made = make_directories(work); !made) return StageJob::failed(std::move(made).error(), window());
    together.push_back(&work);
    if (parallel && &work != &works.back()) continue;
    if (auto written = write_objects(std::exchange(together, {})); !written) {
      return StageJob::failed(std::move(written).error(), window());
    }
  }
  if (stopped()) return job_.interrupted(window());
  if (auto counted = check_expected(); !counted) return StageJob::failed(std::move(counted).error(), window());
  if (!note_.empty()) note_.pop_back();
  return {.window_ns = window(), .note = note_};
}

}  // namespace

StageResult run_prepare(StageJob& job) { return Preparer(job).run(); }

}  // namespace sluice::load
