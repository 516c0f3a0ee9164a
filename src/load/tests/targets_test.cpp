#include "load/targets.hpp"

#include <gtest/gtest.h>

#include "load/selection.hpp"
#include "load/tests/bench.hpp"

namespace sluice::load {

namespace {

std::string where(Targets& targets, std::string_view path) {
  const base::Result<Place> place = targets.locate(path);
  return place ? place->backend->uri() + " | " + place->name : base::to_text(place.error(), true);
}

std::vector<std::string> names_of(const model::Names& names) {
  std::vector<std::string> all;
  std::array<char, model::kNameBytesMax> name;
  for (std::uint64_t i = 0; i < names.count(); ++i) all.emplace_back(name.data(), names.write_name(i, name));
  std::ranges::sort(all);
  return all;
}

}  // namespace

TEST(Targets, relative_paths_hang_below_the_target) {
  Targets targets("file:///data/", opener());
  EXPECT_EQ(where(targets, ""), "file:///data/ | ");
  EXPECT_EQ(where(targets, "a/b*/"), "file:///data/ | a/b*/");
  EXPECT_EQ(targets.backends().size(), 1U);
}

TEST(Targets, a_relative_path_without_a_target_is_an_error) {
  Targets targets("", opener());
  const base::Result<Place> place = targets.locate("a");
  ASSERT_FALSE(place);
  EXPECT_EQ(place.error().code, base::Code::InvalidArgument);
}

TEST(Targets, a_full_uri_below_the_target_is_the_target_with_a_name) {
  for (const bool opened_before : {false, true}) {
    Targets targets("file:///data/", opener());
    if (opened_before) EXPECT_TRUE(targets.locate(""));
    EXPECT_EQ(where(targets, "file:///data/x/*.dat"), "file:///data/ | x/*.dat");
    EXPECT_EQ(where(targets, "file:///data/"), "file:///data/ | ");
    EXPECT_EQ(where(targets, "file:///data"), "file:///data/ | ") << "without its slash too";
    EXPECT_EQ(targets.backends().size(), 1U);
  }
}

TEST(Targets, a_full_uri_elsewhere_is_split_before_its_first_wildcard) {
  Targets targets("file:///data/", opener());
  EXPECT_EQ(where(targets, "file:///other/set/d*/x?.dat"), "file:///other/set/ | d*/x?.dat");
  EXPECT_EQ(where(targets, "file:///other/set/y/"), "file:///other/set/ | y/");
  EXPECT_EQ(where(targets, "file:///database/z"), "file:///database/ | z") << "no part of the target's name";
  EXPECT_EQ(where(targets, "file:///*"), "file:/// | *");
  EXPECT_EQ(targets.backends().size(), 3U);
}

TEST(Targets, bases_are_numbered_in_the_order_of_their_opening) {
  Targets targets("file:///data/", opener());
  EXPECT_EQ(targets.locate("a")->store, 0U);
  EXPECT_EQ(targets.locate("file:///b/x")->store, 1U);
  EXPECT_EQ(targets.locate("file:///b/y")->store, 1U);
  EXPECT_EQ(targets.locate("z")->store, 0U);
}

TEST(Targets, null_uris_with_parameters_are_targets_of_their_own) {
  Targets targets("null://x/?size=4KiB", opener());
  EXPECT_EQ(where(targets, "data/*"), "null://x/?size=4KiB | data/*");
  EXPECT_EQ(where(targets, "null://x/?size=4KiB"), "null://x/?size=4KiB | ");
  EXPECT_EQ(where(targets, "null://x/?size=4KiB&latency=1ms"), "null://x/?size=4KiB&latency=1ms | ");
  Targets plain("null://x/", opener());
  EXPECT_EQ(where(plain, "null://x/a/b"), "null://x/ | a/b");
  EXPECT_EQ(where(plain, "null://x/?size=1k"), "null://x/?size=1k | ");
}

TEST(Targets, what_cannot_be_opened_says_why) {
  Targets targets("null://x/?colour=red", opener());
  const base::Result<Place> place = targets.locate("a");
  ASSERT_FALSE(place);
  EXPECT_EQ(place.error().code, base::Code::InvalidArgument);
}

class SelectionTest : public testing::Test {
 protected:
  std::vector<std::string> select(RunContext& context, std::string_view path, Wanted wanted = Wanted::Files) {
    const base::Result<Place> place = context.targets.locate(path);
    EXPECT_TRUE(place);
    auto names = select_names(context, control_, *place, wanted);
    EXPECT_TRUE(names) << base::to_text(names.error());
    count_ = (*names)->count();
    return count_ < 1000 ? names_of(**names) : std::vector<std::string>{};
  }

