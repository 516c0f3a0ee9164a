#include "load/collector.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace sluice::load {

namespace {

/// How long a window stays open for batches of workers that were just completing something.
constexpr std::int64_t kGraceNs = 50'000'000;

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; }

struct HostTicks {
  std::uint64_t iowait = 0, all = 0;
};

/// The host's processor time so far, from the first line of /proc/stat; zeroes where that cannot be read.
HostTicks read_host_ticks() {
  HostTicks ticks;
  char text[256];
  const int file = open("/proc/stat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return ticks;
  const ssize_t got = read(file, text, sizeof text - 1);
  close(file);
  if (got <= 0) return ticks;
  text[got] = '\0';
  unsigned long long t[8] = {};
  std::sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6],
              &t[7]);
  ticks.iowait = t[4];
  for (unsigned long long one : t) ticks.all += one;
  return ticks;
}

}  // namespace

Collector::Collector(std::uint32_t stage, const StageClock& clock, BlockSink& sink, const model::Progress& progress,
                     std::uint64_t& party_seq)
    : stage_(stage), clock_(clock), sink_(sink), progress_(progress), party_seq_(party_seq) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  cpu_user_s_ = seconds(usage.ru_utime);
  cpu_system_s_ = seconds(usage.ru_stime);
  const HostTicks ticks = read_host_ticks();
  iowait_ticks_ = ticks.iowait;
  all_ticks_ = ticks.all;
}

/// A window within an open one of the same phase adds to that one: of a worker that began later than the others.
model::Interval& Collector::interval_for(std::int64_t from_ns, std::int64_t to_ns, model::Phase phase) {
  for (auto& [key, open] : open_) {
    if (key.phase == phase && key.from_ns <= from_ns && to_ns <= key.to_ns) return open;
  }
  model::Interval& interval = open_[{from_ns, to_ns, phase}];
  interval.stage = stage_;
  interval.from_ns = from_ns;
  interval.to_ns = to_ns;
  interval.phase = phase;
  return interval;
}

void Collector::take(Recorder& recorder) {
  while (std::unique_ptr<Batch> batch = recorder.take()) {
    model::Interval& interval = interval_for(batch->from_ns, batch->to_ns, batch->phase);
    for (std::size_t kind = 0; kind < model::kOpKinds; ++kind) {
      model::OpStats& stats = batch->ops[kind];
      if (stats.empty()) continue;
      if (batch->phase == model::Phase::Measured) {
        stats.window_count = stats.count;
        stats.window_bytes = stats.bytes;
      }
      if (batch->phase != model::Phase::Warmup) {
        successes_ += stats.count;
        std::ranges::transform(failures_, stats.errors, failures_.begin(), std::plus{});
      }
      starved_[kind] += stats.starved;
      interval.ops[kind].merge(stats);
    }
    std::ranges::move(batch->slowest, std::back_inserter(interval.slowest));
    std::ranges::move(batch->samples, std::back_inserter(interval.samples));
    recorder.give_back(std::move(batch));
  }
}

void Collector::count_failure(model::ErrorSample sample, base::Instant now) {
  const auto since_start = [this](base::Instant t) { return (t - clock_.start).count(); };
  const model::Phase phase = clock_.phase_at(now);
  model::Interval& interval =
      interval_for(since_start(clock_.boundary_before(now)), since_start(clock_.boundary_after(now)), phase);
  ++interval.ops[static_cast<std::size_t>(sample.op)].errors[static_cast<std::size_t>(sample.kind)];
  if (phase != model::Phase::Warmup) ++failures_[static_cast<std::size_t>(sample.kind)];
  interval.samples.push_back(std::move(sample));
}

void Collector::note_hold(std::int64_t max_hold_ns) { max_hold_ns_ = std::max(max_hold_ns_, max_hold_ns); }

void Collector::send(model::Interval&& interval) {
  std::ranges::sort(interval.slowest, std::ranges::greater{}, &model::SlowOp::service_ns);
  if (interval.slowest.size() > Recorder::kSlowestMax) interval.slowest.resize(Recorder::kSlowestMax);
  std::array<std::size_t, model::kErrorKinds> kept{};
  std::erase_if(interval.samples, [&](const model::ErrorSample& sample) {
    return ++kept[static_cast<std::size_t>(sample.kind)] > Recorder::kSamplesMax;
  });
  interval.party_seq = party_seq_++;
  interval.done = progress_.done.load(std::memory_order_relaxed);
  const std::uint64_t total = progress_.total.load(std::memory_order_relaxed);
  if (total != model::Progress::kUnknown) interval.total = total;
  interval.max_stall_ns = max_hold_ns_;

  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  interval.cpu_user_s = seconds(usage.ru_utime) - cpu_user_s_;
  interval.cpu_system_s = seconds(usage.ru_stime) - cpu_system_s_;
  cpu_user_s_ += interval.cpu_user_s;
  cpu_system_s_ += interval.cpu_system_s;
  const HostTicks ticks = read_host_ticks();
  if (ticks.all > all_ticks_) {
    interval.iowait_share =
        static_cast<double>(ticks.iowait - iowait_ticks_) / static_cast<double>(ticks.all - all_ticks_);
  }
  iowait_ticks_ = ticks.iowait;
  all_ticks_ = ticks.all;
  sink_.put(std::move(interval));
}

void Collector::emit(base::Instant now) {
  const std::int64_t complete_to = (now - clock_.start).count() - kGraceNs;
  for (;;) {
    const base::Instant from = clock_.start + base::Nanos{emitted_to_ns_};
    const std::int64_t to_ns = (clock_.boundary_after(from) - clock_.start).count();
    if (to_ns > complete_to) break;
    const bool is_silent = std::ranges::none_of(
        open_, [&](const auto& open) { return open.first.from_ns < to_ns && emitted_to_ns_ < open.first.to_ns; });
    if (is_silent) interval_for(emitted_to_ns_, to_ns, clock_.phase_at(from));
    emitted_to_ns_ = to_ns;
  }
  while (!open_.empty() && open_.begin()->first.to_ns <= complete_to) {
    send(std::move(open_.extract(open_.begin()).mapped()));
  }
}

void Collector::finish(base::Instant now) {
  emit(now);
  const std::int64_t end_ns = (now - clock_.start).count();
  for (auto& [key, interval] : open_) {
    interval.to_ns = std::max(interval.from_ns, std::min(interval.to_ns, end_ns));
    send(std::move(interval));
  }
  open_.clear();
}

}  // namespace sluice::load
