#include "async/tests/frame_soak.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "async/tests/executors.hpp"
#include "async/tests/seeded_frames.hpp"
#include "async/tests/slow_reader.hpp"
#include "async/timing.hpp"

namespace sluice::async {

namespace {

/// Far above every wait that the plan can bring about: who comes to it was forgotten.
constexpr base::Nanos kForgotten{240'000'000'000};

/// One source: what it is, and what it has done. Each is touched by its own thread or task, and read at the end.
struct Producer {
  unsigned number = 0;
  FrameSource source = FrameSource::Control;
  base::Nanos pause_max{0};
  std::uint64_t sent = 0;
  base::Result<void> end;
};

class Soak {
 public:
  explicit Soak(const SoakPlan& plan)
      : plan_(plan),
        frames_(plan.seed, plan.frame_max),
        checker_(frames_, plan.sources, [this](unsigned, std::uint64_t number) { note_start(number); }),
        ends_(Deadline::in(plan.lasts)),
        producers_(plan.sources) {}

  SoakOutcome run();

 private:
  Deadline pause(const Producer& producer, base::Random& random) const {
    return earlier(ends_,
                   Deadline::in(base::Nanos{random.below(static_cast<std::uint64_t>(producer.pause_max.count()))}));
  }
  /// On the reader's thread.
  void note_start(std::uint64_t number) {
    if (number > 0) return;
    last_start_ = base::now();
    if (first_start_ == base::Instant{}) first_start_ = last_start_;
  }
  void open_sources();
  void produce_all();
  void produce_blocking(Producer& producer);
  static Task<> produce(Soak& self, Producer& producer);  // outlives: the executor's end is awaited before
  base::Random random_of(const Producer& producer) const {
    return base::Random(base::derive_seed(plan_.seed + 1, producer.number));
  }

  const SoakPlan& plan_;
  const SeededFrames frames_;
  FrameChecker checker_;
  const Deadline ends_;
  std::vector<Producer> producers_;
  base::Instant first_start_, last_start_;
  std::unique_ptr<FrameWriter> writer_;
  std::mutex mutex_;
  std::condition_variable never_;
};

void Soak::open_sources() {
  for (unsigned number = 0; number < plan_.sources; ++number) {
    Producer& producer = producers_[number];
    producer.number = number;
    producer.source = *writer_->open_source("s", number % 2 == 0 ? FramePolicy::Wait : FramePolicy::Spill);
    producer.pause_max = number < plan_.flooders ? base::Nanos{0} : plan_.pause_max;
  }
}

Task<> Soak::produce(Soak& self, Producer& producer) {
  base::Random random = self.random_of(producer);
  while (!self.ends_.has_passed()) {
    std::string frame = self.frames_.frame(producer.number, producer.sent);
    SLUICE_CO_CHECK(co_await self.writer_->write(producer.source, std::move(frame), Deadline::in(kForgotten)));
    ++producer.sent;
    SLUICE_CO_CHECK(co_await pause_until(self.pause(producer, random)));
  }
  co_return base::Result<void>();
}

void Soak::produce_blocking(Producer& producer) {
  base::Random random = random_of(producer);
  while (!ends_.has_passed()) {
    std::string frame = frames_.frame(producer.number, producer.sent);
    producer.end = writer_->write_blocking(producer.source, std::move(frame), Deadline::in(kForgotten));
    if (!producer.end) return;
    ++producer.sent;
    std::unique_lock lock(mutex_);
    never_.wait_until(lock, base::to_chrono(pause(producer, random).when()));
  }
}

void Soak::produce_all() {
  auto executor = make_executor();
  std::vector<std::thread> threads;
  std::vector<std::pair<Producer*, JoinHandle<void>>> tasks;
  for (Producer& producer : producers_) {
    if (producer.number % 10 == 9) {
      threads.emplace_back([this, &producer] { produce_blocking(producer); });
    } else {
      tasks.emplace_back(&producer, executor->spawn("source", produce(*this, producer)));
    }
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& [producer, task] : tasks) producer->end = task.join(Deadline::in(kForgotten));
}

SoakOutcome Soak::run() {
  const Ends ends = make_pipe();
  writer_ = *FrameWriter::create(ends.write, {.limits = plan_.limits, .spill_directory = testing::TempDir()});
  ::close(ends.write);
  PacedReader reader(ends.read, plan_.pace, [this](std::string_view bytes) { checker_.take(bytes); });
  open_sources();
  produce_all();
  SoakOutcome outcome{.stalls = reader.stalls()};
  reader.hurry();
  outcome.was_closed_in_time = writer_->close(Deadline::in(base::Nanos{60'000'000'000}));
  outcome.stats = writer_->stats();
  if (!reader.await_end()) outcome.wrong = "the reader has not come to the end";
  for (const Producer& producer : producers_) {
    outcome.sent.push_back(producer.sent);
    if (!producer.end)
      outcome.wrong = "source " + std::to_string(producer.number) + ": " + base::to_text(producer.end.error());
  }
  if (outcome.wrong.empty()) outcome.wrong = checker_.verdict();
  outcome.slowest_start = last_start_ - first_start_;
  outcome.came = checker_.counts();
  return outcome;
}

}  // namespace

SoakOutcome soak(const SoakPlan& plan) { return Soak(plan).run(); }

}  // namespace sluice::async
