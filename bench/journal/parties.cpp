#include "parties.hpp"

#include <cmath>
#include <utility>

#include "base/random.hpp"
#include "journal/block_codec.hpp"

namespace sluice::journal {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr base::WallTime kBegan{1'790'000'000 * kSecond};

std::int64_t log_normal(base::Random& random, double median_ns) {
  const double normal = std::sqrt(-2 * std::log1p(-random.unit())) * std::cos(2 * M_PI * random.unit());
  return static_cast<std::int64_t>(median_ns * std::exp(0.5 * normal));
}

void measure(model::OpStats& stats, base::Random& random, std::uint64_t count, double median_ns, std::uint64_t bytes) {
  model::SizeClassStats& in_class = stats.in_class(model::size_class_of(bytes));
  for (std::uint64_t i = 0; i < count; ++i) in_class.service.record(log_normal(random, median_ns));
  stats.count = stats.window_count = in_class.count = count;
  stats.bytes = stats.window_bytes = in_class.bytes = count * bytes;
}

/// Gets, puts, stats and deletes, and the two slowest of them.
model::Interval busy_second(std::uint64_t seed) {
  base::Random random(seed);
  model::Interval interval{.stage = 1, .done = 1'000'000 * seed, .cpu_user_s = 0.4, .cpu_system_s = 0.8};
  const auto of = [&](model::OpKind kind) -> model::OpStats& { return interval.ops[static_cast<std::size_t>(kind)]; };
  measure(of(model::OpKind::Get), random, 1100, 140'000, 4096);
  measure(of(model::OpKind::Put), random, 700, 420'000, 65'536);
  measure(of(model::OpKind::Stat), random, 400, 30'000, 0);
  measure(of(model::OpKind::Delete), random, 200, 90'000, 0);
  interval.slowest = {{model::OpKind::Put, log_normal(random, 5e6), 0, 65'536, "data/d0017/file_00004711.dat"},
                      {model::OpKind::Get, log_normal(random, 4e6), 0, 4096, "data/d0090/file_00000815.dat"}};
  return interval;
}

}  // namespace

BusySeconds::BusySeconds() {
  for (std::size_t i = 0; i < samples_.size(); ++i) samples_[i].block = busy_second(i);
}

void BusySeconds::place(model::Block& block, std::uint64_t number) {
  auto& interval = std::get<model::Interval>(block);
  interval.party_seq = number;
  interval.from_ns = static_cast<std::int64_t>(number) * kSecond;
  interval.to_ns = interval.from_ns + kSecond;
  interval.done = number * 2400;
  for (model::SlowOp& slow : interval.slowest) slow.at_ns = interval.to_ns - slow.service_ns;
}

PartyBlocks::PartyBlocks(BusySeconds& seconds, PartyKey key, std::uint64_t seed)
    : seconds_(seconds), key_(std::move(key)), seed_(seed), form_(key_.run, key_.party) {}

StoredBlock PartyBlocks::next() {
  const std::uint64_t number = number_++;
  const auto stored = [&](const model::Block& block) { return form_.of(block, encode_block(block), number); };
  StoredBlock made;
  if (number == 0) {
    made = stored(model::RunStarted{.run_id = key_.run, .plan_name = "many parties", .at = kBegan, .seed = seed_});
  } else if (number == 1) {
    made = stored(model::StageStarted{.stage = 1, .name = "measure"});
  } else {
    made = seconds_.as(base::mix64(seed_ + number), number, stored);
  }
  made.header.party.attempt = key_.attempt;
  return made;
}

}  // namespace sluice::journal
