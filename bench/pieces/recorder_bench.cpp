#include <benchmark/benchmark.h>

#include "base/random.hpp"
#include "load/recorder.hpp"
#include "model/histogram.hpp"

namespace sluice {
namespace {

/// Latencies as storage has them: most near one value, a tail of a hundred times that.
std::vector<std::int64_t> latencies() {
  base::Random random(1);
  std::vector<std::int64_t> values(4096);
  for (std::int64_t& value : values) value = 1000 + static_cast<std::int64_t>(random.exponential(20'000));
  return values;
}

void histogram_record(benchmark::State& state) {
  const std::vector<std::int64_t> values = latencies();
  model::Histogram histogram;
  histogram.reserve(1, 1'000'000'000);
  std::size_t i = 0;
  for (auto _ : state) histogram.record(values[i++ % values.size()]);
  benchmark::DoNotOptimize(histogram.count());
}
BENCHMARK(histogram_record);

void histogram_merge(benchmark::State& state) {
  model::Histogram from;
  for (const std::int64_t value : latencies()) from.record(value);
  model::Histogram into;
  for (auto _ : state) into.merge(from);
}
BENCHMARK(histogram_merge);

void histogram_quantile(benchmark::State& state) {
  model::Histogram histogram;
  for (const std::int64_t value : latencies()) histogram.record(value);
  for (auto _ : state) benchmark::DoNotOptimize(histogram.quantile(0.99));
}
BENCHMARK(histogram_quantile);

/// What an operation's success costs, a batch handed over each second included. Open loop counts it twice; with an
/// op-log it is written down, too, and its blocks come back at once.
void recorder_success(benchmark::State& state) {
  const std::vector<std::int64_t> values = latencies();
  load::StageClock clock;
  std::unique_ptr<load::OperationLane> lane;
  if (state.range(1) != 0) lane = std::make_unique<load::OperationLane>(1, 1);
  load::Recorder recorder(clock, state.range(0) != 0, 0, std::move(lane));
  storage::OpSlot slot;
  slot.bytes = 4096;
  std::int64_t t = 1'000'000'000;
  std::size_t i = 0;
  for (auto _ : state) {
    const std::int64_t latency = values[i++ % values.size()];
    slot.started = slot.intended = base::Instant{t};
    t += latency;
    recorder.success(slot, base::Instant{t});
    if (auto batch = recorder.take()) recorder.give_back(std::move(batch));
    if (recorder.lane() == nullptr) continue;
    if (auto block = recorder.lane()->take()) recorder.lane()->give_back(std::move(block));
  }
}
BENCHMARK(recorder_success)->ArgNames({"open_loop", "op_log"})->Args({0, 0})->Args({1, 0})->Args({0, 1});

}  // namespace
}  // namespace sluice
