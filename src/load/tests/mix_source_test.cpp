#include "load/mix_source.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "load/tests/bench.hpp"

namespace sluice::load {

namespace {

using model::OpKind;

/// A mix over a plan's datasets and as many workers as a test wants, without threads or storage.
class Mix {
 public:
  explicit Mix(model::RunPlan plan, std::uint32_t workers = 1) : run_(std::move(plan)) {
    auto planned = plan_mix(run_.context(), control_, 77);
    EXPECT_TRUE(planned) << base::to_text(planned.error());
    if (!planned) return;
    plan_ = *planned;
    for (MixLine& line : plan_->lines) {
      if (line.makes != nullptr) line.makes->begin(workers);
    }
    StageClock clock;
    for (std::uint32_t i = 0; i < workers; ++i) {
      sources_.push_back(std::make_unique<MixSource>(plan_, i, workers));
      recorders_.push_back(std::make_unique<Recorder>(clock, false));
      sources_.back()->attach(*recorders_.back());
    }
  }

  MixPlan& plan() { return *plan_; }
  MixSource& source(std::uint32_t worker = 0) { return *sources_[worker]; }
  OpSource::Draw next(storage::OpSlot& slot, std::uint32_t worker = 0) { return sources_[worker]->next(slot); }
  /// Draws, and completes without an error.
  OpSource::Draw run(storage::OpSlot& slot, std::uint32_t worker = 0) {
    const OpSource::Draw draw = next(slot, worker);
    slot.error = 0;
    if (draw == OpSource::Draw::Ready) source(worker).completed(slot);
    return draw;
  }
  /// How often `kind` was drawn without anything to work on.
  std::uint64_t starved(OpKind kind) {
    std::uint64_t count = 0;
    for (auto& recorder : recorders_) {
      recorder->finish(base::Instant{1});
      while (const auto batch = recorder->take()) count += batch->ops[static_cast<std::size_t>(kind)].starved;
    }
    return count;
  }
  RunContext& context() { return run_.context(); }

