#include "config/plan_reader.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

using model::OpKind;
using model::StageType;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr std::string_view kSmall = R"(target: "file:///mnt/x"
workload:
  - {op: get, path: "data/*", weight: 60}
  - {op: stat, path: "data/*", weight: 40}
)";

model::RunPlan read(std::string_view text, PlanOptions options = {}) {
  auto plan = read_plan(text, options);
  EXPECT_TRUE(plan) << to_text(plan.error());
  return plan ? *plan : model::RunPlan{};
}

/// The complaint about kSmall with more lines.
base::Error complaint(std::string_view text, PlanOptions options = {}) {
  const auto plan = read_plan(text, options);
  EXPECT_FALSE(plan);
  return plan ? base::Error{} : plan.error();
}

std::vector<std::string> features(const model::RunPlan& plan) {
  std::vector<std::string> names;
  for (const model::Unbuilt& unbuilt : plan.unbuilt) names.push_back(unbuilt.feature);
  return names;
}

TEST(PlanReader, a_small_plan_gets_every_default) {
  const model::RunPlan plan = read(kSmall, {.file = "plans/small.yaml", .default_seed = 77});
  EXPECT_EQ(plan.name, "small");
  EXPECT_EQ(plan.target, "file:///mnt/x/");
  EXPECT_EQ(plan.concurrency, 16U);
  EXPECT_EQ(plan.seed, 77U);
  ASSERT_EQ(plan.workload.size(), 2U);
  EXPECT_EQ(plan.workload[0].line, 3);
  EXPECT_EQ(plan.workload[1].kind, OpKind::Stat);
  ASSERT_EQ(plan.stages.size(), 1U);
  EXPECT_EQ(plan.stages[0].type, StageType::Execute);
  EXPECT_EQ(plan.stages[0].duration, 60s);
  EXPECT_TRUE(plan.unbuilt.empty());
  EXPECT_TRUE(plan.warnings.empty());
}

TEST(PlanReader, implicit_stages_follow_from_what_the_plan_has) {
  const model::RunPlan plan = read(R"(target: /mnt/x
duration: 1h30m
cleanup: true
prepare: {ensure_objects: [{count: 1_000, object_size: 4KiB}]}
workload: [{op: get, path: ""}])");
  ASSERT_EQ(plan.stages.size(), 3U);
  EXPECT_EQ(plan.stages[0].type, StageType::Prepare);
  EXPECT_EQ(plan.stages[1].duration, 5400s);
  EXPECT_EQ(plan.stages[2].type, StageType::Cleanup);
  EXPECT_EQ(plan.prepare.datasets[0].base_uri, "file:///mnt/x/");
  EXPECT_EQ(plan.prepare.datasets[0].count, 1000U);
}

TEST(PlanReader, base_uris_without_a_scheme_hang_below_the_target) {
  const model::RunPlan plan = read(R"(target: "direct:///mnt/x/"
prepare: {ensure_objects: [{base_uri: data/a, count: 1, object_size: 0}]})");
  EXPECT_EQ(plan.prepare.datasets[0].base_uri, "direct:///mnt/x/data/a/");
}

TEST(PlanReader, stages_are_sorted_by_order_and_may_be_flat_or_nested) {
  const model::RunPlan plan = read(std::string(kSmall) + R"(
duration: 40s
prepare: {ensure_objects: [{count: 1, object_size: 1}]}
stages:
  - {name: steady, order: 3, type: execute}
  - {name: fill, order: 1, config: {type: prepare, expected_objects: 1}, timeout_secs: 90}
  - {name: flush, order: 2, type: custom, config: {command: sync, args: [-f, "/mnt x"]}, optional: true}
  - {name: mixed, order: 4, type: hybrid, max_duration: 5s, expected_tasks: 1000, drop_caches: true}
  - {name: check, order: 5, type: validation}
  - {order: 6, type: cleanup, completion: tasks_done}
)");
  ASSERT_EQ(plan.stages.size(), 6U);
  EXPECT_EQ(plan.stages[0].name, "fill");
  EXPECT_EQ(plan.stages[0].timeout, 90s);
  EXPECT_EQ(plan.stages[0].expected_objects, 1U);
  EXPECT_EQ(plan.stages[1].command, "sync");
  EXPECT_EQ(plan.stages[1].args, (std::vector<std::string>{"-f", "/mnt x"}));
  EXPECT_EQ(plan.stages[1].timeout, 600s);
  EXPECT_TRUE(plan.stages[1].optional);
  EXPECT_EQ(plan.stages[2].duration, 40s);
  EXPECT_EQ(plan.stages[3].duration, 5s);
  EXPECT_EQ(plan.stages[3].expected_tasks, 1000U);
  EXPECT_EQ(plan.stages[3].completion, model::Completion::DurationOrTasks);
  EXPECT_TRUE(plan.stages[3].drop_caches);
  EXPECT_EQ(plan.stages[4].completion, model::Completion::ValidationPassed);
  EXPECT_EQ(plan.stages[5].name, "cleanup");
}

