#include "journal/tests/sample_blocks.hpp"

#include "base/random.hpp"

namespace sluice::journal {

model::Interval busy_interval(std::uint64_t seed) {
  base::Random random(seed);
  model::Interval interval{.stage = 2,
                           .party_seq = seed,
                           .phase = model::Phase::Drain,
                           .from_ns = 1'000'000'000,
                           .to_ns = 2'000'000'000,
                           .done = 12'345,
                           .total = 64'000'000'000,
                           .cpu_user_s = 0.25,
                           .cpu_system_s = 0.5,
                           .iowait_share = 0.125,
                           .max_stall_ns = 1'234'567};
  for (const auto kind : {model::OpKind::Get, model::OpKind::Put, model::OpKind::Write}) {
    model::OpStats& op = interval.ops[static_cast<std::size_t>(kind)];
    for (int i = 0; i < 500; ++i) {
      const std::uint64_t bytes = random.below(1 << 20);
      const auto service = static_cast<std::int64_t>(random.exponential(80'000));
      model::SizeClassStats& in_class = op.in_class(model::size_class_of(bytes));
      ++op.count, ++in_class.count;
      op.bytes += bytes, in_class.bytes += bytes;
      in_class.service.record(service);
      in_class.response.record(service * 3);
    }
    op.window_count = 490;
    op.window_bytes = op.bytes / 2;
    op.retries = 7, op.starved = 8, op.unstarted = 9;
    op.unstarted_wait.record(std::int64_t{1} << 46, 9);  // beyond the last bucket: only the maximum knows
    op.errors[0] = 3, op.errors[model::kErrorKinds - 1] = 1;
  }
  interval.slowest = {{model::OpKind::Put, 9'999'999, 1'500'000'000, 4096, "a/b/file_00000001.dat"}};
  interval.samples = {{model::OpKind::Get, model::ErrorKind::Stale, 77, "k", "ESTALE (116): Stale file handle"}};
  return interval;
}

std::vector<model::Block> sample_blocks() {
  const base::Error error{.code = base::Code::ResourceExhausted,
                          .what = "the disk is full",
                          .where = "/data",
                          .likely = {"too much data", "too few inodes"},
                          .try_next = {"df -h"},
                          .chain = {"ENOSPC"}};
  std::vector<model::Block> blocks;
  blocks.emplace_back(model::RunStarted{"r1",
                                        "quick",
                                        "file:///data/",
                                        "0.1.0",
                                        {1'700'000'000'123'456'789},
                                        UINT64_MAX,
                                        {"host", "6.1", "cpu", 2, 1u << 31},
                                        true});
  blocks.emplace_back(
      model::StageStarted{1, "measure", model::StageType::Hybrid, -5, {{"ring", 2, 64, "probe"}, {"sync", 1, 1, ""}}});
  blocks.emplace_back(busy_interval(7));
  blocks.emplace_back(model::StageEnded{1, model::RunStatus::Failed, 60'000'000'000, 59'000'000'000, error, "a note",
                                        "line 1\nline 2\n"});
  blocks.emplace_back(model::Note{42, "page cache dropped"});
  blocks.emplace_back(
      model::RunEnded{.status = model::RunStatus::Running,
                      .at = {1},
                      .at_ns = 2,
                      .client = {1.5, 2.5, 3, 4, 5, 6, 0.0, 7, 8, 9, "storage"},
                      .thresholds = {{"get.p99 < 20ms", true, 18.2e6, "18.2 ms"}, {"errors == 0", false, 3, "3"}},
                      .error = error});
  blocks.emplace_back(model::TargetNames{
      .number = 3,
      .base_uri = "file:///data/",
      .recipe = {.kind = model::NamesRecipe::Kind::TreeFiles,
                 .prefix = "set/",
                 .tree = {.width = 10, .depth = 3, .files_per_dir = 7, .all_levels = true, .dir_mask = "L%02d-%d"}}});
  blocks.emplace_back(model::OperationRecords{.stage = 2,
                                              .records = 3,
                                              .lost = 5,
                                              .notable_left_out = 6,
                                              .chunk = {std::byte{0}, std::byte{255}, std::byte{7}},
                                              .notable = {{.index = 0,
                                                           .kind = model::OpKind::Stat,
                                                           .error = model::ErrorKind::NotFound,
                                                           .end_ns = -1,
                                                           .latency_ns = 77,
                                                           .bytes = 1,
                                                           .key = "k",
                                                           .detail = "not_found, ENOENT (2)"},
                                                          {.index = 2, .latency_ns = 99, .key = "slow"}}});
  return blocks;
}

}  // namespace sluice::journal