 private:
  TestRun run_;
  StageControl control_;
  // shared because that is how sources keep it
  std::shared_ptr<MixPlan> plan_;
  std::vector<std::unique_ptr<Recorder>> recorders_;
  std::vector<std::unique_ptr<MixSource>> sources_;
};

model::RunPlan plan_over(std::uint64_t objects, std::vector<model::Operation> workload) {
  model::RunPlan plan = plan_for("file:///nowhere/at/all/");
  plan.prepare.datasets = {flat(plan.target + "data/", objects, 100)};
  plan.workload = std::move(workload);
  return plan;
}

}  // namespace

TEST(MixSource, lines_are_drawn_by_their_weights) {
  Mix mix(plan_over(1000, {operation(OpKind::Get, "data/*", 60), operation(OpKind::Stat, "data/*", 30),
                           operation(OpKind::List, "data/", 10)}));
  std::map<OpKind, int> drawn;
  storage::OpSlot slot;
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_EQ(mix.run(slot), OpSource::Draw::Ready);
    ++drawn[slot.kind];
  }
  // Five standard deviations of a binomial draw.
  EXPECT_NEAR(drawn[OpKind::Get], 60'000, 775);
  EXPECT_NEAR(drawn[OpKind::Stat], 30'000, 725);
  EXPECT_NEAR(drawn[OpKind::List], 10'000, 475);
}

TEST(MixSource, members_are_drawn_uniformly_and_with_their_sizes) {
  Mix mix(plan_over(50, {operation(OpKind::Get, "data/*")}));
  std::map<std::uint64_t, int> drawn;
  storage::OpSlot slot;
  for (int i = 0; i < 50'000; ++i) {
    ASSERT_EQ(mix.run(slot), OpSource::Draw::Ready);
    EXPECT_EQ(slot.bytes_wanted, 100U);
    ++drawn[slot.index];
  }
  ASSERT_EQ(drawn.size(), 50U);
  for (const auto& [index, count] : drawn) EXPECT_NEAR(count, 1000, 160) << index;
}

TEST(MixSource, the_same_seed_makes_the_same_draws) {
  auto draws = [](std::uint32_t worker) {
    model::Operation put = operation(OpKind::Put, "new/", 3);
    put.size = {.kind = model::SizeSpec::Kind::Uniform, .min = 1, .max = 1'000'000};
    model::RunPlan plan = plan_over(500, {operation(OpKind::Get, "data/*", 5), operation(OpKind::Delete, "data/*", 2)});
    plan.target = "null://x/";
    plan.prepare.datasets = {flat("null://x/data/", 500, 100)};
    plan.workload.push_back(put);
    Mix mix(plan, 2);
    std::vector<std::string> drawn;
    storage::OpSlot slot;
    for (int i = 0; i < 2000; ++i) {
      EXPECT_EQ(mix.run(slot, worker), OpSource::Draw::Ready);
      drawn.push_back(key_of(slot) + ' ' + std::to_string(slot.bytes_wanted) + ' ' + std::to_string(slot.content_key));
    }
    return drawn;
  };
  EXPECT_EQ(draws(0), draws(0));
  EXPECT_NE(draws(0), draws(1));
}

TEST(MixSource, deletions_take_each_member_of_the_slice_once_and_nobody_else_reads_it) {
  Mix mix(plan_over(5000, {operation(OpKind::Get, "data/*", 50), operation(OpKind::Delete, "data/*", 25),
                           operation(OpKind::Stat, "data/*", 25)}),
          3);
  std::set<std::string> deleted;
  std::set<std::string> read;
  storage::OpSlot slot;
  for (int i = 0; i < 60'000; ++i) {
    ASSERT_EQ(mix.run(slot, static_cast<std::uint32_t>(i) % 3), OpSource::Draw::Ready);
    if (slot.kind != OpKind::Delete) {
      read.insert(key_of(slot));
    } else {
      EXPECT_TRUE(deleted.insert(key_of(slot)).second) << key_of(slot) << " twice";
    }
  }
  std::vector<std::string> both;
  std::ranges::set_intersection(deleted, read, std::back_inserter(both));
  EXPECT_TRUE(both.empty());
  EXPECT_NEAR(static_cast<double>(deleted.size()), 1250, 180) << "a quarter of the members, as of the weights";
  EXPECT_EQ(deleted.size() + read.size(), 5000U) << "every member is either deleted or read";
}

TEST(MixSource, where_nobody_reads_deletions_take_all) {
  Mix mix(plan_over(300, {operation(OpKind::Delete, "data/*")}), 2);
  std::set<std::string> deleted;
  storage::OpSlot slot;
  for (std::uint32_t worker = 0; worker < 2; ++worker) {
    while (mix.run(slot, worker) == OpSource::Draw::Ready) deleted.insert(key_of(slot));
    EXPECT_EQ(mix.next(slot, worker), OpSource::Draw::End);
  }
  EXPECT_EQ(deleted.size(), 300U);
}

TEST(MixSource, deletions_take_what_was_put_under_their_path_each_once_and_never_a_member) {
  const ScratchDirectory scratch;
  model::RunPlan plan = plan_over(100, {operation(OpKind::Put, "data/", 1), operation(OpKind::Delete, "data/*", 1)});
  plan.target = scratch.uri();
  plan.prepare.datasets = {flat(scratch.uri() + "data/", 100, 10)};
  Mix mix(plan, 2);
  std::set<std::string> put;
  std::set<std::string> deleted;
  storage::OpSlot slot;
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(mix.run(slot, static_cast<std::uint32_t>(i) % 2), OpSource::Draw::Ready);
    const std::string key = key_of(slot);
    if (slot.kind == OpKind::Put) {
      EXPECT_TRUE(put.insert(key).second) << key;
    } else {
      EXPECT_TRUE(put.contains(key)) << key;
      EXPECT_TRUE(deleted.insert(key).second) << key;
    }
  }
  EXPECT_GT(deleted.size(), 4000U);
}

TEST(MixSource, a_failed_put_is_never_deleted) {
  const ScratchDirectory scratch;
  model::RunPlan plan = plan_over(0, {operation(OpKind::Put, "p/", 1), operation(OpKind::Delete, "p/*", 1)});
  plan.target = scratch.uri();
  plan.prepare.datasets.clear();
  Mix mix(plan);
  std::set<std::string> failed;
  storage::OpSlot slot;
  for (int i = 0; i < 2000; ++i) {
    ASSERT_EQ(mix.next(slot), OpSource::Draw::Ready);
    slot.error = slot.kind == OpKind::Put && i % 3 == 0 ? EIO : 0;
    if (slot.error != 0) failed.insert(key_of(slot));
    if (slot.kind == OpKind::Delete) EXPECT_FALSE(failed.contains(key_of(slot)));
    mix.source().completed(slot);
  }
  EXPECT_FALSE(failed.empty());
}

TEST(MixSource, an_empty_pool_is_counted_once_and_its_weight_goes_to_the_others) {
  const ScratchDirectory scratch;
  model::RunPlan plan = plan_for(scratch.uri());
  plan.prepare.datasets = {flat(scratch.uri() + "data/", 100, 10)};
  plan.workload = {operation(OpKind::Get, "nothing/here*", 50), operation(OpKind::Stat, "data/*", 30),
                   operation(OpKind::List, "data/", 20)};
  Mix mix(plan);
  std::map<OpKind, int> drawn;
  storage::OpSlot slot;
  for (int i = 0; i < 50'000; ++i) {
    ASSERT_EQ(mix.run(slot), OpSource::Draw::Ready);
    ++drawn[slot.kind];
  }
  EXPECT_EQ(drawn[OpKind::Get], 0);
  EXPECT_NEAR(drawn[OpKind::Stat], 30'000, 550);
  EXPECT_NEAR(drawn[OpKind::List], 20'000, 550);
  EXPECT_EQ(mix.starved(OpKind::Get), 1U);
}

TEST(MixSource, a_mix_without_anything_to_work_on_is_refused_by_name) {
  const ScratchDirectory scratch;
  model::RunPlan plan = plan_for(scratch.uri());
  plan.workload = {operation(OpKind::Get, "a*"), operation(OpKind::Rename, "b*"), operation(OpKind::Rmdir, "c/")};
  TestRun run(plan);
  StageControl control;
  const auto planned = plan_mix(run.context(), control, 1);
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().code, base::Code::NotFound);
  EXPECT_NE(planned.error().what.find("get a*, rename b*, rmdir c/"), std::string::npos) << planned.error().what;
}

TEST(MixSource, a_worker_whose_pools_can_never_fill_again_ends) {
  const ScratchDirectory scratch;
  model::RunPlan plan = plan_for(scratch.uri());
  plan.prepare.datasets = {flat(scratch.uri() + "data/", 40, 10)};
  plan.workload = {operation(OpKind::Rename, "data/*"), operation(OpKind::Delete, "moved/*")};
  plan.workload[0].destination = "moved/";
  Mix mix(plan);
  storage::OpSlot slot;
  std::map<OpKind, int> drawn;
  OpSource::Draw draw{};
  while ((draw = mix.run(slot)) == OpSource::Draw::Ready) ++drawn[slot.kind];
  EXPECT_EQ(draw, OpSource::Draw::End) << "it would wait for ever";
  EXPECT_EQ(drawn[OpKind::Rename], drawn[OpKind::Delete]);
  EXPECT_GT(drawn[OpKind::Rename], 0);
}

TEST(MixSource, a_cap_holds_over_all_workers_and_is_free_again_afterwards) {
  model::Operation get = operation(OpKind::Get, "data/*");
  get.concurrency = 3;
  Mix mix(plan_over(100, {get}), 4);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::pair<std::uint32_t, storage::OpSlot>> in_flight;
    for (std::uint32_t i = 0; i < 12; ++i) {
      storage::OpSlot slot;
      const OpSource::Draw draw = mix.next(slot, i % 4);
      ASSERT_EQ(draw, in_flight.size() < 3 ? OpSource::Draw::Ready : OpSource::Draw::Wait);
      if (draw == OpSource::Draw::Ready) in_flight.emplace_back(i % 4, slot);
    }
    ASSERT_EQ(in_flight.size(), 3U);
    for (auto& [worker, slot] : in_flight) mix.source(worker).completed(slot);
  }
  EXPECT_EQ(mix.plan().lines[0].in_flight->load(), 0U);
}

TEST(MixSource, exactly_as_many_operations_are_drawn_as_are_left_and_no_cap_is_kept) {
  model::Operation get = operation(OpKind::Get, "data/*");
  get.concurrency = 8;
  Mix mix(plan_over(100, {get}), 4);
  mix.plan().operations_left.emplace(10'001);
  std::atomic<int> drawn{0};
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t worker = 0; worker < 4; ++worker) {
      threads.emplace_back([&, worker] {
        storage::OpSlot slot;
        for (;;) {
          const OpSource::Draw draw = mix.run(slot, worker);
          if (draw == OpSource::Draw::End) return;
          if (draw == OpSource::Draw::Ready) ++drawn;
        }
      });
    }
  }
  EXPECT_EQ(drawn.load(), 10'001);
  EXPECT_EQ(mix.plan().lines[0].in_flight->load(), 0U);
}

TEST(MixSource, a_dynamic_pool_draws_what_was_put) {
  for (const bool dynamic : {false, true}) {
    const ScratchDirectory scratch;
    model::RunPlan plan = plan_for(scratch.uri());
    plan.dynamic_put_pool = dynamic;
    plan.prepare.datasets = {flat(scratch.uri() + "data/", 50, 10)};
    plan.workload = {operation(OpKind::Put, "data/", 1), operation(OpKind::Get, "data/*", 1)};
    Mix mix(plan);
    std::set<std::string> put;
    int got_new = 0;
    storage::OpSlot slot;
    for (int i = 0; i < 4000; ++i) {
      ASSERT_EQ(mix.run(slot), OpSource::Draw::Ready);
      const std::string key = key_of(slot);
      if (slot.kind == OpKind::Put) {
        put.insert(key);
      } else if (key.find("put-") != std::string::npos) {
        EXPECT_TRUE(put.contains(key)) << key;
        EXPECT_EQ(slot.bytes_wanted, 1000U);
        ++got_new;
      }
    }
    EXPECT_EQ(got_new > 0, dynamic);
  }
}

TEST(MixSource, new_names_of_all_workers_and_stages_differ) {
  const ScratchDirectory scratch;
  model::RunPlan plan = plan_for(scratch.uri());
  plan.workload = {operation(OpKind::Put, "p/")};
  Mix mix(plan, 3);
  std::set<std::string> names;
  storage::OpSlot slot;
  for (int stage = 0; stage < 3; ++stage) {
    for (std::uint32_t worker = 0; worker < 3; ++worker) {
      for (std::uint32_t i = 0; i < 10 + worker * 7; ++i) {
        ASSERT_EQ(mix.run(slot, worker), OpSource::Draw::Ready);
        EXPECT_TRUE(names.insert(key_of(slot)).second) << key_of(slot);
        EXPECT_LT(slot.index, mix.plan().lines[0].makes->upper_bound());
      }
    }
    mix.plan().lines[0].makes->begin(3);
  }
  EXPECT_EQ(mix.context().made.all().size(), 1U);
}

TEST(MixSource, put_on_a_pattern_writes_over_members_and_reads_then_ask_for_no_size) {
  Mix mix(plan_over(20, {operation(OpKind::Put, "data/*"), operation(OpKind::Get, "data/*")}));
  storage::OpSlot slot;
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(mix.run(slot), OpSource::Draw::Ready);
    EXPECT_TRUE(key_of(slot).starts_with("data/prepared-"));
    if (slot.kind == OpKind::Get) EXPECT_EQ(slot.bytes_wanted, model::Names::kSizeUnknown);
    if (slot.kind == OpKind::Put) EXPECT_EQ(slot.bytes_wanted, 1000U);
  }
}

TEST(MixSource, put_on_a_prefix_pattern_draws_one_directory_for_each_object) {
  model::RunPlan plan = plan_for("file:///nowhere/at/all/");
  plan.prepare.datasets = {tree(plan.target + "t/", 5, 2, 2, 10)};
  plan.workload = {operation(OpKind::Put, "t/d*/")};
  Mix mix(plan);
  std::map<std::string, int> directories;
  storage::OpSlot slot;
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(mix.run(slot), OpSource::Draw::Ready);
    const std::string key = key_of(slot);
    EXPECT_EQ(key, key_of(slot)) << "the name follows from its number";
    ++directories[key.substr(0, key.find_last_of('/'))];
  }
  ASSERT_EQ(directories.size(), 5U);
  for (const auto& [directory, count] : directories) EXPECT_NEAR(count, 1000, 150) << directory;
}

