#include "load/mix_plan.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/random.hpp"
#include "base/units.hpp"
#include "dataset/pattern.hpp"
#include "dataset/payload.hpp"
#include "load/put_directories.hpp"
#include "load/selection.hpp"

namespace sluice::load {

namespace {

/// Whole objects pass through a slot's buffer piece by piece: pieces beyond 1 MiB are no faster, and all slots together
/// are to stay in memory.
constexpr std::uint64_t kPieceMin = std::uint64_t{64} << 10;
constexpr std::uint64_t kPieceMax = std::uint64_t{1} << 20;
constexpr std::uint64_t kPiecesBytesMax = std::uint64_t{1} << 30;
constexpr std::uint64_t kListBytes = std::uint64_t{256} << 10;
/// Files whose size has to be asked for one by one before blocks in them can be chosen.
constexpr std::uint64_t kBlockFilesMax = 65'536;
/// New names looked at to decide whether they lie under a path.
constexpr std::uint64_t kExampleNames = 64;

using model::OpKind;

bool makes_names(OpKind kind) { return !made_verb_of(kind).empty(); }
bool uses_up(OpKind kind) { return kind == OpKind::Delete || kind == OpKind::Rename || kind == OpKind::Rmdir; }
bool is_prefix(const std::string& path) { return path.empty() || path.ends_with('/'); }

/// Builds the plan of one stage, line by line.
class MixPlanner {
 public:
  MixPlanner(RunContext& context, StageControl& control, std::uint64_t stage_seed)
      : context_(context), control_(control), plan_(std::make_shared<MixPlan>()) {
    plan_->seed = stage_seed;
    plan_->dynamic_pool = context.plan.dynamic_put_pool;
  }

  // shared because abandoned workers keep the plan they draw from
  base::Result<std::shared_ptr<MixPlan>> build();

 private:
  base::Result<void> add_line(std::size_t index);
  base::Result<void> set_members(MixLine& line, const Place& place);
  base::Result<void> set_made(MixLine& line, std::size_t index, const Place& place);
  base::Result<Place> destination_of(const MixLine& line, const Place& place);
  base::Result<void> make_directory_for(const Place& place);
  base::Result<void> make_shards(const Place& place, std::uint32_t shards);
  base::Result<void> remember_single(std::size_t index, const Place& place);
  base::Result<void> set_block_files(MixLine& line, const Place& place);
  static base::Result<void> refuse_small_files(const MixLine& line, const Place& place);
  static bool lie_under(const MadeNames& made, const dataset::Pattern& pattern);
  base::Result<void> connect_feeders();
  void set_slice();
  void set_mix();
  base::Result<void> refuse_if_all_starved() const;

