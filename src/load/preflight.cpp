#include "load/preflight.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <sys/resource.h>

#include "base/units.hpp"
#include "load/host_memory.hpp"
#include "load/mix_plan.hpp"
#include "load/stage_job.hpp"

namespace sluice::load {

namespace {

using model::OpKind;

/// What an operation of an unbounded mix is taken to cost when its puts are estimated.
constexpr double kGuessedOpsPerSecond = 2000;
/// Descriptors beside those of the workers: logs, directories, pipes.
constexpr std::uint64_t kOtherDescriptors = 64;

bool is_written_to(const model::RunPlan& plan) {
  const bool prepares = !plan.prepare.datasets.empty() && !plan.prepare.skip_verification;
  return prepares || std::ranges::any_of(plan.workload, [](const model::Operation& op) {
           return op.kind != OpKind::Get && op.kind != OpKind::Stat && op.kind != OpKind::List &&
                  op.kind != OpKind::Read;
         });
}

/// Whether the plan makes what it works on: a write needs a file or device that is there.
bool is_made(const model::RunPlan& plan) {
  const bool only_writes = std::ranges::all_of(plan.workload, [](const model::Operation& op) {
    return op.kind == OpKind::Write || op.kind == OpKind::Read || op.kind == OpKind::Get || op.kind == OpKind::Stat ||
           op.kind == OpKind::List;
  });
  return is_written_to(plan) && !(only_writes && plan.prepare.datasets.empty());
}

base::Error no_target(const std::string& uri, bool makes) {
  base::Error error{.code = base::Code::NotFound, .what = "the target does not exist", .where = uri};
  if (uri.starts_with("direct:///dev/") && !uri.starts_with("direct:///dev/shm/")) {
    return std::move(error)
        .add_likely("the name is misspelt, or the device is not attached")
        .add_try("lsblk -p lists the devices that are there");
  }
  error.add_likely("the path is misspelt, or a file system is not mounted");
  if (makes) {
    error.add_likely(
        "more than one level of it is missing; sluice makes the last one only, lest it fill the wrong disk");
  }
  return std::move(error).add_try("mkdir -p it if it is meant to be new; mount it if it is not");
}

/// Is the target what the plan takes it for: there, a directory, writable?
void check_target(Preflight& flight, const model::RunPlan& plan, const storage::TargetFacts& facts,
                  const std::string& uri) {
  const bool writes = is_written_to(plan);
  auto problem = [&](base::Error error) { flight.findings.push_back({Preflight::Level::Problem, std::move(error)}); };
  const bool makes = is_made(plan);
  if (!facts.exists && !(makes && facts.parent_exists)) return problem(no_target(uri, makes));
  const bool blocks_only = std::ranges::all_of(
      plan.workload, [](const model::Operation& op) { return op.kind == OpKind::Read || op.kind == OpKind::Write; });
  if (facts.single_object && (!blocks_only || !plan.prepare.datasets.empty())) {
    base::Error error{.code = base::Code::InvalidArgument,
                      .what = "the target is a file or device, and the plan needs a directory",
                      .where = uri};
    return problem(std::move(error)
                       .add_likely("the path names one file of the directory that is meant")
                       .add_try("name a directory, or use read and write operations only"));
  }
  if (facts.writable || !writes) return;
  if (facts.single_object) {
    base::Error guarded{.code = base::Code::PermissionDenied, .what = facts.not_writable, .where = uri};
    return problem(std::move(guarded)
                       .add_likely("the device or file is in use, or holds data that a write would destroy")
                       .add_try("check twice that nothing on it is needed: lsblk -f, blkid")
                       .add_try("--yes-overwrite-device writes to it all the same; what it holds is lost"));
  }
  base::Error error{.code = base::Code::PermissionDenied,
                    .what = "the target is not writable, and the plan writes to it",
                    .where = uri};
  if (!facts.not_writable.empty()) error.where += ": " + facts.not_writable;
  problem(std::move(error)
              .add_likely("this user may not write there, or it is mounted read-only")
              .add_try("ls -ld and mount on the target"));
}

/// Adds up what the plan will need; nothing is touched.
class Estimate {
 public:
  explicit Estimate(const RunContext& context) : context_(context), plan_(context.plan) {}

  void add_datasets(Preflight& flight, std::uint64_t block_bytes) const {
    for (const std::unique_ptr<PreparedSet>& set : context_.sets) {
      const double mean =
          std::ceil(set->sizes().mean() / static_cast<double>(block_bytes)) * static_cast<double>(block_bytes);
      flight.bytes_needed += static_cast<std::uint64_t>(mean * static_cast<double>(set->files().count()));
      flight.inodes_needed += set->files().count() + 1;
      if (set->directories() == nullptr) continue;
      flight.inodes_needed += set->directories()->count();
      flight.bytes_needed += set->directories()->count() * block_bytes;
    }
  }

