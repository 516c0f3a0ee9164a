// What the core's own instruments cost where nothing else costs anything: on the null store.
//
// StallWatch: whole execute stages with it and without it, CPU of the whole process over the operations recorded.
// YieldBudget: a loop worker's turn, put together here from the same parts as load::LoopWorker::run(), with the budget
// and without it; the worker itself cannot be had without one.
#include <atomic>
#include <ctime>
#include <limits>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "async/loop_thread.hpp"
#include "async/runtime.hpp"
#include "async/stall_watch.hpp"
#include "async/yield_budget.hpp"
#include "load/mix_plan.hpp"
#include "load/mix_source.hpp"
#include "load/stage_host.hpp"
#include "storage/null/null_backend.hpp"

namespace sluice {
namespace {

/// Adds up the operations of all intervals.
class CountingSink final : public load::BlockSink {
 public:
  void put(model::Block block) override {
    const auto* interval = std::get_if<model::Interval>(&block);
    if (interval == nullptr) return;
    for (const model::OpStats& of_kind : interval->ops) operations_ += of_kind.count;
  }
  std::uint64_t operations() const { return operations_; }

 private:
  std::atomic<std::uint64_t> operations_{0};
};

std::unique_ptr<storage::Backend> open_null() {
  return std::move(storage::open_null_backend("null://bench/?size=1GiB").value());
}

model::RunPlan plan_with(std::uint32_t depth, base::Nanos duration) {
  model::RunPlan plan;
  plan.target = "null://bench/?size=1GiB";
  plan.concurrency = depth;
  plan.workers = 1;
  plan.seed = 1;
  plan.workload = {{.kind = model::OpKind::Read, .path = "data"}};
  plan.stages = {{.name = "execute", .type = model::StageType::Execute, .duration = duration}};
  return plan;
}

double process_cpu_ns() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

/// One execute stage of half a second on one loop worker with 32 operations in flight.
void stage(benchmark::State& state) {
  const bool is_watched = state.range(0) != 0;
  CountingSink sink;
  // shared because abandoned operations may still touch the context
  auto context = std::make_shared<load::RunContext>(
      plan_with(32, base::Nanos{500'000'000}), "run",
      [](const std::string& uri) { return storage::open_null_backend(uri); }, sink);
  context->started = base::now();
  if (!load::open_targets(*context)) return state.SkipWithError("the target could not be opened");
  if (is_watched) context->stall_watch = std::move(*async::StallWatch::create({}, [](const auto&) {}));
  const auto runtime = async::Runtime::create({.worker_threads = 2, .name = "bench"});
  if (!runtime) return state.SkipWithError(runtime.error().what.c_str());
  std::atomic<int> ended{0};
  load::StageHost host(context, **runtime,
                       {.ready = [](auto, auto) {},
                        .ended =
                            [&](auto, const load::StageResult& result) {
                              ended = result.status == model::RunStatus::Completed ? 1 : 2;
                              ended.notify_all();
                            }});
  double cpu_ns = 0;
  for (auto _ : state) {
    ended = 0;
    const double before = process_cpu_ns();
    host.start(0);
    ended.wait(0);
    cpu_ns += process_cpu_ns() - before;
    if (ended != 1) return state.SkipWithError("the stage failed");
  }
  state.counters["ns_cpu_an_operation"] = cpu_ns / static_cast<double>(sink.operations());
}
BENCHMARK(stage)->ArgName("watched")->Arg(0)->Arg(1)->Iterations(1)->UseRealTime();

/// Never spent, and nothing to be counted.
struct NoBudget {
  void renew(base::Instant) {}
  bool spent() { return false; }
};

struct Budget : async::YieldBudget {
  Budget() : YieldBudget({.operations = 256, .time = base::Nanos{200'000}}) {}
};

/// Turns of a worker with as many slots as the argument says; the time is that of one turn, the counter that of one
/// operation.
template <class AnyBudget>
void turns(benchmark::State& state) {
  CountingSink sink;
  load::RunContext context(
      plan_with(32, base::Nanos{1}), "run", [](const std::string& uri) { return storage::open_null_backend(uri); },
      sink);
  load::StageControl control;
  auto plan = load::open_targets(context) ? load::plan_mix(context, control, 1)
                                          : base::fail(base::Code::Internal, "the target could not be opened");
  if (!plan) return state.SkipWithError(plan.error().what.c_str());
  load::MixSource source(*plan, 0, 1);
  const std::unique_ptr<storage::Backend> backend = open_null();
  const auto loop = std::move(*backend->make_loop(storage::WorkerKind::Socket, 32));
  const auto store = std::move(*backend->open_store(storage::WorkerKind::Socket, loop.get(), {}));
  load::StageClock clock;
  clock.start = clock.begin = clock.measure_from = base::now();
  clock.interval = base::Nanos{std::numeric_limits<std::int32_t>::max()} * 1000;  // no interval ends in between
  load::Recorder recorder(clock, false);
  source.attach(recorder);
  std::vector<storage::OpSlot> slots(static_cast<std::size_t>(state.range(0)));
  std::vector<std::byte> memory(4096);
  storage::SlotList free;
  for (storage::OpSlot& slot : slots) {
    slot.in = slot.out = memory;
    source.adopt(slot);
    free.push(slot);
  }
  async::LoopThread thread("bench");
  AnyBudget budget;
  std::uint64_t operations = 0;
  base::Instant t = base::now();
  thread.enter("load", t);
  for (auto _ : state) {
    budget.renew(t);
    for (bool is_spent = false; !is_spent;) {
      storage::OpSlot* slot = free.pop();
      if (slot == nullptr) break;
      if (source.next(*slot) != load::OpSource::Draw::Ready) return state.SkipWithError("nothing to draw");
      slot->tries = 0;
      slot->error = 0;
      if (!store->start(*slot)) return state.SkipWithError("the null store did not complete at once");
      slot->started = t;
      loop->completed().push(*slot);
      is_spent = budget.spent();
    }
    thread.leave(base::now());
    loop->turn(base::Instant{});
    t = base::now();
    recorder.tick(t);
    while (storage::OpSlot* slot = loop->completed().pop()) {
      recorder.success(*slot, t);
      source.completed(*slot);
      free.push_front(*slot);
      ++operations;
    }
    thread.enter(t);
  }
  thread.leave();
  state.counters["s_cpu_an_operation"] =
      benchmark::Counter(static_cast<double>(operations), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(turns<NoBudget>)->ArgName("slots")->Arg(32)->Arg(128)->Arg(1024);
BENCHMARK(turns<Budget>)->ArgName("slots")->Arg(32)->Arg(128)->Arg(1024);

}  // namespace
}  // namespace sluice
