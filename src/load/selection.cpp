#include "load/selection.hpp"

#include "base/units.hpp"
#include "dataset/listed.hpp"
#include "dataset/partition.hpp"
#include "dataset/pattern.hpp"

namespace sluice::load {

namespace {

/// On null:// every key exists; a pattern stands for this many.
constexpr std::uint64_t kNullNames = 100'000'000;

/// Is the place the one object that its target is: a device, or a file?
bool is_single_object(const Place& place) {
  if (!place.name.empty()) return false;
  const base::Result<storage::TargetFacts> facts = place.backend->inspect();
  return facts && facts->single_object;
}

/// Members of the plan's datasets on this backend; null where the pattern selects in none.
base::Result<std::unique_ptr<model::Names>> select_in_sets(const RunContext& context, const StageControl& control,
                                                           const Place& place, const dataset::Pattern& pattern,
                                                           Wanted wanted) {
  std::vector<std::unique_ptr<model::Names>> parts;
  for (const std::unique_ptr<PreparedSet>& set : context.sets) {
    if (set->base().backend != place.backend) continue;
    SLUICE_TRY(std::unique_ptr<model::Names> part, wanted == Wanted::Files
                                                       ? set->select_files(pattern, control.token())
                                                       : set->select_directories(pattern, control.token()));
    if (part->count() > 0) parts.push_back(std::move(part));
  }
  if (parts.empty()) return std::unique_ptr<model::Names>();
  if (parts.size() == 1) return std::move(parts.front());
  return std::make_unique<dataset::Concatenated>(std::move(parts));
}

/// A listing's filter for a pattern: enters only directories that may hold matches.
storage::ListFilter filter_for(const dataset::Pattern& pattern, Wanted wanted) {
  return {.prefix = pattern.literal_prefix(),
          .may_enter =
              [&pattern](std::string_view directory) {
                return pattern.is_alive(pattern.advance(pattern.start(), directory));
              },
          .matches =
              [&pattern, wanted](std::string_view name) {
                return wanted == Wanted::Files ? pattern.matches(name) : pattern.matches_directory(name);
              },
          .directories = wanted == Wanted::Directories};
}

base::Result<std::unique_ptr<model::Names>> list_names(RunContext& context, StageControl& control, const Place& place,
                                                       const dataset::Pattern& pattern, Wanted wanted) {
  context.activity.set("listing " + place.backend->uri() + place.name, "entries");
  context.activity.progress.start(model::Progress::kUnknown);
  auto names = std::make_unique<dataset::ListedNames>();
  base::Result<void> appended;
  const storage::ListSink sink = [&](std::span<const std::string_view> batch) {
    for (const std::string_view name : batch) {
      if (name.ends_with('/') != (wanted == Wanted::Directories)) continue;
      if (appended = names->append(name); !appended) return false;
    }
    return true;
  };
  base::Result<void> listed =
      place.backend->list(filter_for(pattern, wanted), sink, context.activity.progress, control.token());
  if (!appended) return base::fail(std::move(appended).error());
  // A prefix that is not there yet is an empty selection: the run itself may be going to fill it.
  if (!listed && listed.error().code != base::Code::NotFound) return base::fail(std::move(listed).error());
  names->freeze();
  return names;
}

}  // namespace

bool is_null(const Place& place) { return place.backend->uri().starts_with("null://"); }

base::Result<std::unique_ptr<model::Names>> select_names(RunContext& context, StageControl& control, const Place& place,
                                                         Wanted wanted) {
  SLUICE_TRY(const dataset::Pattern pattern, dataset::Pattern::compile(place.name));
  if (is_null(place)) {
    if (pattern.is_literal() && !pattern.is_prefix()) return std::make_unique<dataset::SingleName>(pattern.literal());
    SLUICE_CHECK(dataset::check_prefix(pattern.literal_prefix()));
    return std::make_unique<dataset::FlatNames>(pattern.literal_prefix(), kNullNames);
  }
  if (is_single_object(place)) return std::make_unique<dataset::SingleName>(std::string());
  // list and the like on a plain prefix mean that directory itself, dataset or not.
  if (wanted == Wanted::Directories && pattern.is_literal() && pattern.is_prefix()) {
    return std::make_unique<dataset::SingleName>(pattern.literal());
  }
  SLUICE_TRY(std::unique_ptr<model::Names> members, select_in_sets(context, control, place, pattern, wanted));
  if (members != nullptr) return members;
  if (pattern.is_literal() && !pattern.is_prefix()) {
    std::string name = pattern.literal();
    if (wanted == Wanted::Directories) name += '/';
    return std::make_unique<dataset::SingleName>(std::move(name));
  }
  return list_names(context, control, place, pattern, wanted);
}

}  // namespace sluice::load
