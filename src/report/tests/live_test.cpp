#include "report/live.hpp"

#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

#include "report/plain_text.hpp"

namespace sluice::report {
namespace {

LiveFrame load_frame() {
  LiveFrame frame;
  frame.run_elapsed = base::Nanos{15'250'000'000};
  frame.stage = "load";
  frame.type = model::StageType::Execute;
  frame.index = 2;
  frame.stages = 3;
  frame.elapsed = base::Nanos{12'100'000'000};
  frame.done = 12;
  frame.total = 60;
  frame.unit = "s";
  frame.rate = 1;
  frame.eta = base::Nanos{47'900'000'000};
  frame.operations = {{model::OpKind::Get, 12'345, 50'564'000, 40'000, 1'250'000},
                      {model::OpKind::Put, 2'010, 8'232'960, 91'000, 3'000'000},
                      {model::OpKind::Stat, 5'000, 0, 0, 0}};
  frame.ops = 230'000;
  frame.bytes = 700'000'000;
  frame.cpu_cores = 1.25;
  frame.max_stall_ns = 400'000;
  return frame;
}

TEST(LiveTty, shows_stage_progress_operations_and_health) {
  EXPECT_EQ(render_tty(load_frame(), 100, false), R"(load (execute)  stage 2 of 3  12 s
  [====>                   ]  20 %  12 of 60 s  48 s left
  get   12.3k/s  48.2 MiB/s  p50  40.0 us  p99  1.25 ms
  put   2.01k/s  7.85 MiB/s  p50  91.0 us  p99  3.00 ms
  stat  5.00k/s              p50        -  p99        -
  errors 0  client 1.25 cores  longest hold 400 us
)");
}

TEST(LiveTty, without_a_total_there_is_no_bar) {
  LiveFrame frame;
  frame.stage = "prepare";
  frame.type = model::StageType::Prepare;
  frame.elapsed = base::Nanos{3'700'000'000'000};
  frame.done = 346'200;
  frame.unit = "directories";
  frame.rate = 61'234;
  frame.errors = 2;
  frame.remark = "backing off for 5 s: 7 errors in the last second";
  EXPECT_EQ(render_tty(frame, 100, false), R"(prepare  stage 1 of 1  1h 01m
  346,200 directories  61.2k/s
  errors 2  longest hold 0 s
  ! backing off for 5 s: 7 errors in the last second
)");
}

TEST(LiveTty, no_line_is_wider_than_the_terminal) {
  LiveFrame frame = load_frame();
  frame.stage = std::string(300, 'x');
  frame.remark = std::string(300, 'y');
  for (const std::size_t width : {1U, 20U, 40U, 79U}) {
    std::istringstream lines(render_tty(frame, width, false));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(columns_of(line), width) << line;
  }
}

TEST(LiveTty, a_terminal_that_has_become_narrower_has_wrapped_it) {
  const std::string block = "x234567890\n\x1b[1mx23456789\x1b[0m\n\n  d\xc3\xbcnn\n";
  EXPECT_EQ(lines_on_terminal(block, 10), 4U);
  EXPECT_EQ(lines_on_terminal(block, 80), 4U);
  EXPECT_EQ(lines_on_terminal(block, 9), 5U);
  EXPECT_EQ(lines_on_terminal(block, 6), 6U);
  EXPECT_EQ(lines_on_terminal(block, 5), 7U);
  EXPECT_EQ(lines_on_terminal("", 5), 0U);
  for (const bool colour : {false, true}) {
    const std::string real = render_tty(load_frame(), 40, colour);
    EXPECT_EQ(lines_on_terminal(real, 40), static_cast<std::size_t>(std::ranges::count(real, '\n'))) << colour;
  }
}

TEST(LiveProgress, more_than_was_expected_is_not_told_as_a_part_of_it) {
  LiveFrame frame = load_frame();
  frame.unit = "objects";
  frame.done = 5;
  frame.total = 3;
  for (const std::string& text : {render_tty(frame, 100, false), render_plain(frame)}) {
    EXPECT_NE(text.find("5 objects"), std::string::npos) << text;
    EXPECT_EQ(text.find(" of 3 objects"), std::string::npos) << text;
    EXPECT_EQ(text.find('%'), std::string::npos) << text;
  }
  EXPECT_NE(render_json(frame).find("\"total\":null"), std::string::npos) << render_json(frame);
}

TEST(LiveTty, colours_only_where_they_are_asked_for) {
  EXPECT_EQ(render_tty(load_frame(), 100, false).find('\x1b'), std::string::npos);
  EXPECT_NE(render_tty(load_frame(), 100, true).find("\x1b[1mload"), std::string::npos);
}

TEST(LiveTty, nothing_is_done_before_it_is) {
  LiveFrame frame = load_frame();
  frame.done = 999'999;
  frame.total = 1'000'000;
  EXPECT_NE(render_tty(frame, 100, false).find(" 99 %"), std::string::npos);
  frame.done = 1'000'000;
  EXPECT_NE(render_tty(frame, 100, false).find("100 %"), std::string::npos);
}

TEST(LivePlain, is_one_line) {
  LiveFrame frame = load_frame();
  frame.remark = "backing\noff";
  EXPECT_EQ(render_plain(frame),
            "15.2 s  load  12 of 60 s  48 s left  20 %  | get 12.3k/s 48.2 MiB/s p50 40.0 us p99 1.25 ms  "
            "| put 2.01k/s 7.85 MiB/s p50 91.0 us p99 3.00 ms  | stat 5.00k/s p50 - p99 -  "
            "| errors 0  client 1.25 cores  longest hold 400 us  | backing\\noff\n");
}

TEST(LiveJson, is_one_object_in_one_line) {
  LiveFrame frame = load_frame();
  frame.stage = "lo\nad";
  frame.activity = "warm-up first";
  frame.operations.resize(1);
  EXPECT_EQ(render_json(frame),
            R"({"t_s":15.25,"stage":"lo\nad","type":"execute","stage_index":2,"stages":3,"stage_t_s":12.1,"done":12,)"
            R"("total":60,"unit":"s","rate":1.0,"eta_s":47.9,"ops":230000,"bytes":700000000,"errors":0,"operations":)"
            R"([{"operation":"get","ops_per_s":12345.0,"bytes_per_s":50564000.0,"p50_ns":40000,"p99_ns":1250000}],)"
            R"("cpu_cores":1.25,"max_stall_ms":0.4,"activity":"warm-up first","remark":null})"
            "\n");
}

TEST(LiveJson, what_is_unknown_is_null) {
  const std::string line = render_json({});
  EXPECT_NE(line.find("\"total\":null"), std::string::npos);
  EXPECT_NE(line.find("\"eta_s\":null"), std::string::npos);
}

}  // namespace
}  // namespace sluice::report