TEST(PlanReader, a_tree_gives_its_dataset_the_count) {
  const model::RunPlan plan = read(R"(target: "file:///mnt/x/"
prepare:
  directory_structure: {width: 8, depth: 3, files_per_dir: 100, distribution: all}
  ensure_objects: [{count: 0, min_size: 4096, max_size: 4096}])");
  ASSERT_EQ(plan.prepare.datasets.size(), 1U);
  EXPECT_EQ(plan.prepare.datasets[0].count, 58'400U);
  EXPECT_TRUE(plan.prepare.datasets[0].tree->all_levels);
  EXPECT_EQ(plan.prepare.datasets[0].size.kind, model::SizeSpec::Kind::Fixed);
}

TEST(PlanReader, a_tree_without_files_needs_no_objects) {
  const model::RunPlan plan =
      read("target: /mnt/x\nprepare: {directory_structure: {width: 8, depth: 2, files_per_dir: 0}}");
  ASSERT_EQ(plan.prepare.datasets.size(), 1U);
  EXPECT_EQ(plan.prepare.datasets[0].base_uri, "file:///mnt/x/");
  EXPECT_EQ(plan.prepare.datasets[0].count, 0U);
}

TEST(PlanReader, sizes_of_every_kind) {
  const model::RunPlan plan = read(R"(target: /mnt/x
workload:
  - {op: put, path: a/, size_spec: 4KiB}
  - {op: put, path: a/, size_spec: {type: fixed, size: 1MB}}
  - {op: put, path: a/, size_spec: {type: uniform, min: 1k, max: 8k}, fill: zero}
  - {op: put, path: a/, size_spec: {type: lognormal, mean: 8KiB, std_dev: 4KiB, min: 1KiB, max: 64KiB}}
  - {op: put, path: a/, size_spec: {type: histogram, bins: [{size: 4KiB, weight: 60}, [1MiB, 0.5]]}})");
  using Kind = model::SizeSpec::Kind;
  EXPECT_EQ(plan.workload[0].size.min, 4096U);
  EXPECT_EQ(plan.workload[1].size.max, 1'000'000U);
  EXPECT_EQ(plan.workload[2].size.kind, Kind::Uniform);
  EXPECT_EQ(plan.workload[2].data.fill, model::Fill::Zero);
  EXPECT_EQ(plan.workload[3].size.mean, 8192);
  ASSERT_EQ(plan.workload[4].size.bins.size(), 2U);
  EXPECT_EQ(plan.workload[4].size.bins[1].size, std::uint64_t{1} << 20);
  EXPECT_EQ(plan.workload[4].size.bins[1].weight, 0.5);
}

TEST(PlanReader, blocks_with_every_access_pattern) {
  const model::RunPlan plan = read(R"(target: "direct:///dev/nvme0n1"
workload:
  - {op: read, path: "", block_size: 8KiB, access: sequential, offset: 1MiB, size: 1GiB}
  - {op: write, path: "", block_size: 64KiB, access: strided, fsync: each}
  - {op: read, path: "", access: strided(1MiB)}
  - {op: read, path: "", access: strided, stride: 8KiB}
  - {op: read, path: "", access: zipf(1.2)}
  - {op: write, path: "", access: zipf, fsync: end})");
  EXPECT_EQ(plan.target, "direct:///dev/nvme0n1/");
  EXPECT_EQ(plan.workload[0].offset, 1U << 20);
  EXPECT_EQ(plan.workload[0].range_bytes, 1U << 30);
  EXPECT_EQ(plan.workload[1].access.stride, 128U * 1024);
  EXPECT_EQ(plan.workload[1].fsync, model::Fsync::Each);
  EXPECT_EQ(plan.workload[2].access.stride, 1U << 20);
  EXPECT_EQ(plan.workload[3].access.stride, 8192U);
  EXPECT_EQ(plan.workload[4].access.theta, 1.2);
  EXPECT_EQ(plan.workload[5].access.theta, 0.99);
  EXPECT_EQ(plan.workload[5].fsync, model::Fsync::End);
}

TEST(PlanReader, the_rate_is_closed_exponential_or_as_said) {
  EXPECT_EQ(read(kSmall).io_rate.iops, 0);
  const model::RunPlan poisson = read(std::string(kSmall) + "io_rate: {iops: 1_500.5}");
  EXPECT_EQ(poisson.io_rate.iops, 1500.5);
  EXPECT_EQ(poisson.io_rate.distribution, model::IoRate::Distribution::Exponential);
  EXPECT_TRUE(poisson.unbuilt.empty());
  EXPECT_EQ(read(std::string(kSmall) + "io_rate: {iops: max, distribution: deterministic}").io_rate.iops, 0);
  const model::RunPlan uniform = read(std::string(kSmall) + "io_rate: {iops: 10, distribution: uniform}");
  EXPECT_EQ(uniform.io_rate.distribution, model::IoRate::Distribution::Uniform);
  EXPECT_TRUE(uniform.unbuilt.empty());
  EXPECT_EQ(features(read(std::string(kSmall) + "io_rate: {steps: [{iops: 10, duration: 5s}]}")),
            std::vector<std::string>{"io_rate steps"});
}

TEST(PlanReader, error_handling_in_the_units_of_its_keys) {
  const model::RunPlan plan = read(std::string(kSmall) + R"(
error_handling: {max_total_errors: 500, error_rate_threshold: 20, retry_on_error: true, max_retries: 5,
                 initial_retry_delay_ms: 250, max_retry_delay_ms: 2s, retry_backoff_multiplier: 1.5, operation_timeout: 30})");
  EXPECT_EQ(plan.errors.max_total_errors, 500U);
  EXPECT_EQ(plan.errors.initial_retry_delay, 250ms);
  EXPECT_EQ(plan.errors.max_retry_delay, 2s);
  EXPECT_EQ(plan.errors.retry_backoff_multiplier, 1.5);
  EXPECT_EQ(plan.errors.operation_timeout, 30s);
}

TEST(PlanReader, everything_not_built_yet_is_accepted_and_listed_once) {
  const model::RunPlan plan = read(R"(multi_endpoint: {endpoints: ["s3://10.0.0.1:9000/b/", "s3://10.0.0.2:9000/b/"]}
verify: true
range_engine: {enabled: true}
distributed: {agents: [node1, node2], ssh: {user: root}, deployment: [a, b]}
workload:
  - {op: get, path: "data/*", use_multi_endpoint: true}
  - {op: put, path: "az://account/c/new/", object_size: 1MB, dedup_factor: 2, compress_factor: 3}
  - {op: put, path: "az://account/c/new/", object_size: 1MB, dedup_factor: 2})");
  EXPECT_EQ(plan.target, "s3://10.0.0.1:9000/b/");
  EXPECT_EQ(features(plan),
            (std::vector<std::string>{"range_engine", "multi_endpoint", "distributed agents", "distributed.ssh",
                                      "distributed.deployment", "verify", "az:// targets", "dedup_factor above 1",
                                      "compress_factor above 1"}));
  EXPECT_EQ(plan.unbuilt[0].line, 3);
  EXPECT_EQ(plan.distributed->agents[1].address, "node2:7167");
  EXPECT_EQ(plan.distributed->min_agents, 1U);
}

TEST(PlanReader, an_op_log_has_a_file_of_its_own) {
  EXPECT_EQ(read(std::string(kSmall) + "op_log_path: a/.//b.tsv").op_log_path, "a/b.tsv");
  for (const std::string_view name :
       {"journal.db", "journal.db-wal", "journal.db.lock", "summary.json.tmp", "log/x", "perf_log.tsv",
        "./perf_log.tsv", "perf_log.tsv/x", "\"a\\tb\"", "01_x_results.tsv", "."}) {
    EXPECT_FALSE(read_plan(std::string(kSmall) + "op_log_path: " + std::string(name), {})) << name;
  }
  EXPECT_FALSE(read_plan(std::string(kSmall) + "op_log_path: " + std::string(201, 'x'), {}));
}

TEST(PlanReader, distributed_without_agents_only_tunes) {
  const model::RunPlan plan =
      read(std::string(kSmall) + "distributed: {agent_lost_after: 90s, connect_retry_for: forever}");
  EXPECT_TRUE(plan.unbuilt.empty());
  EXPECT_EQ(plan.distributed->agent_lost_after, 90s);
  EXPECT_FALSE(plan.distributed->connect_retry_for);
}

TEST(PlanReader, barrier_figures_fall_back_from_stage_to_phase_to_defaults) {
  const model::RunPlan plan = read(std::string(kSmall) + R"(
stages: [{type: execute, barrier: majority}, {name: b, type: execute, barrier: {missed_threshold: 9}}]
distributed:
  barrier_sync: {default_heartbeat_interval: 20, default_query_retries: 4, execute: {heartbeat_interval: 40}})");
  const model::BarrierSync& sync = plan.distributed->barrier_sync;
  EXPECT_TRUE(sync.enabled);
  EXPECT_EQ(sync.prepare.heartbeat_interval, 20s);
  EXPECT_EQ(sync.execute.silent_after(), 120s);
  EXPECT_EQ(sync.execute.lost_after(), 170s);
  EXPECT_EQ(plan.stages[0].barrier->type, model::BarrierType::Majority);
  EXPECT_EQ(plan.stages[1].barrier->silent_after(), 360s);
}

TEST(PlanReader, keys_without_effect_are_warned_of_once_each) {
  const model::RunPlan plan = read(std::string(kSmall) + R"(
processes: 4
version: 2
prepare: {version: 1, enable_metadata_cache: true, ensure_objects: [{count: 1, object_size: 1}]}
perf_log: {enabled: true})",
                                   {.file = "p.yaml"});
  ASSERT_EQ(plan.warnings.size(), 4U);
  EXPECT_EQ(plan.warnings[0], "p.yaml:6:1: processes is known, but nothing follows from it here");
}

