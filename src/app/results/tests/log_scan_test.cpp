#include "app/results/log_scan.hpp"

#include <gtest/gtest.h>

namespace sluice::app {
namespace {

LogScan scan_of(StageOperations stage, bool is_completed = true) {
  LogScan scan{.parties = {LogParty{}}, .stages = {}, .keeps_operations = true, .is_completed = is_completed};
  scan.stages[1] = std::move(stage);
  return scan;
}

TEST(LogScan, as_many_records_as_operations_were_counted_is_right) {
  EXPECT_TRUE(differing_records(scan_of({.counted = 100, .records = 100, .chunks = 1})).empty());
  EXPECT_TRUE(differing_records(scan_of({.counted = 100, .records = 90, .lost = 10, .chunks = 1})).empty());
}

TEST(LogScan, fewer_or_more_records_are_named_with_their_stage) {
  const auto fewer =
      differing_records(scan_of({.name = "load", .counted = 1234, .records = 1200, .lost = 4, .chunks = 2}));
  ASSERT_EQ(fewer.size(), 1U);
  EXPECT_EQ(fewer[0], "stage 2 load: 1,234 operations were counted; 1,200 are in the op-log, and 4 are known as lost");
  EXPECT_EQ(differing_records(scan_of({.counted = 5, .records = 6, .chunks = 1})).size(), 1U);
}

TEST(LogScan, records_are_compared_only_where_they_must_be_alike) {
  const StageOperations fewer{.counted = 100, .records = 90, .chunks = 1};
  EXPECT_TRUE(differing_records(scan_of(fewer, false)).empty()) << "of a run that was killed";
  LogScan damaged = scan_of(fewer);
  damaged.parties[0].damage.push_back("frame 7");
  EXPECT_TRUE(differing_records(damaged).empty());
  LogScan without = scan_of({.counted = 100});
  without.keeps_operations = false;
  EXPECT_TRUE(differing_records(without).empty()) << "of a run without an op-log";
}

TEST(LogScan, a_stage_without_a_record_in_a_run_with_some_is_named) {
  LogScan scan = scan_of({.counted = 100, .records = 100, .chunks = 1});
  scan.stages[2] = {.name = "drop", .counted = 7};
  EXPECT_EQ(differing_records(scan).size(), 1U);
}

}  // namespace
}  // namespace sluice::app
