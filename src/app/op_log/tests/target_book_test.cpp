#include "app/op_log/target_book.hpp"

#include <string>

#include <gtest/gtest.h>

namespace sluice::app {
namespace {

using Kind = model::NamesRecipe::Kind;

model::TargetNames set(std::uint32_t number, model::NamesRecipe recipe, std::string base = "file:///mnt/a/") {
  return {.number = number, .base_uri = std::move(base), .recipe = std::move(recipe)};
}

model::OpRecord record(std::uint32_t dataset, std::uint64_t index, std::uint32_t endpoint = 0) {
  return {.index = index, .dataset = dataset, .endpoint = endpoint};
}

std::string uri(TargetBook& book, std::uint32_t party, const model::OpRecord& record, std::string_view foreign = {}) {
  const RecordTarget target = book.target_of(party, record, foreign);
  return std::string(target.base_uri) + std::string(target.name);
}

TEST(TargetBook, every_kind_of_set_has_its_names) {
  TargetBook book;
  book.learn(0, set(0, {.kind = Kind::Flat, .prefix = "data/", .count = 100}));
  book.learn(0, set(1, {.kind = Kind::TreeFiles, .tree = {.width = 2, .depth = 1, .files_per_dir = 3}}));
  book.learn(0, set(2, {.kind = Kind::TreeDirectories, .tree = {.width = 2, .depth = 1, .files_per_dir = 3}}));
  book.learn(0, set(3, {.kind = Kind::Numbered, .prefix = "new/", .stem = "put-8f3a-0-"}));
  book.learn(0, set(4, {.kind = Kind::Single, .prefix = "one.bin"}));
  book.learn(0, set(5, {.kind = Kind::Shards, .prefix = "s/", .shards = 4}, "file:///mnt/b/"));
  EXPECT_EQ(uri(book, 0, record(0, 42)), "file:///mnt/a/data/prepared-00000042.dat");
  EXPECT_EQ(uri(book, 0, record(1, 5)), "file:///mnt/a/d1_w2.dir/file_00000005.dat");
  EXPECT_EQ(uri(book, 0, record(2, 0)), "file:///mnt/a/d1_w1.dir/");
  EXPECT_EQ(uri(book, 0, record(3, 1'000'000)), "file:///mnt/a/new/put-8f3a-0-1000000");
  EXPECT_EQ(uri(book, 0, record(4, 0)), "file:///mnt/a/one.bin");
  EXPECT_EQ(uri(book, 0, record(5, 3)), "file:///mnt/b/s/03/");
}

TEST(TargetBook, parties_count_for_themselves) {
  TargetBook book;
  book.learn(0, set(0, {.kind = Kind::Single, .prefix = "a"}));
  book.learn(1, set(0, {.kind = Kind::Single, .prefix = "b"}));
  EXPECT_EQ(uri(book, 0, record(0, 0)), "file:///mnt/a/a");
  EXPECT_EQ(uri(book, 1, record(0, 0)), "file:///mnt/a/b");
}

TEST(TargetBook, what_no_set_has_is_unknown_and_says_so) {
  TargetBook book;
  book.learn(0, set(0, {.kind = Kind::Flat, .count = 10}));
  book.learn(0, set(1, {.kind = Kind::Flat, .prefix = "no directory", .count = 10}));
  for (const model::OpRecord& bad : {record(0, 10), record(0, UINT64_MAX), record(1, 0), record(7, 0)}) {
    const RecordTarget target = book.target_of(0, bad, {});
    EXPECT_FALSE(target.is_known);
    EXPECT_EQ(target.base_uri, "");
    EXPECT_TRUE(target.name.starts_with("(unknown: number ")) << target.name;
  }
  EXPECT_TRUE(book.target_of(0, record(0, 9), {}).is_known);
  EXPECT_FALSE(book.target_of(1, record(0, 9), {}).is_known) << "of a party that nothing is known of";
}

TEST(TargetBook, foreign_targets_have_the_name_that_the_chunk_has) {
  TargetBook book;
  book.learn(0, model::RunStarted{.target = "file:///mnt/a/"});
  const std::uint32_t foreign = model::OpRecord::kForeign;
  EXPECT_EQ(uri(book, 0, record(foreign, 3), "found/x"), "file:///mnt/a/found/x");
  EXPECT_EQ(uri(book, 0, record(foreign, 3, 1), "file:///mnt/b/y"), "file:///mnt/b/y");
}

TEST(TargetBook, the_journal_s_names_are_relative_to_the_first_target) {
  TargetBook book;
  book.learn(0, set(0, {.kind = Kind::Single, .prefix = "one"}));
  book.learn(0, set(1, {.kind = Kind::Single, .prefix = "two"}, "file:///mnt/b/"));
  EXPECT_EQ(book.name_in_journal(0, record(0, 0), {}), "one");
  EXPECT_EQ(book.name_in_journal(0, record(1, 0, 1), {}), "file:///mnt/b/two");
  EXPECT_EQ(book.name_in_journal(0, record(model::OpRecord::kForeign, 0, 1), "file:///c/three"), "file:///c/three");
}

}  // namespace
}  // namespace sluice::app