  /// Puts on a prefix make objects; those on a pattern write over its members, which are there.
  static bool makes_names(const model::Operation& op) {
    if (op.kind == OpKind::Put) return op.path.empty() || op.path.ends_with('/');
    return op.kind == OpKind::Copy || op.kind == OpKind::Mkdir;
  }

  void add_puts(Preflight& flight, std::uint64_t block_bytes) const {
    double weights = 0;
    double put_bytes = 0;
    double put_share = 0;
    for (const model::Operation& op : plan_.workload) {
      weights += op.weight;
      if (op.kind == OpKind::Delete) put_share -= op.weight;
      if (!makes_names(op)) continue;
      put_share += op.weight;
      if (op.kind != OpKind::Put) continue;
      const auto sizes = dataset::SizeSampler::create(op.size, 0);
      put_bytes += op.weight * (sizes ? std::max(sizes->mean(), static_cast<double>(block_bytes)) : 0);
    }
    if (put_share <= 0 || weights == 0) return;
    double seconds = 0;
    for (const model::Stage& stage : plan_.stages) {
      if (stage.type == model::StageType::Execute || stage.type == model::StageType::Hybrid) {
        seconds += static_cast<double>((stage.duration + plan_.warmup).count()) / 1e9;
      }
    }
    if (seconds == 0) return;
    flight.puts_are_unbounded = plan_.io_rate.iops == 0;
    const double operations = seconds * (flight.puts_are_unbounded ? kGuessedOpsPerSecond : plan_.io_rate.iops);
    flight.bytes_needed += static_cast<std::uint64_t>(operations * put_bytes / weights);
    flight.inodes_needed += static_cast<std::uint64_t>(operations * put_share / weights);
  }