TEST(MixSource, every_directory_that_is_made_for_puts_is_remembered_with_its_parents) {
  const ScratchDirectory scratch;
  scratch.write("old/file", "");
  model::RunPlan plan = plan_for(scratch.uri());
  plan.workload = {operation(OpKind::Put, "old/a/b/c/"), operation(OpKind::Put, "old/")};
  Mix mix(plan);
  std::vector<std::string> made;
  for (const Place& place : mix.context().made.directories()) made.push_back(place.name);
  EXPECT_EQ(made, (std::vector<std::string>{"old/a/", "old/a/b/", "old/a/b/c/"}));
  EXPECT_EQ(scratch.directories(), (std::vector<std::string>{"old/", "old/a/", "old/a/b/", "old/a/b/c/"}));
}

TEST(MixSource, blocks_lie_inside_their_files_and_sequential_ones_follow_each_other) {
  model::RunPlan plan = plan_for("file:///nowhere/at/all/");
  plan.prepare.datasets = {flat(plan.target + "data/", 1, 1'000'000)};
  model::Operation read = operation(OpKind::Read, "data/*");
  read.block_size = 4096;
  model::Operation sequential = read;
  sequential.access.kind = model::Access::Kind::Sequential;
  plan.workload = {read, sequential};
  Mix mix(plan, 2);
  storage::OpSlot slot;
  std::uint64_t expected = 0;
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(mix.run(slot), OpSource::Draw::Ready);
    EXPECT_EQ(slot.offset % 4096, 0U);
    EXPECT_LE(slot.offset + 4096, 1'000'000U);
    if (slot.line == 0) continue;
    EXPECT_EQ(slot.offset, expected);
    expected = (expected + 4096) % std::uint64_t{499'712};  // the first half of 244 blocks is this worker's
  }
}

