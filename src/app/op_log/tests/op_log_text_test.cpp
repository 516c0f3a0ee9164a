#include "app/op_log/op_log_text.hpp"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::app {
namespace {

constexpr std::int64_t kBegan = 1'795'751'061'123'456'000;  // 2026-11-27T03:44:21.123456

model::OpRecord plain() {
  return {.intended_ns = 1'000,
          .start_ns = 2'000,
          .end_ns = 1'000'002'789,
          .bytes = 4096,
          .offset = 65536,
          .worker = 3,
          .tries = 1,
          .kind = model::OpKind::Read};
}

OpLogRow row_of(const model::OpRecord& record, RecordTarget target = {.base_uri = "file:///mnt/a/", .name = "d/f"}) {
  return {.index = 7, .record = &record, .party = "local", .target = target, .stage = 1, .stage_name = "load"};
}

std::string text_of(ExportFormat format, const OpLogRow& row) {
  std::string text;
  OpLogText(format, kBegan).put_row(row, text);
  return text;
}

TEST(OpLogText, the_first_thirteen_columns_are_those_that_other_tools_know) {
  std::string header;
  OpLogText(ExportFormat::Tsv, 0).put_header(header);
  EXPECT_EQ(header,
            "idx\tthread\top\tclient_id\tn_objects\tbytes\tendpoint\tfile\terror\tstart\tfirst_byte\tend\tduration_ns\t"
            "intended\toffset\ttries\tstage_index\tstage\n");
}

TEST(OpLogText, a_row_reads_like_this) {
  EXPECT_EQ(text_of(ExportFormat::Tsv, row_of(plain())),
            "7\t3\tREAD\tlocal\t1\t4096\tfile://\t/mnt/a/d/f\t\t2026-11-27T03:44:21.123458000Z\t\t"
            "2026-11-27T03:44:22.123458789Z\t1000000789\t2026-11-27T03:44:21.123457000Z\t65536\t1\t2\tload\n");
}

TEST(OpLogText, a_failure_says_its_kind_and_its_number) {
  model::OpRecord record = plain();
  record.error = model::ErrorKind::NotFound;
  record.code = 2;
  EXPECT_NE(text_of(ExportFormat::Tsv, row_of(record)).find("\tnot_found: ENOENT (2)\t"), std::string::npos);
  record.code = 503;
  EXPECT_NE(text_of(ExportFormat::Tsv, row_of(record)).find("\tnot_found: HTTP 503\t"), std::string::npos);
  record.error = model::ErrorKind::TimedOut;
  record.code = 0;
  EXPECT_NE(text_of(ExportFormat::Tsv, row_of(record)).find("\ttimed_out\t"), std::string::npos);
}

TEST(OpLogText, a_uri_is_endpoint_and_file) {
  const auto cells = [](RecordTarget target) {
    const model::OpRecord record = plain();
    const std::string text = text_of(ExportFormat::Tsv, row_of(record, target));
    const std::size_t from = text.find("\t4096\t") + 6;
    return text.substr(from, text.find("\t\t", from) - from);
  };
  EXPECT_EQ(cells({.base_uri = "direct:///dev/nvme0n1", .name = ""}), "direct://\t/dev/nvme0n1");
  EXPECT_EQ(cells({.base_uri = "s3://bucket/p/", .name = "k"}), "s3://bucket\tbucket/p/k");
  EXPECT_EQ(cells({.base_uri = "null://x/?size=4KiB", .name = "k"}), "null://x\tx/k");
  EXPECT_EQ(cells({.base_uri = "file:///what?/", .name = "k"}), "file://\t/what?/k");
  EXPECT_EQ(cells({.base_uri = "", .name = "file:///b/x"}), "file://\t/b/x");
  EXPECT_EQ(cells({.base_uri = "", .name = "(unknown: number 7 of set 2)", .is_known = false}),
            "\t(unknown: number 7 of set 2)");
}

TEST(OpLogText, names_from_outside_stay_in_their_cell) {
  const model::OpRecord record = plain();
  const RecordTarget bad{.base_uri = "file:///a/", .name = "x\ty\nz\",\xff"};
  EXPECT_NE(text_of(ExportFormat::Tsv, row_of(record, bad)).find("\t/a/x\\ty\\nz\",\xff\t"), std::string::npos);
  EXPECT_NE(text_of(ExportFormat::Csv, row_of(record, bad)).find(",\"/a/x\ty\nz\"\",\xff\","), std::string::npos);
  const auto json = nlohmann::json::parse(text_of(ExportFormat::Json, row_of(record, bad)));
  EXPECT_EQ(json["file"], "/a/x\ty\nz\",\xef\xbf\xbd");
}

TEST(OpLogText, json_has_the_columns_as_numbers_and_nulls) {
  model::OpRecord record = plain();
  const auto json = nlohmann::json::parse(text_of(ExportFormat::Json, row_of(record)));
  EXPECT_EQ(json.size(), 18U);
  EXPECT_EQ(json["bytes"], 4096);
  EXPECT_EQ(json["duration_ns"], 1'000'000'789);
  EXPECT_TRUE(json["first_byte"].is_null());
  EXPECT_TRUE(json["error"].is_null());
  EXPECT_EQ(json["op"], "READ");
  record.first_byte_ns = 5'000;
  EXPECT_EQ(nlohmann::json::parse(text_of(ExportFormat::Json, row_of(record)))["first_byte"],
            "2026-11-27T03:44:21.123461000Z");
}

TEST(OpLogText, any_time_whatever_is_written) {
  model::OpRecord record{.intended_ns = INT64_MIN, .start_ns = INT64_MIN, .first_byte_ns = -1, .end_ns = INT64_MAX};
  const std::string text = text_of(ExportFormat::Tsv, row_of(record));
  EXPECT_NE(text.find("2262-04-11T23:47:16.854775807Z"), std::string::npos) << text;
  EXPECT_NE(text.find("2026-11-27T03:44:21.123455999Z"), std::string::npos) << text;
}

}  // namespace
}  // namespace sluice::app
