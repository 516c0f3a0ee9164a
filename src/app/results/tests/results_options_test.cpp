#include "app/results/results_options.hpp"

#include <gtest/gtest.h>

#include "app/results/run_choice.hpp"

namespace sluice::app {
namespace {

std::string utc(const std::string& text) {
  const auto time = parse_utc(text);
  return time ? base::to_iso8601(*time) : "none";
}

TEST(ParseUtc, takes_the_forms_that_people_write) {
  EXPECT_EQ(utc("2026-11-21T03:44:21.5Z"), "2026-11-21T03:44:21.500Z");
  EXPECT_EQ(utc("2026-11-21 03:44"), "2026-11-21T03:44:00.000Z");
  EXPECT_EQ(utc("2026-11-21T03:44Z"), "2026-11-21T03:44:00.000Z");
  EXPECT_EQ(utc("2026-11-21"), "2026-11-21T00:00:00.000Z");
  EXPECT_EQ(utc("20261121T034421Z"), "2026-11-21T03:44:21.000Z");
}

TEST(ParseUtc, takes_nothing_else) {
  for (const char* text : {"", "30s", "2026", "2026-11", "2026-13-01", "2026-11-32", "2026-11-21T", "2026-11-21T25:00",
                           "2026-11-21T03:44:99", "2026-11-21T03:44:21+01:00", "2026-11-21x03:44",
                           "2026-11-21T03:44:nan", "2026-11-21T03:44:21Z ", "99999-01-01", "-1-01-01"}) {
    EXPECT_EQ(utc(text), "none") << text;
  }
}

TEST(Shown, makes_any_text_one_safe_line) {
  EXPECT_EQ(shown("plain"), "plain");
  EXPECT_EQ(shown("\x1b[31m\n"), "\\x1b[31m\\n");
  EXPECT_EQ(shown("\xc3\xa9\xff\xc3"), "\xc3\xa9\\xff\\xc3");
  EXPECT_LE(shown(std::string(5000, 'a')).size(), 200U);
}

TEST(ChooseId, takes_a_beginning_that_only_one_has_and_prefers_the_whole) {
  EXPECT_EQ(*choose_id({"abc", "abd"}, "abd", ""), "abd");
  EXPECT_EQ(*choose_id({"abc", "b"}, "a", ""), "abc");
  EXPECT_EQ(*choose_id({"abc", "ab"}, "ab", ""), "ab");
  EXPECT_EQ(choose_id({"abc", "abd"}, "ab", "").error().code, base::Code::InvalidArgument);
  EXPECT_EQ(choose_id({"abc"}, "x", "").error().code, base::Code::NotFound);
}

}  // namespace
}  // namespace sluice::app