  ScratchDirectory scratch_;
  StageControl control_;
  std::uint64_t count_ = 0;
};

TEST_F(SelectionTest, inside_a_dataset_of_the_plan_names_are_arithmetic_and_nothing_is_listed) {
  model::RunPlan plan = plan_for(scratch_.uri());
  plan.prepare.datasets = {tree(scratch_.uri() + "t/", 100, 4, 100, 10), flat(scratch_.uri() + "f/", 3, 10)};
  TestRun run(plan);  // nothing of it is on the disk
  static_cast<void>(select(run.context(), "t/"));
  EXPECT_EQ(count_, 10'000'000'000U);
  static_cast<void>(select(run.context(), "t/d*/", Wanted::Directories));
  EXPECT_EQ(count_, 100U);
  EXPECT_EQ(
      select(run.context(), "f/*"),
      (std::vector<std::string>{"f/prepared-00000000.dat", "f/prepared-00000001.dat", "f/prepared-00000002.dat"}));
  EXPECT_EQ(select(run.context(), "f/prepared-00000001.dat"), std::vector<std::string>{"f/prepared-00000001.dat"});
}

TEST_F(SelectionTest, a_pattern_over_two_datasets_selects_in_both) {
  model::RunPlan plan = plan_for(scratch_.uri());
  plan.prepare.datasets = {flat(scratch_.uri() + "a1/", 2, 10), flat(scratch_.uri() + "a2/", 1, 10)};
  TestRun run(plan);
  EXPECT_EQ(
      select(run.context(), "a?/*"),
      (std::vector<std::string>{"a1/prepared-00000000.dat", "a1/prepared-00000001.dat", "a2/prepared-00000000.dat"}));
}

TEST_F(SelectionTest, foreign_names_are_listed_without_markers) {
  scratch_.write("x/one.txt", "1");
  scratch_.write("x/deep/two.txt", "2");
  scratch_.write("x/.sluice-dataset.json", "{}");
  TestRun run(plan_for(scratch_.uri()));
  EXPECT_EQ(select(run.context(), "x/"), (std::vector<std::string>{"x/deep/two.txt", "x/one.txt"}));
  EXPECT_EQ(select(run.context(), "x/*.txt"), std::vector<std::string>{"x/one.txt"});
  EXPECT_EQ(select(run.context(), "x/*", Wanted::Directories), std::vector<std::string>{"x/deep/"});
  EXPECT_TRUE(select(run.context(), "nothing/like*").empty());
}

TEST_F(SelectionTest, a_literal_is_itself_whether_it_is_there_or_not) {
  TestRun run(plan_for(scratch_.uri()));
  EXPECT_EQ(select(run.context(), "some/key"), std::vector<std::string>{"some/key"});
  EXPECT_EQ(select(run.context(), "a\\*b"), std::vector<std::string>{"a*b"});
  EXPECT_EQ(select(run.context(), "dir/", Wanted::Directories), std::vector<std::string>{"dir/"});
}

TEST_F(SelectionTest, on_null_every_pattern_stands_for_a_hundred_million_names) {
  TestRun run(plan_for("null://x/"));
  static_cast<void>(select(run.context(), "data/*"));
  EXPECT_EQ(count_, 100'000'000U);
  EXPECT_EQ(select(run.context(), "data/key"), std::vector<std::string>{"data/key"});
}

TEST_F(SelectionTest, a_target_that_is_one_file_is_selected_by_the_empty_path) {
  scratch_.write("disk.img", std::string(65'536, 'x'));
  TestRun run(plan_for("direct://" + (scratch_ / "disk.img").string()));
  EXPECT_EQ(select(run.context(), ""), std::vector<std::string>{""});
  EXPECT_EQ(count_, 1U);
}

TEST_F(SelectionTest, a_malformed_pattern_is_told_with_its_column) {
  TestRun run(plan_for(scratch_.uri()));
  const base::Result<Place> place = run.context().targets.locate("a/[b");
  const auto names = select_names(run.context(), control_, *place, Wanted::Files);
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().code, base::Code::InvalidArgument);
}

TEST_F(SelectionTest, a_stop_ends_a_selection_by_arithmetic) {
  model::RunPlan plan = plan_for(scratch_.uri());
  plan.prepare.datasets = {tree(scratch_.uri() + "t/", 100, 4, 100, 10), flat(scratch_.uri() + "f/", 1U << 31U, 10)};
  TestRun run(plan);
  control_.request_stop(base::now());
  for (const char* path : {"f/*1*2*3*", "t/d*7*/d*/d*/d*1*/*", "t/*/*/*3*/"}) {
    const base::Result<Place> place = run.context().targets.locate(path);
    const auto names =
        select_names(run.context(), control_, *place, path[0] == 'f' ? Wanted::Files : Wanted::Directories);
    ASSERT_FALSE(names) << path;
    EXPECT_EQ(names.error().code, base::Code::Cancelled) << path;
  }
}

TEST_F(SelectionTest, a_stop_ends_a_listing) {
  scratch_.write("x/one.txt", "1");
  TestRun run(plan_for(scratch_.uri()));
  control_.request_stop(base::now());
  const base::Result<Place> place = run.context().targets.locate("x/*");
  const auto names = select_names(run.context(), control_, *place, Wanted::Files);
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().code, base::Code::Cancelled);
}

}  // namespace sluice::load