TEST(PlanReader, a_stage_that_is_to_last_longer_than_its_timeout_is_warned_of) {
  const auto warnings = [](const std::string& stage) {
    return read(std::string(kSmall) + "warmup_period: 10s\nstages: [" + stage + "]", {.file = "p.yaml"}).warnings;
  };
  EXPECT_EQ(
      warnings("{name: load, type: execute, duration: 60s, timeout_secs: 65}"),
      std::vector<std::string>{"p.yaml:6:1: stage \"load\" is to last 70s, warm-up included, and its timeout_secs "
                               "fails it after 65s"});
  EXPECT_TRUE(warnings("{name: load, type: execute, duration: 60s, timeout_secs: 70}").empty());
  EXPECT_TRUE(warnings("{name: load, type: execute, duration: 60s}").empty());
}

TEST(PlanReader, a_variable_in_a_path_is_warned_of) {
  const auto warnings = [](const std::string& target) {
    return read("target: " + target + "\nworkload: [{op: get, path: \"x\"}]\n", {.file = "p.yaml"}).warnings;
  };
  ASSERT_EQ(warnings("file:///$HOME/x/").size(), 1U);
  EXPECT_TRUE(warnings("file:///$HOME/x/")[0].contains("\"file:///$HOME/x/\" is taken as it stands"));
  for (const char* plain : {"file:///a/b$/", "file:///a/$1/", "file:///a~/", "/mnt/x"}) {
    EXPECT_TRUE(warnings(plain).empty()) << plain;
  }
}