 private:
  const RunContext& context_;
  const model::RunPlan& plan_;
};

void check_space(Preflight& flight, const std::string& uri) {
  if (flight.bytes_needed > flight.bytes_free) {
    base::Error error{.code = base::Code::ResourceExhausted,
                      .what = fmt::format("the plan needs about {}, and {} are free",
                                          base::format_size(flight.bytes_needed), base::format_size(flight.bytes_free)),
                      .where = uri};
    flight.findings.push_back(
        {Preflight::Level::Problem, std::move(error)
                                        .add_likely("the dataset is larger than the file system")
                                        .add_try("df -h; make count or sizes smaller, or the duration shorter")});
  }
  if (flight.inodes_needed > flight.inodes_free) {
    base::Error error{
        .code = base::Code::ResourceExhausted,
        .what = fmt::format("the plan needs about {} inodes, and {} are free", base::format_count(flight.inodes_needed),
                            base::format_count(flight.inodes_free)),
        .where = uri};
    flight.findings.push_back({Preflight::Level::Problem,
                               std::move(error)
                                   .add_likely("the tree has more files and directories than the file system can hold")
                                   .add_try("df -i; make the tree smaller")});
  }
}

/// What the plan will write, and whether there is room for it.
void check_needs(Preflight& flight, const RunContext& context, std::uint64_t block_bytes, const std::string& uri) {
  const Estimate estimate(context);
  const bool writes_datasets = !context.plan.prepare.skip_verification || context.plan.prepare.force_overwrite;
  const bool has_prepare = std::ranges::any_of(
      context.plan.stages, [](const model::Stage& s) { return s.type == model::StageType::Prepare; });
  // Datasets that are there already need nothing more: their marker says so.
  const bool all_there = std::ranges::all_of(
      context.sets, [](const auto& set) { return set->base().backend->stat(set->marker_name()).has_value(); });
  if (writes_datasets && has_prepare && !all_there) estimate.add_datasets(flight, block_bytes);
  const std::uint64_t dataset_bytes = flight.bytes_needed;
  const std::uint64_t dataset_inodes = flight.inodes_needed;
  estimate.add_puts(flight, block_bytes);
  if (flight.puts_are_unbounded) {
    // A guess must not refuse a run: only what is certain does.
    Preflight certain{.bytes_needed = dataset_bytes,
                      .inodes_needed = dataset_inodes,
                      .bytes_free = flight.bytes_free,
                      .inodes_free = flight.inodes_free};
    check_space(certain, uri);
    std::ranges::move(certain.findings, std::back_inserter(flight.findings));
    if (certain.findings.empty() && flight.bytes_needed > flight.bytes_free) {
      flight.findings.push_back(
          {Preflight::Level::Warning, {.what = "the puts of the mix may fill the file system: " + flight.headline()}});
    }
  } else {
    check_space(flight, uri);
  }
}

void check_descriptors(Preflight& flight, const RunContext& context) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const Crew crew = crew_for(storage::WorkerKind::Sync, context.plan.concurrency, 1);
  const std::uint64_t needed =
      std::uint64_t{crew.workers} * (1 + context.targets.backends().size()) + kOtherDescriptors;
  if (limit.rlim_cur == RLIM_INFINITY || needed <= limit.rlim_cur) return;
  base::Error error{.code = base::Code::ResourceExhausted,
                    .what = fmt::format("concurrency {} needs about {} file descriptors, and this process may have {}",
                                        context.plan.concurrency, needed, limit.rlim_cur),
                    .where = "ulimit -n"};
  flight.findings.push_back(
      {Preflight::Level::Problem, std::move(error)
                                      .add_likely("the limit of this shell or service is low")
                                      .add_try(fmt::format("ulimit -n {}", std::max<std::uint64_t>(65'536, needed)))
                                      .add_try("lower concurrency")});
}

/// What the buffers of all operations in flight take at the most, in the stage that has the largest.
std::uint64_t buffer_bytes(const RunContext& context, std::uint32_t& in_flight) {
  const model::RunPlan& plan = context.plan;
  const bool on_null = std::ranges::any_of(context.targets.backends(), [](const storage::Backend* backend) {
    return backend->uri().starts_with("null://");
  });
  const bool blocks_only = std::ranges::all_of(
      plan.workload, [](const model::Operation& op) { return op.kind == OpKind::Read || op.kind == OpKind::Write; });
  const std::uint32_t sync_workers = crew_for(storage::WorkerKind::Sync, plan.concurrency, 1).in_flight;
  in_flight = on_null || blocks_only ? plan.concurrency : sync_workers;
  const SlotBuffers slot = slot_buffers_for(plan);
  const std::uint64_t mix = in_flight * ((on_null ? 0 : slot.in_bytes) + slot.out_bytes);  // null:// touches no other
  std::uint64_t prepare = 0;
  for (const std::unique_ptr<PreparedSet>& set : context.sets) {
    const std::uint64_t piece = std::min(StageJob::kPieceMax, set->sizes().max_size());
    prepare = std::max(prepare, (on_null ? plan.concurrency : sync_workers) * piece);
  }
  return std::max(mix, prepare);
}

void check_memory(Preflight& flight, const RunContext& context) {
  const AvailableMemory memory = available_memory();
  std::uint32_t in_flight = 0;
  const std::uint64_t needed = buffer_bytes(context, in_flight);
  if (needed <= memory.bytes) return;
  base::Error error{.code = base::Code::ResourceExhausted,
                    .what = fmt::format("concurrency {} needs about {} of memory for its buffers, and {} are available",
                                        base::format_count(context.plan.concurrency), base::format_size(needed),
                                        base::format_size(memory.bytes)),
                    .where = memory.said_by};
  flight.findings.push_back(
      {Preflight::Level::Problem,
       std::move(error)
           .add_likely(fmt::format("each of {} operations in flight has buffers of its own, {} together",
                                   base::format_count(in_flight), base::format_size(needed / in_flight)))
           .add_try("lower concurrency or block_size")
           .add_try("raise the memory limit of the container or service, where it has one")});
}

}  // namespace

std::optional<base::Error> Preflight::first_error() const {
  const auto problem = std::ranges::find(findings, Level::Problem, &Finding::level);
  return problem == findings.end() ? std::nullopt : std::optional(problem->detail);
}

std::string Preflight::headline() const {
  std::string text = "needs no space";
  if (bytes_needed > 0 || inodes_needed > 0) {
    text = fmt::format("needs about {} and {} inodes{}", base::format_size(bytes_needed),
                       base::format_count(inodes_needed),
                       puts_are_unbounded ? " (its puts are as fast as the storage: a guess)" : "");
  }
  if (bytes_free == UINT64_MAX) return text;
  text += fmt::format("; {}", base::format_size(bytes_free));
  if (inodes_free != UINT64_MAX) text += fmt::format(" and {} inodes", base::format_count(inodes_free));
  return text + " are free";
}

base::Result<Preflight> look_ahead(RunContext& context) {
  Preflight flight;
  std::uint64_t block_bytes = 4096;
  std::string first_uri;
  for (storage::Backend* backend : context.targets.backends()) {
    SLUICE_TRY(const storage::TargetFacts facts, backend->inspect());
    if (first_uri.empty()) first_uri = backend->uri();
    flight.bytes_free = std::min(flight.bytes_free, facts.free_bytes);
    flight.inodes_free = std::min(flight.inodes_free, facts.free_inodes);
    block_bytes = std::max<std::uint64_t>(facts.block_bytes, 1);
    check_target(flight, context.plan, facts, backend->uri());
  }
  const bool keeps_data = std::ranges::any_of(context.targets.backends(), [](const storage::Backend* backend) {
    return !backend->uri().starts_with("null://");
  });
  if (keeps_data) check_needs(flight, context, block_bytes, first_uri);
  check_descriptors(flight, context);
  check_memory(flight, context);
  return flight;
}

}  // namespace sluice::load
