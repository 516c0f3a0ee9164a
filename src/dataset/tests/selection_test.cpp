#include "dataset/selection.hpp"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "dataset/tests/allocations.hpp"
#include "dataset/tests/brute_tree.hpp"

namespace sluice::dataset {
namespace {

using model::TreeShape;

Pattern compile(std::string_view text) {
  auto pattern = Pattern::compile(text);
  EXPECT_TRUE(pattern.has_value()) << text;
  return std::move(*pattern);
}

Tree make(const TreeShape& shape, std::string_view prefix = {}) { return std::move(*Tree::create(shape, prefix)); }

template <class Dataset>
std::unique_ptr<model::Names> selected(const Dataset& dataset, std::string_view pattern) {
  auto names = select(dataset, compile(pattern));
  EXPECT_TRUE(names.has_value()) << pattern << ": " << (names ? "" : names.error().what);
  return std::move(*names);
}

std::size_t runs_of(const model::Names& names) { return dynamic_cast<const RangedNames&>(names).run_count(); }

template <class Match>
std::vector<std::string> filtered(const std::vector<std::string>& names, Match match) {
  std::vector<std::string> result;
  for (const std::string& name : names) {
    if (match(name)) result.push_back(name);
  }
  return result;
}

const TreeShape kBottom{.width = 12, .depth = 3, .files_per_dir = 3};
const TreeShape kAll{.width = 4, .depth = 3, .files_per_dir = 5, .all_levels = true};

void expect_as_if_listed(const TreeShape& shape, std::string_view prefix, std::string_view text) {
  const BruteTree brute = build_brute_tree(shape, std::string(prefix));
  const Tree tree = make(shape, prefix);
  const Pattern pattern = compile(text);
  EXPECT_EQ(all_names(*selected(TreeFiles(tree), text)),
            filtered(brute.files, [&](const std::string& name) { return pattern.matches(name); }))
      << text;
  EXPECT_EQ(all_names(*selected(TreeDirectories(tree), text)),
            filtered(brute.directories, [&](const std::string& name) { return pattern.matches_directory(name); }))
      << text;
}

TEST(Selection, in_a_tree_is_what_a_listing_would_find) {
  for (const char* text : {"",
                           "**",
                           "d*/",
                           "d*",
                           "*",
                           "**/",
                           "d1_w1.dir/",
                           "d1_w1.dir",
                           "d1_w1?.dir/",
                           "d1_w1*/d2_w3.dir/",
                           "d1_w2.dir/*/*",
                           "*/*/*",
                           "*/*/*/*",
                           "*/*/*/*.dat",
                           "**/*.dat",
                           "**/*.txt",
                           "**/d3_w2.dir/",
                           "**/d3_w2.dir/*",
                           "*/d2_w[1-3].dir/",
                           "*/*/d3_w{1,2,11}.dir/file_*",
                           "**/file_00000007.dat",
                           "**/file_000000[0-4]*",
                           "**/file_*7.dat",
                           "nothing/",
                           "x*",
                           "d1_w1.dir/d2_w1.dir/d3_w1.dir/file_00000001.dat",
                           "d1_w1.dir/d2_w1.dir/file_00000200.dat",
                           "*/**/d3*/",
                           "d?_w?.dir/"}) {
    expect_as_if_listed(kBottom, "", text);
    expect_as_if_listed(kAll, "", text);
  }
}

TEST(Selection, sees_a_datasets_prefix_as_part_of_its_names) {
  for (const char* text :
       {"", "fs1/", "fs1/d*/", "fs2/d*/", "fs*/", "fs1", "fs1/a/", "*/*/d1_w1.dir/", "fs1/a/d1_w1.dir/**", "**"}) {
    expect_as_if_listed(kAll, "fs1/a/", text);
  }
}

TEST(Selection, of_random_patterns_is_what_a_listing_would_find) {
  base::Random random(3);
  const std::vector<std::string> pieces = {"d1_w",  "d2_w",  "d3_w", "1",   "2",     "[1-3]", "?",    "*",
                                           ".dir/", ".dir/", "/",    "**/", "file_", "0000",  ".dat", "{1,2,3*}"};
  for (int round = 0; round < 400; ++round) {
    std::string text;
    for (std::uint64_t n = 1 + random.below(9); n > 0; --n) text += pieces[random.below(pieces.size())];
    expect_as_if_listed(kAll, "", text);
  }
}

TEST(Selection, of_whole_subtrees_is_one_run_at_the_bottom_and_one_a_level_otherwise) {
  const Tree large = make({.width = 24, .depth = 4, .files_per_dir = 193});
  EXPECT_EQ(runs_of(*selected(TreeFiles(large), "d*/")), 1);
  EXPECT_EQ(runs_of(*selected(TreeFiles(large), "**")), 1);
  EXPECT_EQ(runs_of(*selected(TreeFiles(large), "d1_w5.dir/d2_w7.dir/")), 1);
  EXPECT_EQ(selected(TreeFiles(large), "d1_w5.dir/d2_w7.dir/")->count(), 24U * 24 * 193);
  const Tree all = make({.width = 24, .depth = 4, .files_per_dir = 193, .all_levels = true});
  EXPECT_EQ(runs_of(*selected(TreeFiles(all), "d1_w5.dir/")), 4);
  EXPECT_EQ(runs_of(*selected(TreeFiles(all), "d*/")), 1);
}

TEST(Selection, in_the_largest_trees_takes_no_memory_to_speak_of) {
  const Tree huge = make({.width = 100, .depth = 4, .files_per_dir = 100});
  const std::size_t before = bytes_allocated();
  EXPECT_EQ(selected(TreeFiles(huge), "d*/")->count(), 10'000'000'000);
  EXPECT_EQ(selected(TreeFiles(huge), "*/*/*/*/*.dat")->count(), 10'000'000'000);
  EXPECT_EQ(selected(TreeFiles(huge), "**/file_0000012*.dat")->count(), 10);
  EXPECT_EQ(selected(TreeDirectories(huge), "*/*/*")->count(), 1'000'000);
  EXPECT_EQ(selected(TreeDirectories(huge), "d*/")->count(), 100);
  EXPECT_LT(bytes_allocated() - before, 1024 * 1024);
}

TEST(Selection, scattered_over_a_hundred_thousand_directories_works) {
  const Tree large = make({.width = 24, .depth = 4, .files_per_dir = 193});
  const auto names = selected(TreeFiles(large), "**/d4_w7.dir/");
  EXPECT_EQ(names->count(), 24U * 24 * 24 * 193);
  EXPECT_EQ(runs_of(*names), 24U * 24 * 24);
  base::Random random(1);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_NE(name_at(*names, random.below(names->count())).find("/d4_w7.dir/file_"), std::string::npos);
  }
}

TEST(Selection, of_single_files_all_over_a_very_large_dataset_is_refused_with_advice) {
  const auto names = select(FlatNames("", 64'000'000), compile("prepared-*7.dat"));
  ASSERT_FALSE(names.has_value());
  EXPECT_EQ(names.error().code, base::Code::ResourceExhausted);
  EXPECT_FALSE(names.error().try_next.empty());
  const Tree huge = make({.width = 100, .depth = 4, .files_per_dir = 100});
  EXPECT_FALSE(select(TreeFiles(huge), compile("**/file_*7.dat")).has_value());
}

TEST(Selection, gives_up_on_directory_numbers_that_differ_digit_by_digit_without_end) {
  const Tree wide = make({.width = 1'000'000'000'000'000, .depth = 1});
  for (const char* text : {"d1_w*7.dir/", "d1_w*7x/*"}) {
    const auto names = select(TreeDirectories(wide), compile(text));
    ASSERT_FALSE(names.has_value()) << text;
    EXPECT_EQ(names.error().code, base::Code::ResourceExhausted);
  }
  EXPECT_EQ(selected(TreeDirectories(wide), "d1_w1*.dir/")->count(), 111'111'111'111'112);
}

TEST(Selection, that_takes_long_ends_when_it_is_asked_to) {
  const Tree wide = make({.width = 1'000'000'000'000'000, .depth = 1});
  const Tree huge = make({.width = 100, .depth = 4, .files_per_dir = 100});
  int asked = 0;
  const AskStop at_the_third = [&asked] { return ++asked == 3; };
  const auto is_cancelled = [&asked](const auto& names) {
    return !names && names.error().code == base::Code::Cancelled && std::exchange(asked, 0) == 3;
  };
  EXPECT_TRUE(is_cancelled(select(FlatNames("", 64'000'000), compile("prepared-*1*2*7*.dat"), at_the_third)));
  EXPECT_TRUE(is_cancelled(select(TreeDirectories(wide), compile("d1_w*7.dir/"), at_the_third)));
  EXPECT_TRUE(is_cancelled(select(TreeFiles(huge), compile("**/file_*7.dat"), at_the_third)));
  EXPECT_TRUE(select(TreeFiles(huge), compile("d*/"), [] { return false; }));
}

TEST(Selection, in_a_flat_dataset_is_what_a_listing_would_find) {
  for (const std::uint32_t shards : {0U, 16U, 300U}) {
    const FlatNames names("data/", 1234, {}, shards);
    const std::vector<std::string> everything = all_names(names);
    for (const char* text :
         {"", "data/", "data/*", "data/prepared-*.dat", "data/*.dat", "**", "data/prepared-00000017.dat",
          "data/prepared-000001*", "data/*7.dat", "data/0?/", "data/0a/prepared-*.dat", "data/*/*.dat", "data/[!0]*/",
          "other/*", "data/0a/*1?.dat", "**/prepared-0000000*"}) {
      const Pattern pattern = compile(text);
      std::vector<std::string> expected =
          filtered(everything, [&](const std::string& name) { return pattern.matches(name); });
      std::vector<std::string> found = all_names(*selected(names, text));
      std::ranges::sort(expected);
      std::ranges::sort(found);
      EXPECT_EQ(found, expected) << text << " with " << shards << " shards";
    }
  }
}

TEST(Selection, numbers_beyond_eight_digits_are_told_apart) {
  const FlatNames names("", 250'000'000);
  EXPECT_EQ(selected(names, "prepared-?????????.dat")->count(), 150'000'000);
  EXPECT_EQ(selected(names, "prepared-????????.dat")->count(), 100'000'000);
  EXPECT_EQ(name_at(*selected(names, "prepared-2000000*.dat"), 10), "prepared-200000000.dat");
  EXPECT_EQ(selected(names, "prepared-2000000*.dat")->count(), 110);
}

TEST(Selection, keeps_the_sizes_of_the_dataset) {
  const auto sizes = SizeSampler::create({.kind = model::SizeSpec::Kind::Uniform, .min = 1, .max = 1'000'000}, 3);
  const FlatNames names("", 1000, *sizes);
  const auto some = selected(names, "prepared-000001*.dat");
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(some->size_of(i), names.size_of(100 + i));
}

}  // namespace
}  // namespace sluice::dataset
