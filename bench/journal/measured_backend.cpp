#include "measured_backend.hpp"

#include <tuple>
#include <utility>

#include <time.h>

#include "base/time.hpp"

namespace sluice::journal {

namespace {

std::int64_t thread_cpu_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

/// CPU and clock of a call.
template <class Call>
std::pair<std::int64_t, std::int64_t> cost_of(Call call) {
  const base::Instant began = base::now();
  const std::int64_t cpu = thread_cpu_ns();
  call();
  return {thread_cpu_ns() - cpu, (base::now() - began).count()};
}

}  // namespace

void CommitCosts::compare_with(BareSqlite* bare) {
  const std::lock_guard lock(mutex_);
  bare_ = bare;
}

std::vector<CommitCost> CommitCosts::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(costs_, {});
}

base::Result<void> MeasuredBackend::append(const Commit& commit, const CallBounds& bounds) {
  costs_.thread_.open();
  BareSqlite* bare = nullptr;
  {
    const std::lock_guard lock(costs_.mutex_);
    bare = costs_.bare_;
  }
  CommitCost cost{.blocks = commit.blocks.size()};
  for (const StoredBlock& block : commit.blocks) cost.bytes += block.payload.size();
  const auto compare = [&] {
    std::tie(cost.bare_cpu_ns, cost.bare_wall_ns) = cost_of([&] { bare->append(commit.blocks); });
  };
  bare_is_first_ = !bare_is_first_;
  if (bare != nullptr && bare_is_first_) compare();
  base::Result<void> done;
  std::tie(cost.cpu_ns, cost.wall_ns) = cost_of([&] { done = ForwardingBackend::append(commit, bounds); });
  if (bare != nullptr && !bare_is_first_) compare();
  const std::lock_guard lock(costs_.mutex_);
  costs_.costs_.push_back(cost);
  return done;
}

}  // namespace sluice::journal
