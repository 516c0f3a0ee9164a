#include "journal/op_log_writer.hpp"

#include <array>
#include <cstring>
#include <string>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "journal/block_codec.hpp"
#include "journal/stored_form.hpp"

namespace sluice::journal {
namespace {

/// Keeps blocks as they would be read again; has no room, or fails, as it is told to.
class KeptLog final : public BlockLog {
 public:
  base::Result<void> append(const model::Block& block) override {
    ++asked;
    if (has_failed) return base::fail(base::Code::ResourceExhausted, "no space left on the disk");
    auto read = decode_block(encode_block(block));
    EXPECT_TRUE(read);
    if (read) blocks.push_back(std::move(*read));
    return {};
  }
  async::Task<> sync(async::Deadline /*deadline*/) override { co_return base::Result<void>(); }
  bool has_room_for_records() const override {
    ++asked_for_room;
    if (full_for == 0) return true;
    --full_for;
    return false;
  }

  template <class T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const model::Block& block : blocks) {
      if (const T* one = std::get_if<T>(&block)) found.push_back(*one);
    }
    return found;
  }

  std::vector<model::Block> blocks;
  std::uint64_t asked = 0;
  mutable std::uint64_t full_for = 0, asked_for_room = 0;
  bool has_failed = false;
};

/// "<stem><index>".
class NumberNames final : public model::Names {
 public:
  NumberNames(std::string stem, bool has_recipe) : stem_(std::move(stem)), has_recipe_(has_recipe) {}
  std::uint64_t count() const override { return 1'000'000; }
  std::size_t write_name(std::uint64_t index, std::span<char> out) const override {
    const std::string name = stem_ + std::to_string(index);
    std::memcpy(out.data(), name.data(), name.size());
    return name.size();
  }
  std::optional<model::NamesRecipe> recipe() const override {
    if (!has_recipe_) return {};
    return model::NamesRecipe{.kind = model::NamesRecipe::Kind::Flat, .prefix = stem_, .count = count()};
  }

 private:
  std::string stem_;
  bool has_recipe_;
};

/// Every second one of another set.
class EverySecond final : public model::Names {
 public:
  explicit EverySecond(const model::Names& base) : base_(base) {}
  std::uint64_t count() const override { return base_.count() / 2; }
  std::size_t write_name(std::uint64_t index, std::span<char> out) const override {
    return base_.write_name(2 * index, out);
  }
  model::NameOrigin origin(std::uint64_t index) const override { return base_.origin(2 * index); }

 private:
  const model::Names& base_;
};

model::TakenRecord taken(const model::Names* names, std::uint64_t index, std::int64_t end_ns = 100) {
  return {.record = {.start_ns = end_ns - 50, .end_ns = end_ns, .bytes = 4096, .index = index}, .names = names};
}

RecordChunk chunk_of(const model::OperationRecords& block) {
  auto chunk = decode_records(block.chunk);
  EXPECT_TRUE(chunk);
  EXPECT_EQ(chunk->records.size(), block.records);
  return std::move(*chunk);
}

TEST(OpLogWriter, a_set_of_targets_is_told_of_once_and_before_its_first_record) {
  const NumberNames ours("ours/", true), same("ours/", true), others("others/", true);
  const EverySecond selection(ours);
  KeptLog log;
  OpLogWriter writer(log);
  writer.begin(1, {"file:///a/", "file:///b/"});
  const base::Instant now = base::now();
  for (const model::Names* names :
       {static_cast<const model::Names*>(&ours), static_cast<const model::Names*>(&same),
        static_cast<const model::Names*>(&selection), static_cast<const model::Names*>(&others)}) {
    writer.take(std::array{taken(names, 7)}, now);
  }
  model::TakenRecord elsewhere = taken(&ours, 9);
  elsewhere.record.endpoint = 1;
  writer.take(std::array{elsewhere}, now);
  writer.end();
  writer.begin(2, {"file:///a/", "file:///b/"});
  writer.take(std::array{taken(&same, 3)}, now);
  writer.end();

  const auto targets = log.all<model::TargetNames>();
  ASSERT_EQ(targets.size(), 3U) << "ours, others, and ours below another target";
  EXPECT_EQ(targets[0].recipe.prefix, "ours/");
  EXPECT_EQ(targets[1].recipe.prefix, "others/");
  EXPECT_EQ(targets[2].base_uri, "file:///b/");
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(targets[i].number, i);
  const auto chunks = log.all<model::OperationRecords>();
  ASSERT_EQ(chunks.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<model::OperationRecords>(log.blocks[3]));
  const RecordChunk first = chunk_of(chunks[0]);
  std::vector<std::pair<std::uint32_t, std::uint64_t>> found;
  for (const model::OpRecord& record : first.records) found.emplace_back(record.dataset, record.index);
  const std::vector<std::pair<std::uint32_t, std::uint64_t>> expected{{0, 7}, {0, 7}, {0, 14}, {1, 7}, {2, 9}};
  EXPECT_EQ(found, expected);
  EXPECT_EQ(chunks[1].stage, 2U);
  EXPECT_EQ(chunk_of(chunks[1]).records.front().dataset, 0U);
}

