#include "app/plan_loading.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "app/results_dir.hpp"
#include "config/default_plan.hpp"
#include "config/plan_reader.hpp"
#include "config/plan_writer.hpp"

namespace sluice::app {

namespace {

/// Below 2^53, so that every JSON reader keeps all its digits.
std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  static_cast<void>(getrandom(&seed, sizeof seed, 0));
  return seed >> 11;
}

bool is_uri(const std::string& subject) { return subject.find("://") != std::string::npos; }

base::Error no_subject(const std::string& subject, bool uri_allowed) {
  base::Error error{
      .code = base::Code::NotFound,
      .what = uri_allowed ? "there is neither a plan nor a directory of this name" : "there is no plan of this name",
      .where = subject.empty() ? "the command line: the name is empty" : subject};
  error.add_likely("the name is misspelt, or relative to another directory");
  error.add_try(uri_allowed ? "sluice run PLAN.yaml, sluice run DIR, or sluice run file:///DIR"
                            : "name the PLAN.yaml from here, or by its absolute path");
  return std::move(error.add_try("examples/ holds plans to begin with"));
}

base::Error relative_uri(const std::string& uri, const std::string& scheme, const std::string& path) {
  base::Error error{
      .code = base::Code::InvalidArgument, .what = "a URI names an absolute path, and this one does not", .where = uri};
  return std::move(error)
      .add_likely("a '/' is missing: there are three of them in " + scheme + ":///some/path")
      .add_try(fmt::format("sluice run {}:///{}, or sluice run ./{}", scheme, path, path));
}

std::uint64_t free_bytes_at(const std::string& path) {
  struct statvfs facts{};
  return statvfs(path.c_str(), &facts) == 0 ? facts.f_bavail * facts.f_frsize : UINT64_MAX;
}

/// A run without a plan: "DIR" or a URI.
base::Result<LoadedPlan> plan_without_file(const RunOptions& options, const std::string& run_id) {
  std::string uri = options.subject;
  if (!is_uri(uri)) uri = "file://" + std::filesystem::absolute(uri).lexically_normal().string();
  const std::size_t authority = uri.find("://") + 3;
  const std::string scheme = uri.substr(0, authority - 3);
  std::uint64_t free_bytes = UINT64_MAX;
  if (scheme == "file" || scheme == "direct") {
    struct stat facts{};
    const std::string path = uri.substr(authority);
    if (!path.starts_with('/')) return base::fail(relative_uri(uri, scheme, path));
    if (stat(path.c_str(), &facts) != 0) return base::fail(base::from_errno(errno, "the target cannot be used", uri));
    if (!S_ISDIR(facts.st_mode)) {
      base::Error error{.code = base::Code::InvalidArgument, .what = "the target is not a directory", .where = uri};
      return base::fail(
          std::move(error)
              .add_likely("a run without a plan makes a folder of its own, so it needs a directory")
              .add_try("write a plan with read and write operations for files and devices: see examples/blocks.yaml"));
    }
    free_bytes = free_bytes_at(path);
  }
  LoadedPlan loaded;
  SLUICE_TRY(loaded.plan,
             config::plan_for_uri(
                 uri, {.run_id = run_id, .free_bytes = free_bytes, .seed = options.seed.value_or(random_seed())}));
  std::string_view place = std::string_view(uri).substr(authority);
  if (scheme == "null") place = place.substr(0, place.find('?'));  // its parameters are no part of a name
  const std::string_view trimmed = place.substr(0, place.find_last_not_of('/') + 1);
  loaded.plan.name = trimmed.substr(trimmed.find_last_of('/') + 1);  // npos + 1 is 0
  if (loaded.plan.name.empty()) loaded.plan.name = scheme;
  loaded.given = "# a run without a plan: sluice run " + options.subject + "\n";
  return loaded;
}

base::Result<LoadedPlan> plan_from_file(const RunOptions& options) {
  LoadedPlan loaded;
  SLUICE_TRY(loaded.given, read_file(options.subject));
  config::PlanOptions how{.file = options.subject,
                          .allow_unknown_keys = options.allow_unknown_keys,
                          .default_seed = random_seed(),
                          .sets = options.sets};
  if (options.seed) how.sets.push_back(fmt::format("seed={}", *options.seed));
  if (options.concurrency) how.sets.push_back(fmt::format("concurrency={}", *options.concurrency));
  SLUICE_TRY(loaded.plan, config::read_plan(loaded.given, how));
  return loaded;
}

/// Leaves the stages that --only names and --skip does not.
base::Result<void> filter_stages(model::RunPlan& plan, const RunOptions& options) {
  std::vector<std::string> names;
  names.reserve(plan.stages.size());
  for (const model::Stage& stage : plan.stages) names.push_back(stage.name);
  for (const auto* wanted : {&options.only, &options.skip}) {
    for (const std::string& name : *wanted) {
      if (std::ranges::find(names, name) != names.end()) continue;
      base::Error error{.code = base::Code::InvalidArgument,
                        .what = fmt::format("the plan has no stage '{}'", name),
                        .where = wanted == &options.only ? "--only" : "--skip"};
      return base::fail(std::move(error)
                            .add_likely("it is misspelt, or the plan has another name for it")
                            .add_try(fmt::format("its stages are: {}", fmt::join(names, ", "))));
    }
  }
  auto is_in = [](const std::vector<std::string>& list, const std::string& name) {
    return std::ranges::find(list, name) != list.end();
  };
  std::erase_if(plan.stages, [&](const model::Stage& stage) {
    return is_in(options.skip, stage.name) || (!options.only.empty() && !is_in(options.only, stage.name));
  });
  if (!plan.stages.empty()) return {};
  base::Error error{.code = base::Code::InvalidArgument,
                    .what = "--only and --skip leave no stage to run",
                    .where = fmt::format("the plan's stages: {}", fmt::join(names, ", "))};
  return base::fail(std::move(error)
                        .add_likely("the stages that --only names are skipped again")
                        .add_try("leave one of the two options out"));
}

base::Result<void> check_cpus(const std::vector<int>& cpus) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  for (const int cpu : cpus) {
    if (cpu < CPU_SETSIZE && CPU_ISSET(static_cast<unsigned>(cpu), &allowed)) continue;
    base::Error error{.code = base::Code::InvalidArgument,
                      .what = fmt::format("CPU {} is not one this process may run on", cpu),
                      .where = "--cpus"};
    return base::fail(std::move(error)
                          .add_likely("the machine has fewer CPUs, or this shell or container is bound to some of them")
                          .add_try("taskset -p $$ shows the CPUs of this shell"));
  }
  return {};
}