TEST(PlanReader, the_time_series_of_other_tools_plans_stays_in_the_results) {
  for (const char* path : {"/var/log/series.tsv", "../series.tsv", "/series.tsv"}) {
    const model::RunPlan plan = read(std::string(kSmall) + "perf_log: {path: " + path + "}", {.file = "p.yaml"});
    EXPECT_EQ(plan.perf_log_path, "series.tsv") << path;
    ASSERT_EQ(plan.warnings.size(), 1U) << path;
    EXPECT_TRUE(plan.warnings[0].contains("relative to the results directory")) << plan.warnings[0];
  }
  EXPECT_EQ(read(std::string(kSmall) + "perf_log: {path: a/b.tsv}").perf_log_path, "a/b.tsv");
}

TEST(PlanReader, unknown_keys_are_warnings_where_that_is_allowed) {
  const model::RunPlan plan = read(std::string(kSmall) + "colour: red", {.file = "p.yaml", .allow_unknown_keys = true});
  EXPECT_EQ(plan.warnings, std::vector<std::string>{"p.yaml:5:1: unknown key \"colour\""});
}

TEST(PlanReader, a_key_without_a_value_is_as_if_it_were_not_there) {
  const model::RunPlan plan = read(std::string(kSmall) + "prepare:\nduration: ~\n", {.file = "p.yaml"});
  EXPECT_EQ(plan.stages.size(), 1U);
  EXPECT_EQ(plan.warnings.size(), 2U);
}

TEST(PlanReader, all_mistakes_are_told_in_the_order_of_the_text) {
  const base::Error error =
      complaint("duration: -1\ntarget: x\nworkload: [{op: got, path: a}]\nseed: q", {.file = "p.yaml"});
  EXPECT_TRUE(error.what.starts_with("p.yaml:1:11: duration"));
  ASSERT_EQ(error.also.size(), 3U);
  EXPECT_TRUE(error.also[0].starts_with("p.yaml:2:9: target"));
  EXPECT_TRUE(error.also[2].starts_with("p.yaml:4:7: seed"));
}