TEST(MixSource, asking_for_the_sizes_of_many_files_tells_how_far_it_is_and_ends_at_a_stop) {
  const ScratchDirectory scratch;
  for (int i = 0; i < 5; ++i) scratch.write("f" + std::to_string(i), std::string(8192, 'x'));
  model::RunPlan plan = plan_for(scratch.uri());
  plan.workload = {operation(OpKind::Read, "f*")};
  TestRun run(plan);
  StageControl control;
  ASSERT_TRUE(plan_mix(run.context(), control, 1));
  EXPECT_EQ(run.context().activity.progress.done.load(), 5U);
  EXPECT_EQ(run.context().activity.progress.total.load(), 5U);
  EXPECT_EQ(run.context().activity.get().second, "files");

  plan.workload = {operation(OpKind::Read, "f0")};  // not listed
  TestRun stopped(plan);
  control.request_stop(base::now());
  const auto planned = plan_mix(stopped.context(), control, 1);
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().code, base::Code::Cancelled);
}

TEST(MixSource, copy_and_rename_stay_within_one_target) {
  const ScratchDirectory scratch;
  model::RunPlan plan = plan_for(scratch.uri());
  plan.prepare.datasets = {flat(scratch.uri() + "data/", 5, 10)};
  plan.workload = {operation(OpKind::Copy, "data/*")};
  plan.workload[0].destination = "null://x/";
  TestRun run(plan);
  StageControl control;
  const auto planned = plan_mix(run.context(), control, 1);
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().code, base::Code::Unsupported);
}

}  // namespace sluice::load
