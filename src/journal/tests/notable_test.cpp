#include "journal/records/notable.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.hpp"

namespace sluice::journal {
namespace {

using model::OpRecord;

std::string name_of(std::uint32_t index) { return fmt::format("name {}", index); }

std::vector<OpRecord> records_of(std::uint64_t seed, std::size_t count) {
  base::Random random(seed);
  std::vector<OpRecord> records(count);
  for (std::size_t i = 0; i < count; ++i) {
    records[i].index = i;
    records[i].start_ns = static_cast<std::int64_t>(random.below(1'000'000));
    records[i].end_ns = records[i].start_ns + static_cast<std::int64_t>(random.below(2000));
    if (random.below(50) == 0) records[i].error = model::ErrorKind::Io;
  }
  return records;
}

Notable picks_of(NotablePicker& picker, const std::vector<OpRecord>& records) {
  for (const OpRecord& record : records) picker.add(record);
  return picker.finish(name_of);
}

TEST(Notable, all_failures_and_the_slowest_are_picked_as_by_sorting) {
  NotablePicker picker;
  for (const std::size_t count : {0U, 1U, 2U, 499U, 500U, 501U, 1000U, 20'000U}) {
    const std::vector<OpRecord> records = records_of(count, count);
    std::vector<std::size_t> order;
    std::set<std::size_t> expected;
    for (std::size_t i = 0; i < count; ++i) {
      if (records[i].error)
        expected.insert(i);
      else
        order.push_back(i);
    }
    std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(-records[i].latency_ns(), i); });
    const std::size_t slowest = std::min((count + 499) / 500, order.size());
    expected.insert(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(slowest));

    const Notable notable = picks_of(picker, records);
    std::vector<std::size_t> picked;
    for (const model::NotableOp& row : notable.rows) picked.push_back(row.index);
    EXPECT_EQ(picked, std::vector<std::size_t>(expected.begin(), expected.end())) << count;
    EXPECT_EQ(notable.failures_left_out, 0U);
  }
}

TEST(Notable, failures_beyond_the_bound_are_counted) {
  NotablePicker picker({.failures_max = 10});
  std::vector<OpRecord> records(25, OpRecord{.error = model::ErrorKind::NoSpace});
  const Notable notable = picks_of(picker, records);
  ASSERT_EQ(notable.rows.size(), 10U);
  EXPECT_EQ(notable.rows.back().index, 9U);
  EXPECT_EQ(notable.failures_left_out, 15U);
  EXPECT_EQ(picks_of(picker, {}).failures_left_out, 0U) << "the next block has none";
}

TEST(Notable, the_slowest_are_bounded_and_may_be_switched_off) {
  const std::vector<OpRecord> records(5000);
  NotablePicker three({.slowest_max = 3}), none({.slowest_max = 0});
  const Notable first_three = picks_of(three, records);  // all are alike
  ASSERT_EQ(first_three.rows.size(), 3U);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(first_three.rows[i].index, i);
  EXPECT_EQ(picks_of(none, records).rows.size(), 0U);
}

TEST(Notable, a_row_says_what_the_record_does) {
  NotablePicker picker;
  picker.add({.start_ns = 100,
              .end_ns = 350,
              .bytes = 4096,
              .index = 7,
              .dataset = 2,
              .tries = 1,
              .kind = model::OpKind::Put});
  picker.add({.end_ns = 5, .code = 2, .kind = model::OpKind::Stat, .error = model::ErrorKind::NotFound});
  picker.add({.end_ns = 5, .tries = 3, .code = 503, .error = model::ErrorKind::Busy});
  const Notable notable = picker.finish(name_of);
  ASSERT_EQ(notable.rows.size(), 3U);
  EXPECT_EQ(notable.rows[0], (model::NotableOp{.index = 0,
                                               .kind = model::OpKind::Put,
                                               .error = {},
                                               .end_ns = 350,
                                               .latency_ns = 250,
                                               .bytes = 4096,
                                               .key = "name 0",
                                               .detail = "tried 2 times"}));
  EXPECT_EQ(notable.rows[1].error, model::ErrorKind::NotFound);
  EXPECT_EQ(notable.rows[1].key, "name 1");
  EXPECT_EQ(notable.rows[1].detail, "ENOENT (2)");
  EXPECT_EQ(notable.rows[2].detail, "HTTP 503, tried 4 times");
}

TEST(Notable, times_at_the_bounds_of_their_type_are_held_there) {
  NotablePicker picker;
  picker.add({.start_ns = INT64_MIN, .end_ns = INT64_MAX});
  const Notable notable = picker.finish(name_of);
  ASSERT_EQ(notable.rows.size(), 1U);
  EXPECT_EQ(notable.rows[0].latency_ns, INT64_MAX);
  EXPECT_EQ(notable.rows[0].end_ns, INT64_MAX);
}

}  // namespace
}  // namespace sluice::journal
