// What the asynchronous core costs beside its limit. An executor's round trip is two hand-overs between threads, so its
// peer is two bare FUTEX_WAIT/WAKE hand-overs; CPU of the whole process counts (both threads), not the time that
// passes.
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "async/detail/one_shot.hpp"
#include "async/executor.hpp"
#include "async/permits.hpp"

namespace {

using namespace sluice;

async::Task<int> give(int value) { co_return value; }

std::unique_ptr<async::Executor> make_executor() {
  return std::move(async::Executor::create({.worker_threads = 2, .name = "bench"}).value());
}

void two_futex_handovers(benchmark::State& state) {
  std::atomic<std::uint32_t> turn{0};  // even: ours, odd: the other's; the last one ends it
  std::atomic<bool> is_over{false};
  std::jthread other([&] {
    for (std::uint32_t mine = 1;; mine += 2) {
      for (std::uint32_t seen = turn.load(); seen != mine; seen = turn.load()) {
        async::detail::futex_wait(turn, seen, async::Deadline::never());
      }
      const bool last = is_over.load();
      turn.store(mine + 1);
      async::detail::futex_wake_all(turn);
      if (last) return;
    }
  });
  std::uint32_t mine = 0;
  const auto there_and_back = [&] {
    turn.store(++mine);
    async::detail::futex_wake_all(turn);
    ++mine;
    for (std::uint32_t seen = turn.load(); seen != mine; seen = turn.load()) {
      async::detail::futex_wait(turn, seen, async::Deadline::never());
    }
  };
  for (auto _ : state) there_and_back();
  is_over = true;
  there_and_back();
}
BENCHMARK(two_futex_handovers)->MeasureProcessCPUTime();

void executor_round_trip(benchmark::State& state) {
  const auto executor = make_executor();
  for (auto _ : state) benchmark::DoNotOptimize(executor->block_on(give(1)));
}
BENCHMARK(executor_round_trip)->MeasureProcessCPUTime();

void permit_uncontended(benchmark::State& state) {
  async::Permits permits(64, "things");
  for (auto _ : state) benchmark::DoNotOptimize(permits.try_acquire(1));
}
BENCHMARK(permit_uncontended);

async::Task<> take_turns(async::Permits& permits, std::atomic<std::uint64_t>& taken,
                         std::uint64_t until) {  // outlives: the run
  while (taken.load(std::memory_order_relaxed) < until) {
    SLUICE_CO_TRY(async::Permit permit, co_await permits.acquire(1, async::Deadline::never()));
    taken.fetch_add(1, std::memory_order_relaxed);
  }
  co_return base::Result<void>();
}

/// One permit, 64 tasks that want it: each acquire waits behind the others.
void permit_with_64_waiters(benchmark::State& state) {
  const auto executor = make_executor();
  constexpr std::uint64_t kTurns = 20'000;
  for (auto _ : state) {
    async::Permits permits(1, "the one");
    std::atomic<std::uint64_t> taken{0};
    std::vector<async::JoinHandle<void>> tasks;
    for (int i = 0; i < 64; ++i) tasks.push_back(executor->spawn("taker", take_turns(permits, taken, kTurns)));
    for (auto& task : tasks) static_cast<void>(task.join(async::Deadline::never()));
  }
  state.counters["ns_cpu_a_turn"] =
      benchmark::Counter(static_cast<double>(static_cast<std::uint64_t>(state.iterations()) * kTurns) / 1e9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(permit_with_64_waiters)->MeasureProcessCPUTime();

}  // namespace