  RunContext& context_;
  StageControl& control_;
  // shared because abandoned workers keep the plan they draw from
  std::shared_ptr<MixPlan> plan_;
};

base::Result<void> MixPlanner::set_members(MixLine& line, const Place& place) {
  const OpKind kind = line.operation->kind;
  const bool directories = kind == OpKind::List || kind == OpKind::Rmdir;
  if (kind == OpKind::Rmdir) return {};  // only what this run has made: an rmdir of anything else could not be undone
  SLUICE_TRY(line.members, select_names(context_, control_, place, directories ? Wanted::Directories : Wanted::Files));
  return {};
}

/// Makes the directory of `place` ("" or ending in '/') with its parents, and remembers those that were not there.
base::Result<void> MixPlanner::make_directory_for(const Place& place) {
  if (place.name.empty()) return place.backend->make_directories("");
  for (std::size_t slash = place.name.find('/'); slash != std::string::npos; slash = place.name.find('/', slash + 1)) {
    Place parent = place;
    parent.name.resize(slash + 1);
    if (place.backend->stat(parent.name)) continue;
    SLUICE_CHECK(place.backend->make_directories(parent.name));
    context_.made.add_directory(std::move(parent));
  }
  return {};
}

/// Where the new names of a line go: a prefix, or a pattern of directories.
base::Result<Place> MixPlanner::destination_of(const MixLine& line, const Place& place) {
  Place where = place;
  const OpKind kind = line.operation->kind;
  if (kind == OpKind::Copy || kind == OpKind::Rename) {
    if (line.operation->destination.empty()) {
      SLUICE_TRY(const dataset::Pattern pattern, dataset::Pattern::compile(place.name));
      where.name = pattern.literal_prefix();
    } else {
      SLUICE_TRY(where, context_.targets.locate(line.operation->destination));
    }
    if (where.store != place.store) {
      base::Error error{
          .code = base::Code::Unsupported,
          .what = fmt::format("{} works within one target, and its destination lies in another", name_of(kind)),
          .where = line.operation->path + " -> " + line.operation->destination};
      return base::fail(std::move(error).add_try("name a destination below the same base URI"));
    }
  }
  if (!where.name.empty() && !where.name.ends_with('/')) where.name += '/';
  return where;
}

base::Result<void> MixPlanner::set_made(MixLine& line, std::size_t index, const Place& place) {
  if (line.makes = context_.made.find(index); line.makes != nullptr) return {};
  const OpKind kind = line.operation->kind;
  SLUICE_TRY(Place where, destination_of(line, place));
  SLUICE_TRY(const dataset::Pattern pattern, dataset::Pattern::compile(where.name));

  const std::uint32_t shards =
      kind == OpKind::Put && pattern.is_literal() ? context_.plan.prepare.key_prefix_shards : 0;
  auto stem = [&](std::string_view prefix) {
    return std::make_unique<dataset::PutNames>(prefix, context_.run_id, context_.agent, dataset::PutNames::kUnbounded,
                                               line.sizes, shards, made_verb_of(kind));
  };
  std::unique_ptr<const model::Names> names;
  if (pattern.is_literal()) {
    where.name = pattern.literal();
    SLUICE_CHECK(dataset::check_prefix(where.name));
    SLUICE_CHECK(make_directory_for(where));
    if (shards > 0) SLUICE_CHECK(make_shards(where, shards));
    names = stem(where.name);
  } else {
    SLUICE_TRY(std::unique_ptr<model::Names> directories, select_names(context_, control_, where, Wanted::Directories));
    if (directories->count() == 0) return {};  // starved
    names = std::make_unique<PutDirectories>(std::move(directories), stem(""), plan_->seed);
  }
  line.makes = &context_.made.add(index, std::make_unique<MadeNames>(where, std::move(names), kind == OpKind::Mkdir));
  return {};
}

/// The directories of sharded new names, so that they are known when they are to go.
base::Result<void> MixPlanner::make_shards(const Place& place, std::uint32_t shards) {
  const dataset::ShardDirectories directories(place.name, shards);
  std::array<char, model::kNameBytesMax> name;
  context_.activity.set("creating directories of shards below " + place.backend->uri() + place.name, "directories");
  context_.activity.progress.start(shards);
  for (std::uint32_t i = 0; i < shards && !control_.stop_requested(); ++i, context_.activity.progress.add(1)) {
    Place shard = place;
    shard.name.assign(name.data(), directories.write_name(i, name));
    SLUICE_CHECK(make_directory_for(shard));
  }
  return {};
}

/// A put on one name makes that object where there is none yet; then it is this run's.
base::Result<void> MixPlanner::remember_single(std::size_t index, const Place& place) {
  SLUICE_TRY(const dataset::Pattern pattern, dataset::Pattern::compile(place.name));
  if (!pattern.is_literal() || pattern.is_prefix() || context_.made.find(index) != nullptr) return {};
  if (place.backend->stat(pattern.literal())) return {};
  Place directory = place;
  directory.name = pattern.literal_prefix();
  SLUICE_CHECK(make_directory_for(directory));
  auto made = std::make_unique<MadeNames>(place, std::make_unique<dataset::SingleName>(pattern.literal()), false);
  made->begin(1);
  static_cast<void>(made->take(0));
  context_.made.add(index, std::move(made));
  return {};
}

base::Result<void> MixPlanner::set_block_files(MixLine& line, const Place& place) {
  const std::uint64_t count = line.members->count();
  const model::Operation& op = *line.operation;
  auto block_end = [&op](std::uint64_t size) {
    const std::uint64_t end = op.range_bytes ? std::min(size, op.offset + *op.range_bytes) : size;
    return end >= op.offset + op.block_size ? end : 0;
  };
  if (is_null(place)) {
    SLUICE_TRY(const storage::ObjectFacts facts, place.backend->stat(""));
    line.file_sizes = {block_end(facts.bytes)};
    // Other accesses remember where they are in each file.
    line.block_files = op.access.kind == model::Access::Kind::Random ? count : std::min(count, kBlockFilesMax);
    return refuse_small_files(line, place);
  }
  if (count > kBlockFilesMax) {
    base::Error error{.code = base::Code::ResourceExhausted,
                      .what = fmt::format("{} in blocks works on at most {} files, and '{}' selects {}",
                                          name_of(line.operation->kind), base::format_count(kBlockFilesMax),
                                          line.operation->path, base::format_count(count)),
                      .where = place.backend->uri()};
    return base::fail(std::move(error)
                          .add_likely("blocks are meant for large files")
                          .add_try("use get and put for whole files, or a narrower pattern"));
  }
  std::array<char, model::kNameBytesMax> name;
  context_.activity.set("asking for the sizes of " + place.backend->uri() + place.name, "files");
  context_.activity.progress.start(count);
  for (std::uint64_t i = 0; i < count; ++i, context_.activity.progress.add(1)) {
    if (control_.stop_requested()) return base::fail(base::Code::Cancelled, "asking for sizes was cancelled");
    std::uint64_t size = line.members->size_of(i);
    if (size == model::Names::kSizeUnknown) {
      SLUICE_TRY(const storage::ObjectFacts facts,
                 place.backend->stat({name.data(), line.members->write_name(i, name)}));
      size = facts.bytes;
    }
    line.file_sizes.push_back(block_end(size));
  }
  line.block_files = count;
  return refuse_small_files(line, place);
}

base::Result<void> MixPlanner::refuse_small_files(const MixLine& line, const Place& place) {
  const bool any_large = std::ranges::any_of(line.file_sizes, [](std::uint64_t size) { return size > 0; });
  if (line.block_files == 0 || any_large) return {};
  base::Error error{.code = base::Code::InvalidArgument,
                    .what = fmt::format("no file that '{}' selects holds a block of {}", line.operation->path,
                                        base::format_size(line.operation->block_size)),
                    .where = place.backend->uri() + place.name};
  if (is_null(place)) {
    error.add_likely("objects of null:// are empty unless the URI gives them a size");
    return base::fail(std::move(error).add_try("null://x/?size=1GiB"));
  }
  return base::fail(std::move(error)
                        .add_likely("the files are smaller than block_size, or offset and size leave nothing")
                        .add_try("make block_size smaller or the prepared objects larger"));
}

base::Result<void> MixPlanner::add_line(std::size_t index) {
  const model::Operation& operation = context_.plan.workload[index];
  MixLine line;
  line.operation = &operation;
  line.content_seed = base::derive_seed(plan_->seed, index);
  line.access_seed = base::derive_seed(context_.plan.seed, index);
  SLUICE_TRY(const Place place, context_.targets.locate(operation.path));
  line.store = place.store;
  if (operation.kind == OpKind::Put) {
    SLUICE_TRY(line.sizes, dataset::SizeSampler::create(operation.size, line.content_seed));
  }
  const bool makes = makes_names(operation.kind) && (operation.kind != OpKind::Put || is_prefix(place.name));
  if (makes) SLUICE_CHECK(set_made(line, index, place));
  if (operation.kind == OpKind::Put && !makes) {
    SLUICE_CHECK(remember_single(index, place));
    plan_->overwrites = true;
  }
  if (!makes || operation.kind == OpKind::Copy || operation.kind == OpKind::Rename) {
    SLUICE_CHECK(set_members(line, place));
  }
  if (line.members != nullptr && (operation.kind == OpKind::Read || operation.kind == OpKind::Write)) {
    SLUICE_CHECK(set_block_files(line, place));
  }
  if (operation.concurrency) {
    line.cap = *operation.concurrency;
    line.in_flight = std::make_unique<std::atomic<std::uint32_t>>(0);
  }
  plan_->lines.push_back(std::move(line));
  return {};
}

/// Do the new names of a line lie under the path? Those in drawn directories must all do so.
bool MixPlanner::lie_under(const MadeNames& made, const dataset::Pattern& pattern) {
  std::array<char, model::kNameBytesMax> text;
  for (std::uint64_t i = 0; i < kExampleNames; ++i) {
    const std::string_view name(text.data(), made.names().write_name(i, text));
    if (!pattern.matches(name) && !pattern.matches_directory(name)) return false;
  }
  return true;
}

/// Which lines make names that others use up: those whose new names lie under the other's path.
base::Result<void> MixPlanner::connect_feeders() {
  for (MixLine& line : plan_->lines) {
    const OpKind kind = line.operation->kind;
    const bool draws_new = plan_->dynamic_pool && (kind == OpKind::Get || kind == OpKind::Stat);
    if (!uses_up(kind) && !draws_new) continue;
    SLUICE_TRY(const Place place, context_.targets.locate(line.operation->path));
    SLUICE_TRY(const dataset::Pattern pattern, dataset::Pattern::compile(place.name));
    for (std::uint32_t i = 0; i < plan_->lines.size(); ++i) {
      MixLine& other = plan_->lines[i];
      if (other.makes == nullptr || &other == &line || other.store != line.store) continue;
      if (other.makes->is_directory() != (kind == OpKind::Rmdir)) continue;
      if (!lie_under(*other.makes, pattern)) continue;
      line.feeders.push_back(i);
      other.is_fed_from = true;
    }
    line.takes_slice = (kind == OpKind::Delete || kind == OpKind::Rename) && line.feeders.empty();
  }
  return {};
}

void MixPlanner::set_slice() {
  double taking = 0;
  double all = 0;
  bool are_read = false;
  for (const MixLine& line : plan_->lines) {
    all += line.operation->weight;
    const bool takes = line.takes_slice && line.members->count() > 1;
    if (takes) taking += line.operation->weight;
    are_read = are_read || (!takes && line.members != nullptr);
  }
  if (taking == 0) return;
  // At least half is left to those who read; all of it is the slice where nobody does.
  plan_->slice_of_64 = are_read ? std::clamp(static_cast<std::uint32_t>(std::ceil(64 * taking / all)), 1U, 32U) : 64;
}

void MixPlanner::set_mix() {
  storage::Mix& mix = plan_->mix;
  mix.in_flight = context_.plan.concurrency;
  mix.blocks_only = true;
  for (const MixLine& line : plan_->lines) {
    const OpKind kind = line.operation->kind;
    mix.blocks_only = mix.blocks_only && (kind == OpKind::Read || kind == OpKind::Write);
    mix.reads_blocks = mix.reads_blocks || kind == OpKind::Read;
    mix.writes_blocks = mix.writes_blocks || kind == OpKind::Write;
    if (kind != OpKind::Read && kind != OpKind::Write) continue;
    mix.block_size = line.operation->block_size;
    if (line.members == nullptr || line.members->count() == 0) continue;
    std::array<char, model::kNameBytesMax> name;
    mix.sample.assign(name.data(), line.members->write_name(0, name));
  }
}

base::Result<void> MixPlanner::refuse_if_all_starved() const {
  std::string paths;
  for (const MixLine& line : plan_->lines) {
    const bool has_members = line.members != nullptr && line.members->count() > 0;
    const bool needs_members = line.operation->kind == OpKind::Copy || line.operation->kind == OpKind::Rename;
    if (has_members || (line.makes != nullptr && !needs_members)) return {};
    paths += fmt::format("{}{} {}", paths.empty() ? "" : ", ", name_of(line.operation->kind), line.operation->path);
  }
  base::Error error{.code = base::Code::NotFound,
                    .what = "no operation of the workload has anything to work on: nothing matches " + paths,
                    .where = context_.plan.target};
  return base::fail(std::move(error)
                        .add_likely("the dataset was not prepared, or lies elsewhere")
                        .add_likely("the glob is misspelt: '*' stays within one level, '**' and a closing '/' do not")
                        .add_try("list the target: is what the path names there?")
                        .add_try("add a prepare section to the plan"));
}

// shared because abandoned workers keep the plan they draw from
base::Result<std::shared_ptr<MixPlan>> MixPlanner::build() {
  for (std::size_t i = 0; i < context_.plan.workload.size(); ++i) SLUICE_CHECK(add_line(i));
  SLUICE_CHECK(connect_feeders());
  SLUICE_CHECK(refuse_if_all_starved());
  set_slice();
  const SlotBuffers buffers = slot_buffers_for(context_.plan);
  plan_->in_bytes = buffers.in_bytes;
  plan_->out_bytes = buffers.out_bytes;
  set_mix();
  return std::move(plan_);
}

}  // namespace

SlotBuffers slot_buffers_for(const model::RunPlan& plan) {
  SlotBuffers buffers;
  const std::uint64_t piece_max = std::clamp(kPiecesBytesMax / plan.concurrency, kPieceMin, kPieceMax);
  for (const model::Operation& op : plan.workload) {
    switch (op.kind) {
      case OpKind::Get:
      case OpKind::Copy: buffers.in_bytes = std::max(buffers.in_bytes, piece_max); break;
      case OpKind::List: buffers.in_bytes = std::max(buffers.in_bytes, std::min(kListBytes, piece_max)); break;
      case OpKind::Read: buffers.in_bytes = std::max(buffers.in_bytes, op.block_size); break;
      case OpKind::Write: buffers.out_bytes = std::max(buffers.out_bytes, op.block_size); break;
      case OpKind::Put:
        if (const auto sizes = dataset::SizeSampler::create(op.size, 0)) {
          buffers.out_bytes = std::max(buffers.out_bytes, std::min(piece_max, sizes->max_size()));
        }
        break;
      default: break;
    }
  }
  return buffers;
}

bool MixPlan::is_in_slice(std::string_view name) const { return (dataset::key_hash(name) & 63) < slice_of_64; }

// shared because abandoned workers keep the plan they draw from
base::Result<std::shared_ptr<MixPlan>> plan_mix(RunContext& context, StageControl& control, std::uint64_t stage_seed) {
  return MixPlanner(context, control, stage_seed).build();
}

}  // namespace sluice::load
