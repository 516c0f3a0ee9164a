#include "report/table.hpp"

#include <sstream>

#include <gtest/gtest.h>

#include "report/plain_text.hpp"
#include "report/tests/sample_run.hpp"

namespace sluice::report {
namespace {

constexpr const char* kGolden = R"(mixed: completed in 8.00 s
  target file:///mnt/t/
  run k3f9x2 on lab1: 2 cores, 8 GiB, Linux 6.1.0; sluice 0.1.0, seed 42

1 prepare  2.00 s
  operation   count  errors     rate  throughput     mean      p50      p99    p99.9      max
  put         3,200       0  3.20k/s  12.5 MiB/s  80.0 us  80.0 us  80.0 us  80.0 us  80.0 us

2 load (execute)  4.05 s, rates over 3.00 s
  operation   count  errors     rate  throughput     mean      p50      p99    p99.9      max
  get        30,033       5  10.0k/s  49.1 MiB/s  46.9 us  40.0 us  40.0 us  2.50 ms  45.0 ms
  put         6,000       0  2.00k/s  7.81 MiB/s  92.0 us  92.0 us  93.0 us  93.0 us  93.0 us
  stat       15,000       0  5.00k/s           -  1.50 us  1.50 us  1.50 us  1.50 us  1.50 us
  all        51,033       5  17.0k/s  56.9 MiB/s
  warm-up: 17,010 operations before these, not counted here

3 tidy up (cleanup)  1.00 s
  operation   count  errors     rate  throughput     mean      p50      p99    p99.9      max
  delete      9,000       0  18.0k/s           -  20.0 us  20.0 us  20.0 us  20.0 us  20.0 us

slowest operations
  45.0 ms  get  at 6.045 s  lab1  d1_w2.dir/file_00000007.dat
  2.50 ms  get  at 6.000 s  lab1  d1_w1.dir/file_00000003.dat
  2.50 ms  get  at 5.000 s  lab1  d1_w1.dir/file_00000002.dat
  2.50 ms  get  at 4.000 s  lab1  d1_w1.dir/file_00000001.dat

errors
  5 not_found, from 4.500 s to 5.000 s
    for example get gone/0: ENOENT (2): No such file or directory

thresholds
  met     get.p99 < 20ms: 40.0 us
  MISSED  errors == 0: 5

what it took
  limited by: storage
  97 % of reads never left memory
  nothing stalled: longest hold 400 us, p99.9 0 s
  queues: 0 s waited for permits in all, at most 0 B of output waited for its reader
  no call had to be abandoned
  client: 1.25 s CPU in user space, 4.50 s in the kernel, at most 48 MiB of memory
  2 sync workers, 16 in flight: stat and unlink are served faster by direct calls (1.1 us against 13.7 us)
  (prepare, load, tidy up)

notes
  io_uring is refused here: sync workers serve

results: results/20261121T040421Z-mixed-k3f9x2
)";

TEST(FinalTable, reads_like_this) {
  const model::Summary summary = testing::folded(testing::completed_run());
  EXPECT_EQ(final_table(summary, {.results_dir = "results/20261121T040421Z-mixed-k3f9x2"}), kGolden);
}

TEST(FinalTable, fits_its_width) {
  model::Summary summary = testing::folded(testing::completed_run());
  summary.stages[1].slowest[0].key = std::string(400, 'k');
  summary.notes.emplace_back(400, 'n');
  for (const std::size_t width : {110U, 120U}) {
    std::istringstream lines(final_table(summary, {.width = width}));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(columns_of(line), width) << line;
  }
}

TEST(FinalTable, nothing_is_wider_than_a_narrow_terminal) {
  model::Summary summary = testing::folded(testing::completed_run());
  summary.run.plan_name = std::string(90, 'p');
  summary.run.host.hostname = "a-host-whose-name-is-rather-long.example.org";
  summary.stages[1].slowest[0].key = std::string(400, 'k');
  summary.stages[1].ops[0].unstarted = 12;
  summary.stages[1].ops[0].starved = 12;
  summary.ended->client.max_stall_ns = 350'000'000;
  summary.ended->client.abandoned_calls = 3;
  summary.ended->thresholds[0].text = std::string(100, 't');
  for (const std::size_t width : {70U, 80U, 100U}) {
    std::istringstream lines(final_table(summary, {.width = width, .drops_columns = true}));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(columns_of(line), width) << line;
  }
}

TEST(FinalTable, columns_that_do_not_fit_are_named) {
  const model::Summary summary = testing::folded(testing::completed_run());
  const std::string text = final_table(summary, {.results_dir = "r", .width = 80, .drops_columns = true});
  EXPECT_NE(text.find("\n  operation   count  errors     rate  throughput      p50      p99      max\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\n  too narrow for the columns mean, p99.9; they are in the results\n"), std::string::npos)
      << text;
  EXPECT_EQ(final_table(summary, {.drops_columns = true}), final_table(summary, {})) << "all fits into 110 columns";
}

TEST(FinalTable, a_file_keeps_all_columns) {
  model::Summary summary = testing::folded(testing::completed_run());
  EXPECT_NE(final_table(summary, {.width = 80}).find("mean      p50      p99    p99.9      max"), std::string::npos);
}

TEST(FinalTable, has_no_escapes_unless_asked_and_none_from_outside) {
  model::Summary summary = testing::folded(testing::completed_run());
  summary.stages[1].slowest[0].key = "\x1b[2Jgone";
  EXPECT_EQ(final_table(summary, {}).find('\x1b'), std::string::npos);
  EXPECT_NE(final_table(summary, {.colour = true}).find("\x1b[1m"), std::string::npos);
}

TEST(FinalTable, open_loop_shows_response_times_and_that_they_are_lower_bounds) {
  model::Summary summary = testing::folded(testing::completed_run());
  summary.stages[1].ops[0].in_class(1).response.record(80'000, 30'033);
  summary.stages[1].ops[0].unstarted = 12;
  const std::string text = final_table(summary, {});
  EXPECT_NE(text.find("\n    response "), std::string::npos);
  EXPECT_NE(text.find("12 intended operations never started: percentiles of response time are lower bounds"),
            std::string::npos);
}

TEST(FinalTable, a_long_hold_is_said) {
  model::Summary summary = testing::folded(testing::completed_run());
  summary.ended->client.max_stall_ns = 350'000'000;
  EXPECT_NE(final_table(summary, {}).find("a loop was held for 350 ms"), std::string::npos);
}

TEST(FinalTable, an_op_log_is_one_line_and_what_is_not_in_it_another) {
  model::Summary summary = testing::folded(testing::completed_run());
  EXPECT_EQ(final_table(summary, {}).find("op-log"), std::string::npos);
  fold(summary, model::OperationRecords{.records = 1'234'567, .chunk = std::vector<std::byte>(10'123'450)});
  const std::string kept = final_table(summary, {});
  EXPECT_NE(kept.find("  op-log: 1,234,567 operations in 9.65 MiB (8.2 bytes each)\n"), std::string::npos) << kept;
  EXPECT_EQ(kept.find("are not in it"), std::string::npos);
  fold(summary, model::OperationRecords{.lost = 4321});
  EXPECT_NE(final_table(summary, {}).find("  op-log: 4,321 operations are not in it: "), std::string::npos);
}

TEST(FinalTable, a_failed_run_says_why_in_four_parts) {
  model::Summary summary = testing::folded(testing::completed_run());
  summary.ended->status = model::RunStatus::Failed;
  summary.ended->error = base::from_errno(28, "cannot write file_1.dat", "/mnt/t");
  const std::string text = final_table(summary, {});
  EXPECT_EQ(text.find("mixed: failed in 8.00 s\n"), 0U);
  EXPECT_NE(text.find("error: cannot write file_1.dat\n  where:  /mnt/t: ENOSPC (28)"), std::string::npos);
}

TEST(FinalTable, an_empty_run_is_a_short_page) {
  EXPECT_NE(final_table({}, {}).find("interrupted"), std::string::npos);
}

TEST(FinalTable, shares_are_not_rounded_to_all_or_nothing) {
  model::Summary summary = testing::folded(testing::completed_run());
  summary.ended->client.page_cache_share = 0.999;
  EXPECT_NE(final_table(summary, {}).find("over 99 % of reads"), std::string::npos);
  summary.ended->client.page_cache_share = 0.001;
  EXPECT_NE(final_table(summary, {}).find("less than 1 % of reads"), std::string::npos);
}

}  // namespace
}  // namespace sluice::report
