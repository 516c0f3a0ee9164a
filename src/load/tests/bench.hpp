#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "async/tests/executors.hpp"
#include "load/block_sink.hpp"
#include "load/run_context.hpp"
#include "load/stage_host.hpp"
#include "model/block.hpp"

namespace sluice::load {

/// A directory for one test, removed with everything in it.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  /// "file:///tmp/x/": the base URI.
  std::string uri() const { return "file://" + path_.string() + "/"; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  /// The files below, markers included, relative and sorted.
  std::vector<std::string> files() const;
  /// The directories below, each ending in '/', sorted.
  std::vector<std::string> directories() const;
  void write(const std::string& name, const std::string& content) const;
  std::string read(const std::string& name) const;

 private:
  std::filesystem::path path_;
};

/// Keeps the blocks of a run and what they add up to. Any thread.
class KeptBlocks final : public BlockSink {
 public:
  void put(model::Block block) override;

  std::vector<model::Interval> intervals() const;
  std::vector<std::string> notes() const;
  /// The sum of all intervals but those of the warm-up.
  model::OpStats total(model::OpKind kind) const;

 private:
  mutable std::mutex mutex_;
  std::vector<model::Block> blocks_;
};

/// Opens file:// and null:// targets, and those that a test gives a name ("fake://x/").
OpenBackend opener(std::map<std::string, std::function<std::unique_ptr<storage::Backend>()>> fakes = {});

/// A run of a plan, stage by stage, as the program runs it.
class TestRun {
 public:
  explicit TestRun(model::RunPlan plan, std::string run_id = "r1", OpenBackend open = opener());
  ~TestRun();

  /// Runs the stage to its end.
  StageResult run(std::uint32_t stage);
  /// Starts it; answer() waits for the end.
  void start(std::uint32_t stage);
  StageResult answer();
  /// Waits until something of the stage is in the blocks, or has become true.
  static bool wait_for(const std::function<bool()>& condition, base::Nanos at_most = base::Nanos{10'000'000'000});

  StageHost& host() { return *host_; }
  async::Runtime& runtime() { return *runtime_; }
  RunContext& context() { return *context_; }
  // shared because abandoned operations may still touch the context
  const std::shared_ptr<RunContext>& shared_context() const { return context_; }
  KeptBlocks& blocks() { return blocks_; }
  /// Workers of the last stage, as told when it was ready.
  std::vector<model::WorkerInfo> workers() const;

 private:
  KeptBlocks blocks_;
  std::unique_ptr<async::Runtime> runtime_ = async::make_runtime();
  // shared because abandoned operations may still touch the context
  std::shared_ptr<RunContext> context_;
  mutable std::mutex mutex_;
  std::condition_variable answered_;
  std::optional<StageResult> result_;
  std::vector<model::WorkerInfo> workers_;
  std::unique_ptr<StageHost> host_;
};

/// A plan with small figures: concurrency 4, seed 1, errors that end nothing unless a test says so.
model::RunPlan plan_for(const std::string& target);
model::Operation operation(model::OpKind kind, std::string path, std::uint32_t weight = 1);
model::Dataset flat(const std::string& base_uri, std::uint64_t count, std::uint64_t bytes);
model::Dataset tree(const std::string& base_uri, std::uint64_t width, std::uint32_t depth, std::uint64_t files,
                    std::uint64_t bytes);
model::Stage stage(model::StageType type, base::Nanos duration = base::Nanos{0});

}  // namespace sluice::load
