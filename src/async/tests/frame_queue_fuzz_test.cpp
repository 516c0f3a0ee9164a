#include <deque>
#include <map>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "async/frame_queue.hpp"
#include "base/random.hpp"

namespace sluice::async {
namespace {

/// What is not as it should be with the disk.
enum class Disk : std::uint8_t { Good, FailsOnce, LosesSome };

/// A queue that everything happens to, the one who writes from it, and a disk that answers whenever it likes. Frames
/// tell their number.
class Fuzz {
 public:
  Fuzz(std::uint64_t seed, Disk disk)
      : random_(seed),
        kind_(disk),
        queue_({.bytes_max = kBytesMax,
                .source_bytes_max = 30'000,
                .control_bytes_max = 2000,
                .sources_max = 40,
                .spill_bytes_max = 100'000},
               [](std::string_view, std::uint64_t frames, std::uint64_t) { return "gap " + std::to_string(frames); }) {}

  void step(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
      switch (random_.below(16)) {
        case 0: open(); break;
        case 1: close(); break;
        case 2: write(random_.below(6)); break;
        case 3: ask(); break;
        case 4: answer_spill(); break;
        case 5: answer_load(); break;
        default: put(); break;
      }
    }
  }
  /// Some steps more, and then to the end of it.
  void run(int steps) {
    step(steps);
    for (int i = 0; i < 1'000'000 && !queue_.is_empty() && !testing::Test::HasFatalFailure(); ++i) {
      ask();
      write(5);
      if (random_.below(2) == 0) answer_spill();
      if (random_.below(2) == 0) answer_load();
    }
    EXPECT_TRUE(queue_.is_empty());
    EXPECT_EQ(queue_.stats().bytes, 0U);
    EXPECT_EQ(queue_.stats().spill_bytes, 0U);
    for (const auto& [id, source] : sources_) {
      if (source.policy != FramePolicy::KeepNewest) EXPECT_EQ(source.came, source.sent) << "of " << source.number;
    }
  }
  /// All of it is dropped at some moment, with the disk's answers still to come; then it goes on.
  void drop_all() {
    queue_.drop_all();
    EXPECT_TRUE(queue_.is_empty());
    EXPECT_TRUE(queue_.is_done(queue_.mark()));
    EXPECT_EQ(queue_.stats().spill_bytes, 0U);
    for (auto& [id, source] : sources_) source.came = source.sent;
  }
  const FrameQueueStats& stats() const { return queue_.stats(); }
  std::uint64_t lost() const { return lost_; }
  /// Frames were taken, put and given back while an answer was owed.
  std::uint64_t between() const { return between_; }
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

  /// Takes, writes some of it, and gives back the rest. What is wanted of the disk was asked for.
  void write(std::uint64_t writes) {
    std::deque<Frame> batch;
    while (batch.size() < 5) {
      std::optional<Frame> frame = queue_.take();
      if (!frame) break;
      batch.push_back(std::move(*frame));
    }
    if (batch.empty() && !queue_.is_empty()) {
      ask();
      ASSERT_TRUE(batch_ != nullptr || load_) << "there is something to write, and it is not found";
    }
    // The disk may answer while frames are being written.
    if (random_.below(4) == 0) answer_spill();
    if (random_.below(4) == 0) answer_load();
    if (batch_ != nullptr || load_) between_ += batch.size();
    for (; writes > 0 && !batch.empty(); --writes) {
      came(batch.front());
      queue_.written(batch.front());
      batch.pop_front();
    }
    for (; !batch.empty(); batch.pop_back()) queue_.give_back(std::move(batch.back()));
  }
  void ask() {
    if (batch_ == nullptr) batch_ = queue_.next_spill();
    if (!load_) load_ = queue_.next_load();
  }
  void answer_spill() {
    if (batch_ == nullptr) return;
    const auto batch = std::exchange(batch_, nullptr);
    if (kind_ == Disk::FailsOnce && random_.below(5) == 0) return queue_.spill_failed();
    std::uint64_t size = 0;
    for (const Frame& frame : batch->frames) {
      disk_[offset_].push_back(frame.bytes);
      size += frame.bytes.size();
    }
    queue_.spilled({.offset = offset_, .size_bytes = size});
    offset_ += size;
  }
  void answer_load() {
    if (!load_) return;
    const FrameQueue::Load load = *std::exchange(load_, std::nullopt);
    std::vector<std::string> frames = std::move(disk_.at(load.extent.offset));
    disk_.erase(load.extent.offset);
    if (kind_ == Disk::LosesSome && random_.below(5) == 0) {
      frames.clear();
      ++lost_;
    }
    queue_.loaded(std::move(frames));
  }
  void came(const Frame& frame) {
    Source& source = sources_.at(frame.source);
    if (frame.gap_frames > 0) {
      ASSERT_TRUE(source.policy == FramePolicy::DropOldest || source.policy == FramePolicy::Spill);
      ASSERT_TRUE(source.policy == FramePolicy::DropOldest || kind_ == Disk::LosesSome);
      source.came += frame.gap_frames;
      return;
    }
    const std::uint64_t number = std::stoull(frame.bytes);
    if (source.policy == FramePolicy::KeepNewest) source.came = std::max(source.came, number);
    ASSERT_EQ(number, source.came) << "of a source with policy " << static_cast<int>(source.policy);
    ++source.came;
  }

  base::Random random_;
  const Disk kind_;
  FrameQueue queue_;
  // shared because next_spill() gives it so
  std::shared_ptr<const FrameQueue::SpillBatch> batch_;
  std::optional<FrameQueue::Load> load_;
  std::map<FrameSource, Source> sources_;
  std::vector<FrameSource> open_;
  std::map<std::uint64_t, std::vector<std::string>> disk_;
  std::uint64_t offset_ = 0, lost_ = 0, between_ = 0;
};

class FrameQueueFuzz : public testing::TestWithParam<Disk> {};

TEST_P(FrameQueueFuzz, keeps_its_order_and_never_forgets_what_is_to_be_written) {
  std::uint64_t spilled = 0, dropped = 0, lost = 0, between = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Fuzz fuzz(seed, GetParam());
    fuzz.run(3000);
    if (HasFailure()) return;
    spilled += fuzz.stats().spilled_frames;
    dropped += fuzz.stats().dropped_frames;
    lost += fuzz.lost();
    between += fuzz.between();
  }
  EXPECT_GT(spilled, GetParam() == Disk::FailsOnce ? 1000U : 10'000U);
  EXPECT_GT(dropped, 1000U);
  EXPECT_GT(between, GetParam() == Disk::FailsOnce ? 1000U : 10'000U);
  if (GetParam() == Disk::LosesSome) EXPECT_GT(lost, 50U);
}

TEST_P(FrameQueueFuzz, goes_on_after_everything_was_dropped_whatever_the_disk_still_answers) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Fuzz fuzz(seed, GetParam());
    for (int round = 0; round < 30 && !HasFailure(); ++round) {
      fuzz.step(100);
      fuzz.drop_all();
    }
    fuzz.run(200);
    if (HasFailure()) return;
  }
}

std::string disk_name(const testing::TestParamInfo<Disk>& disk) {
  static constexpr const char* kNames[] = {"good", "fails_once", "loses_some"};
  return kNames[static_cast<std::size_t>(disk.param)];
}

INSTANTIATE_TEST_SUITE_P(Disks, FrameQueueFuzz, testing::Values(Disk::Good, Disk::FailsOnce, Disk::LosesSome),
                         disk_name);

}  // namespace
}  // namespace sluice::async