TEST(OpLogWriter, a_foreign_target_keeps_its_name_and_no_target_has_none) {
  const NumberNames listed("found/", false);
  const EverySecond selection(listed);
  KeptLog log;
  OpLogWriter writer(log);
  writer.begin(0, {"file:///a/", "file:///b/"});
  model::TakenRecord elsewhere = taken(&listed, 1);
  elsewhere.record.endpoint = 1;
  writer.take(std::array{taken(&listed, 5), taken(&selection, 5), elsewhere, taken(nullptr, 0)}, base::now());
  writer.end();
  ASSERT_EQ(log.blocks.size(), 1U);
  const auto block = std::get<model::OperationRecords>(log.blocks.front());
  const RecordChunk chunk = chunk_of(block);
  std::vector<std::string> names;
  for (const model::OpRecord& record : chunk.records) {
    EXPECT_EQ(record.dataset, model::OpRecord::kForeign);
    names.emplace_back(chunk.names[static_cast<std::size_t>(record.index)]);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"found/5", "found/10", "file:///b/found/1", ""}));
}

TEST(OpLogWriter, a_chunk_ends_when_it_is_full_or_old) {
  const NumberNames names("n", true);
  KeptLog log;
  OpLogWriter writer(log, {.encoder = {.records_max = 100}});
  writer.begin(0, {""});
  const base::Instant t = base::now();
  const std::vector<model::TakenRecord> many(250, taken(&names, 1));
  writer.take(many, t);
  EXPECT_EQ(log.all<model::OperationRecords>().size(), 2U);
  writer.tick(t + base::Nanos{999'999'999});
  EXPECT_EQ(log.all<model::OperationRecords>().size(), 2U);
  writer.tick(t + base::Nanos{1'000'000'000});
  const auto chunks = log.all<model::OperationRecords>();
  ASSERT_EQ(chunks.size(), 3U);
  EXPECT_EQ(chunks[2].records, 50U);
  writer.end();
  EXPECT_EQ(log.all<model::OperationRecords>().size(), 3U) << "nothing was left";
}

TEST(OpLogWriter, the_slowest_and_the_failed_stand_beside_their_chunk) {
  const NumberNames names("n", true);
  KeptLog log;
  OpLogWriter writer(log);
  writer.begin(4, {""});
  std::vector<model::TakenRecord> records;
  for (std::uint64_t i = 0; i < 1000; ++i) records.push_back(taken(&names, i, 1000 + static_cast<std::int64_t>(i)));
  records[17].record.start_ns = -5000;
  records[600].record.error = model::ErrorKind::Io;
  writer.take(records, base::now());
  writer.end();
  const auto block = log.all<model::OperationRecords>().at(0);
  ASSERT_EQ(block.notable.size(), 3U);
  EXPECT_EQ(block.notable[1].index, 17U);
  EXPECT_EQ(block.notable[1].key, "n17");
  EXPECT_EQ(block.notable[2].key, "n600");
  EXPECT_EQ(block.notable[2].error, model::ErrorKind::Io);

  StoredForm form("r1", "local");
  const StoredBlock stored = form.of(block, encode_block(block), 0);
  EXPECT_EQ(stored.header.kind, BlockKind::Records);
  EXPECT_EQ(stored.header.stage, 4U);
  ASSERT_TRUE(stored.header.zone);
  EXPECT_EQ(stored.header.zone->records, 1000U);
  EXPECT_EQ(stored.header.from_ns, 1000);
  EXPECT_EQ(stored.header.to_ns, 1999);
  ASSERT_EQ(stored.notable.size(), 3U);
  EXPECT_EQ(stored.notable[1].target, "n17");
}

TEST(StoredForm, an_operation_is_notable_once_in_a_run_that_keeps_operations) {
  model::Interval interval;
  interval.slowest = {{.service_ns = 9, .key = "slow"}};
  const model::Block block = std::move(interval);
  for (const bool keeps : {false, true}) {
    StoredForm form("", "local");
    const model::RunStarted started{.run_id = "r1", .keeps_operations = keeps};
    static_cast<void>(form.of(started, encode_block(started), 0));
    EXPECT_EQ(form.of(block, {}, 1).notable.size(), keeps ? 0U : 1U);
  }
}

TEST(OpLogWriter, waits_for_a_log_that_is_behind) {
  const NumberNames names("n", true);
  KeptLog log;
  OpLogWriter writer(log);
  writer.begin(0, {""});
  log.full_for = 3;
  writer.take(std::array{taken(&names, 1)}, base::now());
  writer.end();
  const auto blocks = log.all<model::OperationRecords>();
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(blocks[0].records, 1U);
  EXPECT_EQ(blocks[0].lost, 0U);
}

TEST(OpLogWriter, what_the_log_never_takes_is_told_with_the_next_chunk) {
  const NumberNames names("n", true);
  KeptLog log;
  OpLogWriter writer(log, {.encoder = {.records_max = 2}, .patience = base::Nanos{20'000'000}});
  writer.begin(0, {""});
  const std::array two{taken(&names, 1), taken(&names, 2)};
  log.full_for = UINT64_MAX;
  writer.take(two, base::now());
  const std::uint64_t asked = log.asked_for_room;
  EXPECT_GT(asked, 1U);
  writer.take(two, base::now());
  EXPECT_EQ(log.asked_for_room, asked + 1) << "the patience is used up";
  log.full_for = 0;
  writer.take(two, base::now());
  const auto blocks = log.all<model::OperationRecords>();
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(blocks[0].lost, 4U);
  EXPECT_EQ(blocks[0].records, 2U);
}

TEST(OpLogWriter, a_loss_at_the_end_of_a_stage_is_told_there) {
  const NumberNames names("n", true);
  KeptLog log;
  OpLogWriter writer(log, {.patience = base::Nanos{20'000'000}});
  writer.begin(3, {""});
  log.full_for = UINT64_MAX;
  writer.take(std::array{taken(&names, 1)}, base::now());
  writer.end();
  writer.begin(4, {""});
  writer.end();
  const auto blocks = log.all<model::OperationRecords>();
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(blocks[0].stage, 3U);
  EXPECT_EQ(blocks[0].lost, 1U);
  EXPECT_EQ(chunk_of(blocks[0]).records.size(), 0U);
}

TEST(OpLogWriter, in_a_hurry_it_waits_no_longer_than_it_may) {
  const NumberNames names("n", true);
  KeptLog log;
  OpLogWriter writer(log, {.encoder = {.records_max = 1}, .patience = base::Nanos{3'600'000'000'000}});
  writer.begin(0, {""});
  log.full_for = UINT64_MAX;
  const base::Instant until = base::now() + base::Nanos{30'000'000};
  writer.hurry(until);
  writer.take(std::array{taken(&names, 1), taken(&names, 2), taken(&names, 3)}, base::now());
  writer.end();
  EXPECT_GE(base::now(), until);
  EXPECT_EQ(log.all<model::OperationRecords>().at(0).lost, 3U);
}

TEST(OpLogWriter, a_log_that_has_failed_is_told_everything_once) {
  const NumberNames names("n", true);
  KeptLog log;
  OpLogWriter writer(log);
  writer.begin(0, {""});
  writer.take(std::array{taken(&names, 1)}, base::now());
  log.has_failed = true;
  const std::uint64_t asked = log.asked;
  writer.end();
  EXPECT_EQ(log.asked, asked + 1) << "nothing is tried again";
}

}  // namespace
}  // namespace sluice::journal
