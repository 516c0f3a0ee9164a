#include "load/tests/bench.hpp"

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <iterator>
#include <thread>

#include <gtest/gtest.h>

#include "storage/file/file_backend.hpp"
#include "storage/null/null_backend.hpp"

namespace sluice::load {

ScratchDirectory::ScratchDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "sluice-load-XXXXXX").string();
  path_ = mkdtemp(name.data());
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<std::string> ScratchDirectory::files() const {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
    if (!entry.is_directory()) found.push_back(entry.path().lexically_relative(path_));
  }
  std::ranges::sort(found);
  return found;
}

std::vector<std::string> ScratchDirectory::directories() const {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
    if (entry.is_directory()) found.push_back(entry.path().lexically_relative(path_).string() + "/");
  }
  std::ranges::sort(found);
  return found;
}

void ScratchDirectory::write(const std::string& name, const std::string& content) const {
  std::filesystem::create_directories((path_ / name).parent_path());
  std::ofstream(path_ / name, std::ios::binary) << content;
}

std::string ScratchDirectory::read(const std::string& name) const {
  std::ifstream file(path_ / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void KeptBlocks::put(model::Block block) {
  std::lock_guard lock(mutex_);
  blocks_.push_back(std::move(block));
}

std::vector<model::Interval> KeptBlocks::intervals() const {
  std::lock_guard lock(mutex_);
  std::vector<model::Interval> found;
  for (const model::Block& block : blocks_) {
    const auto* interval = std::get_if<model::Interval>(&block);
    if (interval == nullptr) continue;
    model::Interval& copy = found.emplace_back();
    copy.stage = interval->stage;
    copy.party_seq = interval->party_seq;
    copy.phase = interval->phase;
    copy.from_ns = interval->from_ns;
    copy.to_ns = interval->to_ns;
    copy.slowest = interval->slowest;
    copy.samples = interval->samples;
    copy.done = interval->done;
    copy.total = interval->total;
    for (std::size_t i = 0; i < model::kOpKinds; ++i) copy.ops[i].merge(interval->ops[i]);
  }
  return found;
}

std::vector<std::string> KeptBlocks::notes() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  for (const model::Block& block : blocks_) {
    if (const auto* note = std::get_if<model::Note>(&block)) found.push_back(note->text);
  }
  return found;
}

model::OpStats KeptBlocks::total(model::OpKind kind) const {
  std::lock_guard lock(mutex_);
  model::OpStats sum;
  for (const model::Block& block : blocks_) {
    const auto* interval = std::get_if<model::Interval>(&block);
    if (interval == nullptr || interval->phase == model::Phase::Warmup) continue;
    sum.merge(interval->ops[static_cast<std::size_t>(kind)]);
  }
  return sum;
}

OpenBackend opener(std::map<std::string, std::function<std::unique_ptr<storage::Backend>()>> fakes) {
  return [fakes = std::move(fakes)](const std::string& uri) -> base::Result<std::unique_ptr<storage::Backend>> {
    if (const auto fake = fakes.find(uri); fake != fakes.end()) return fake->second();
    if (uri.starts_with("null://")) return storage::open_null_backend(uri);
    return storage::open_file_backend(uri);
  };
}

TestRun::TestRun(model::RunPlan plan, std::string run_id, OpenBackend open)
    : context_(std::make_shared<RunContext>(std::move(plan), std::move(run_id), std::move(open), blocks_)) {
  context_->started = base::now();
  const base::Result<void> opened = open_targets(*context_);
  EXPECT_TRUE(opened) << base::to_text(opened.error());
  host_ = std::make_unique<StageHost>(
      context_, *runtime_,
      StageHost::Callbacks{.ready =
                               [this](std::uint32_t, std::vector<model::WorkerInfo> workers) {
                                 std::lock_guard lock(mutex_);
                                 workers_ = std::move(workers);
                               },
                           .ended =
                               [this](std::uint32_t, StageResult result) {
                                 std::lock_guard lock(mutex_);
                                 EXPECT_FALSE(result_) << "a stage ends once";
                                 result_ = std::move(result);
                                 answered_.notify_all();
                               }});
}

TestRun::~TestRun() { host_.reset(); }

StageResult TestRun::run(std::uint32_t stage) {
  start(stage);
  return answer();
}

void TestRun::start(std::uint32_t stage) {
  {
    std::lock_guard lock(mutex_);
    result_.reset();
  }
  host_->start(stage);
}

StageResult TestRun::answer() {
  std::unique_lock lock(mutex_);
  const bool came = answered_.wait_for(lock, std::chrono::seconds(60), [this] { return result_.has_value(); });
  EXPECT_TRUE(came) << "the stage has not ended";
  return came ? *result_ : StageResult{.status = model::RunStatus::Failed};
}

bool TestRun::wait_for(const std::function<bool()>& condition, base::Nanos at_most) {
  const base::Instant end = base::now() + at_most;
  while (!condition()) {
    if (base::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

std::vector<model::WorkerInfo> TestRun::workers() const {
  std::lock_guard lock(mutex_);
  return workers_;
}

model::RunPlan plan_for(const std::string& target) {
  model::RunPlan plan;
  plan.name = "test";
  plan.target = target;
  plan.concurrency = 4;
  plan.workers = 2;
  plan.seed = 1;
  plan.drain_timeout = base::Nanos{2'000'000'000};
  plan.errors.error_rate_threshold = 1e9;
  return plan;
}

model::Operation operation(model::OpKind kind, std::string path, std::uint32_t weight) {
  model::Operation op;
  op.kind = kind;
  op.path = std::move(path);
  op.weight = weight;
  op.size = model::SizeSpec::fixed(1000);
  return op;
}

model::Dataset flat(const std::string& base_uri, std::uint64_t count, std::uint64_t bytes) {
  model::Dataset dataset;
  dataset.base_uri = base_uri;
  dataset.count = count;
  dataset.size = model::SizeSpec::fixed(bytes);
  return dataset;
}

model::Dataset tree(const std::string& base_uri, std::uint64_t width, std::uint32_t depth, std::uint64_t files,
                    std::uint64_t bytes) {
  model::Dataset dataset = flat(base_uri, 0, bytes);
  dataset.tree = model::TreeShape{.width = width, .depth = depth, .files_per_dir = files};
  return dataset;
}

model::Stage stage(model::StageType type, base::Nanos duration) {
  model::Stage stage;
  stage.name = std::string(name_of(type));
  stage.type = type;
  stage.duration = duration;
  return stage;
}

}  // namespace sluice::load