TEST(PlanReader, thousands_of_mistakes_end_in_a_count) {
  std::string text = "target: /mnt/x\nworkload:\n";
  for (int i = 0; i < 3000; ++i) text += "  - {op: nothing, path: a}\n";
  const base::Error error = complaint(text);
  EXPECT_LE(error.also.size(), 50U);
  EXPECT_EQ(error.also.back(), "and 2950 more");
}

TEST(PlanReader, anchors_and_merge_keys_work_and_copies_are_bounded) {
  const model::RunPlan plan = read(R"(target: /mnt/x
workload:
  - &base {op: get, path: "a/*", weight: 10}
  - {<<: *base, path: "b/*"}
  - *base)");
  ASSERT_EQ(plan.workload.size(), 3U);
  EXPECT_EQ(plan.workload[1].path, "b/*");
  EXPECT_EQ(plan.workload[1].weight, 10U);
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) bomb += std::string("*") + static_cast<char>(c - 1) + ",";
    bomb += "x]\n";
  }
  EXPECT_NE(complaint(bomb).what.find("more than 200000 values"), std::string::npos);
}

TEST(PlanReader, deep_nesting_is_refused) {
  const base::Error error = complaint("a: " + std::string(1000, '[') + std::string(1000, ']'));
  EXPECT_NE(error.what.find("deep in each other"), std::string::npos);
}

TEST(Overrides, change_add_and_append) {
  const model::RunPlan plan =
      read(kSmall, {.sets = {"workload[0].weight=5", "duration=5s", "prepare.ensure_objects[0].count=1000",
                             "prepare.ensure_objects[0].object_size=4KiB", "target=file:///mnt/y",
                             "workload[2]={op: list, path: data/}", "thresholds=[\"errors == 0\"]"}});
  EXPECT_EQ(plan.target, "file:///mnt/y/");
  ASSERT_EQ(plan.workload.size(), 3U);
  EXPECT_EQ(plan.workload[0].weight, 5U);
  EXPECT_EQ(plan.workload[2].kind, OpKind::List);
  EXPECT_EQ(plan.prepare.datasets[0].count, 1000U);
  EXPECT_EQ(plan.stages[1].duration, 5s);
  EXPECT_EQ(plan.thresholds.size(), 1U);
}

TEST(Overrides, the_last_one_wins) { EXPECT_EQ(read(kSmall, {.sets = {"seed=1", "seed=2"}}).seed, 2U); }

TEST(Overrides, mistakes_name_the_set_that_brought_them) {
  EXPECT_EQ(complaint(kSmall, {.sets = {"concurrency=0"}}).what,
            "--set concurrency=0: concurrency must be from 1 to 100,000, not 0");
  EXPECT_EQ(complaint(kSmall, {.sets = {"concurency=5"}}).what,
            "--set concurency=5: unknown key \"concurency\"; did you mean \"concurrency\"?");
  EXPECT_EQ(complaint(kSmall, {.sets = {"seed"}}).what, "--set seed: '=' and a value are missing");
  EXPECT_EQ(complaint(kSmall, {.sets = {"workload[7].weight=1"}}).what,
            "--set workload[7].weight=1: workload has 2 items, so index 7 is beyond its end");
  EXPECT_EQ(complaint(kSmall, {.sets = {"target.x=1"}}).what,
            "--set target.x=1: target is \"file:///mnt/x\", which has no key \"x\"");
  EXPECT_EQ(complaint(kSmall, {.sets = {"a..b=1"}}).what, "--set a..b=1: \"a..b\" is no key of a plan");
  EXPECT_EQ(complaint(kSmall, {.sets = {"seed=\"1"}}).what, "--set seed=\"1: bad YAML: a quote is never closed");
}

TEST(PlanReader, any_cut_or_bent_text_is_read_or_refused) {
  const std::string whole =
      std::string(kSmall) + "prepare: {ensure_objects: [{count: 1, size_spec: {type: uniform, min: 1, max: 2}}]}\n";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto plan = read_plan(std::string_view(whole).substr(0, length), {.file = "p"});
    if (!plan) EXPECT_FALSE(plan.error().what.empty());
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char c : {'\0', '\t', '{', ']', ':', '&', '*', '"', '-', '\x80', '\n'}) {
      std::string bent = whole;
      bent[at] = c;
      const auto plan = read_plan(bent, {.file = "p"});
      if (!plan) EXPECT_EQ(plan.error().code, base::Code::InvalidArgument);
    }
  }
}

}  // namespace
}  // namespace sluice::config