base::Result<void> apply(model::RunPlan& plan, const RunOptions& options) {
  if (options.workers) plan.workers = *options.workers;
  if (options.concurrency) plan.concurrency = *options.concurrency;
  if (options.duration) {
    for (model::Stage& stage : plan.stages) {
      if (stage.type == model::StageType::Execute || stage.type == model::StageType::Hybrid)
        stage.duration = *options.duration;
    }
  }
  SLUICE_CHECK(check_cpus(options.cpus));
  plan.cpus = options.cpus;
  plan.delete_foreign = options.delete_foreign;
  plan.overwrite_device = options.overwrite_device;
  return filter_stages(plan, options);
}

}  // namespace

base::Result<LoadedPlan> load_plan(const RunOptions& options, const std::string& run_id, bool uri_allowed) {
  const std::string& subject = options.subject;
  struct stat facts{};
  const bool exists = !is_uri(subject) && stat(subject.c_str(), &facts) == 0;
  const bool names_target = is_uri(subject) || (exists && !S_ISREG(facts.st_mode));
  if (!names_target && !exists) return base::fail(no_subject(subject, uri_allowed));
  if (names_target && !uri_allowed) {
    base::Error error{.code = base::Code::InvalidArgument, .what = "this command needs a plan file", .where = subject};
    return base::fail(
        std::move(error)
            .add_likely("a directory or a URI was given; only `sluice run` makes a plan of its own for one")
            .add_try("name the PLAN.yaml that the run was made with"));
  }
  if (names_target && !options.sets.empty()) {
    base::Error error{.code = base::Code::InvalidArgument,
                      .what = "--set changes a plan, and this run has none",
                      .where = "--set " + options.sets.front()};
    return base::fail(std::move(error)
                          .add_likely("a directory or a URI was given in place of a plan")
                          .add_try("write a plan: the one that such a run makes is plan.resolved.yaml in its results"));
  }
  SLUICE_TRY(LoadedPlan loaded, names_target ? plan_without_file(options, run_id) : plan_from_file(options));
  SLUICE_CHECK(apply(loaded.plan, options));
  loaded.resolved = config::write_resolved(loaded.plan);
  return loaded;
}

base::Result<void> refuse_unbuilt(const model::RunPlan& plan, const std::string& file) {
  if (plan.unbuilt.empty()) return {};
  std::vector<std::string> features;
  features.reserve(plan.unbuilt.size());
  for (const model::Unbuilt& unbuilt : plan.unbuilt) {
    features.push_back(unbuilt.line > 0 ? fmt::format("{} (line {})", unbuilt.feature, unbuilt.line) : unbuilt.feature);
  }
  base::Error error{.code = base::Code::Unsupported,
                    .what = fmt::format("this version does not run {}", fmt::join(features, ", ")),
                    .where = file};
  if (is_uri(file)) {
    return base::fail(std::move(error)
                          .add_likely("object stores are described, but not built yet")
                          .add_try("a directory, or a URI that begins with file://, direct:// or null://"));
  }
  return base::fail(
      std::move(error)
          .add_likely("the plan uses parts of the language that are accepted and checked, but not built yet")
          .add_try("take them out of the plan, or set them otherwise with --set"));
}

}  // namespace sluice::app
