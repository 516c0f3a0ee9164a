#include <deque>
#include <map>

#include <gtest/gtest.h>

#include "async/frame_queue.hpp"
#include "base/random.hpp"

namespace sluice::async {
namespace {

/// A queue that everything happens to, and the one who writes from it. Frames tell their number.
class Fuzz {
 public:
  explicit Fuzz(std::uint64_t seed)
      : random_(seed),
        queue_({.bytes_max = kBytesMax,
                .source_bytes_max = 30'000,
                .control_bytes_max = 2000,
                .sources_max = 40,
                .spill_bytes_max = 100'000},
               [](std::string_view, std::uint64_t frames, std::uint64_t) { return "gap " + std::to_string(frames); }) {}

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
      switch (random_.below(12)) {
        case 0: open(); break;
        case 1: close(); break;
        case 2: turn(random_.below(6)); break;
        default: put(); break;
      }
    }
    for (int i = 0; i < 1'000'000 && !queue_.is_empty() && !testing::Test::HasFatalFailure(); ++i) turn(5);
    EXPECT_TRUE(queue_.is_empty());
    EXPECT_EQ(queue_.stats().bytes, 0U);
    EXPECT_EQ(queue_.stats().spill_bytes, 0U);
    for (const auto& [id, source] : sources_) {
      if (source.policy != FramePolicy::KeepNewest) EXPECT_EQ(source.came, source.sent) << "of " << source.number;
    }
  }
  const FrameQueueStats& stats() const { return queue_.stats(); }
  static constexpr std::size_t kBytesMax = 60'000, kFrameMax = 29'000;

 private:
  struct Source {
    int number = 0;
    FramePolicy policy{};
    std::uint64_t sent = 0, came = 0;
    bool is_open = true;
  };

  void open() {
    const auto policy = static_cast<FramePolicy>(random_.below(4));
    if (const auto id = queue_.open("s", policy)) {
      sources_[*id] = {.number = static_cast<int>(sources_.size()), .policy = policy};
      open_.push_back(*id);
    }
  }
  void close() {
    if (open_.size() < 3) return;
    const auto which = open_.begin() + static_cast<std::ptrdiff_t>(random_.below(open_.size()));
    queue_.close(*which);
    open_.erase(which);
  }
  void put() {
    if (open_.empty()) return;
    const FrameSource id = open_[random_.below(open_.size())];
    Source& source = sources_[id];
    std::string frame = std::to_string(source.sent) + " ";
    const std::uint64_t kind = random_.below(20);
    frame.resize(frame.size() + (kind == 0 ? random_.below(kFrameMax) : kind < 4 ? random_.below(3000) : 10));
    if (queue_.put(id, frame) == FrameQueue::Put::Taken) ++source.sent;
  }

  /// As the writer's thread does it: spill, read back, take, write some of it, give back the rest.
  void turn(std::uint64_t writes) {
    move_spill();
    std::deque<Frame> batch;
    while (batch.size() < 5) {
      std::optional<Frame> frame = queue_.take();
      if (!frame) break;
      batch.push_back(std::move(*frame));
    }
    ASSERT_TRUE(!batch.empty() || queue_.is_empty()) << "there is something to write, and it is not found";
    for (; writes > 0 && !batch.empty(); --writes) {
      came(batch.front());
      queue_.written(batch.front());
      batch.pop_front();
    }
    for (; !batch.empty(); batch.pop_back()) queue_.give_back(std::move(batch.back()));
  }
  void move_spill() {
    for (int i = 0; i < 3; ++i) {
      std::optional<FrameQueue::SpillBatch> batch = queue_.next_spill();
      if (!batch) break;
      std::uint64_t size = 0;
      for (const Frame& frame : batch->frames) {
        disk_[offset_].push_back(frame.bytes);
        size += frame.bytes.size();
      }
      queue_.spilled(*batch, {.offset = offset_, .size_bytes = size});
      offset_ += size;
    }
    for (int i = 0; i < 3; ++i) {
      const std::optional<FrameQueue::Load> load = queue_.next_load();
      if (!load) break;
      queue_.loaded(*load, std::move(disk_.at(load->extent.offset)));
      disk_.erase(load->extent.offset);
    }
  }
  void came(const Frame& frame) {
    Source& source = sources_.at(frame.source);
    if (frame.gap_frames > 0) {
      ASSERT_EQ(source.policy, FramePolicy::DropOldest);
      source.came += frame.gap_frames;
      return;
    }
    const std::uint64_t number = std::stoull(frame.bytes);
    if (source.policy == FramePolicy::KeepNewest) source.came = std::max(source.came, number);
    ASSERT_EQ(number, source.came) << "of a source with policy " << static_cast<int>(source.policy);
    ++source.came;
  }

  base::Random random_;
  FrameQueue queue_;
  std::map<FrameSource, Source> sources_;
  std::vector<FrameSource> open_;
  std::map<std::uint64_t, std::vector<std::string>> disk_;
  std::uint64_t offset_ = 0;
};

TEST(FrameQueueFuzz, keeps_its_order_and_never_forgets_what_is_to_be_written) {
  std::uint64_t spilled = 0, dropped = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Fuzz fuzz(seed);
    fuzz.run(2000);
    if (HasFailure()) return;
    spilled += fuzz.stats().spilled_frames;
    dropped += fuzz.stats().dropped_frames;
  }
  EXPECT_GT(spilled, 10'000U);
  EXPECT_GT(dropped, 1000U);
}

}  // namespace
}  // namespace sluice::async
