#include "journal/op_log_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>
#include <utility>

namespace sluice::journal {

namespace {

/// How often a log that is behind is asked again.
constexpr base::Nanos kAskEvery{5'000'000};
/// The longest base URI that a foreign name of another target is given in full.
constexpr std::size_t kBaseBytesMax = 4096;

using NameBuffer = std::array<char, kBaseBytesMax + model::kNameBytesMax>;

}  // namespace

OpLogWriter::OpLogWriter(BlockLog& log, Options options) : log_(log), options_(options), encoder_(options.encoder) {
  targets_.reserve(options.encoder.records_max);
}

void OpLogWriter::begin(std::uint32_t stage, std::vector<std::string> base_uris) {
  stage_ = stage;
  base_uris_ = std::move(base_uris);
  wait_until_ns_ = base::Instant::never().ns;
}

std::uint32_t OpLogWriter::number_of(const model::NamesRecipe& recipe, const std::string& base_uri) {
  const auto at = std::ranges::find_if(
      numbered_, [&](const Numbered& one) { return one.recipe == recipe && one.base_uri == base_uri; });
  if (at != numbered_.end()) return static_cast<std::uint32_t>(at - numbered_.begin());
  const auto number = static_cast<std::uint32_t>(numbered_.size());
  numbered_.push_back({base_uri, recipe});
  // Lost with a log that takes nothing any more, and then so are the records.
  static_cast<void>(log_.append(model::TargetNames{.number = number, .base_uri = base_uri, .recipe = recipe}));
  return number;
}

OpLogWriter::Known OpLogWriter::look_up(const model::Names& names, std::uint32_t endpoint) {
  if (const auto recipe = names.recipe()) {
    const std::string base = endpoint < base_uris_.size() ? base_uris_[endpoint] : std::string();
    return {.kind = Known::Kind::Numbered, .number = number_of(*recipe, base)};
  }
  const bool is_derived = names.count() > 0 && names.origin(0).names != &names;
  return {.kind = is_derived ? Known::Kind::Derived : Known::Kind::Foreign};
}

OpLogWriter::Known OpLogWriter::known(const model::Names& names, std::uint32_t endpoint) {
  const std::pair key(&names, endpoint);
  if (key == last_names_) [[likely]]
    return last_known_;
  auto at = known_.find(key);
  if (at == known_.end()) at = known_.emplace(key, look_up(names, endpoint)).first;
  last_names_ = key;
  return last_known_ = at->second;
}

/// Of a foreign target: relative to the run's first target, or with the whole of its base.
std::size_t OpLogWriter::write_name(const Target& target, std::span<char> out) const {
  std::size_t used = 0;
  if (target.endpoint > 0 && target.endpoint < base_uris_.size()) {
    const std::string& base = base_uris_[target.endpoint];
    used = std::min(base.size(), kBaseBytesMax);
    std::memcpy(out.data(), base.data(), used);
  }
  return used + (target.names == nullptr ? 0 : target.names->write_name(target.index, out.subspan(used)));
}

void OpLogWriter::add(const model::TakenRecord& taken) {
  model::OpRecord record = taken.record;
  Target target{.names = taken.names, .index = record.index, .endpoint = record.endpoint};
  Known found;
  if (target.names != nullptr) {
    found = known(*target.names, target.endpoint);
    if (found.kind == Known::Kind::Derived) {
      const model::NameOrigin origin = target.names->origin(target.index);
      target.names = origin.names;
      target.index = origin.index;
      found = known(*origin.names, target.endpoint);
    }
  }
  targets_.push_back(target);
  picker_.add(record);
  if (found.kind == Known::Kind::Numbered) [[likely]] {
    record.dataset = found.number;
    record.index = target.index;
    return encoder_.add(record);
  }
  NameBuffer name;
  record.dataset = model::OpRecord::kForeign;
  record.index = 0;
  encoder_.add(record, {name.data(), write_name(target, name)});
}

void OpLogWriter::take(std::span<const model::TakenRecord> records, base::Instant now) {
  for (const model::TakenRecord& taken : records) {
    if (!chunk_since_) chunk_since_ = now;
    add(taken);
    if (encoder_.full()) write_chunk();
  }
}

void OpLogWriter::tick(base::Instant now) {
  if (chunk_since_ && now - *chunk_since_ >= options_.chunk_age_max) write_chunk();
}

void OpLogWriter::end() {
  if (chunk_since_) write_chunk();
  if (lost_ > 0) {
    // Small, so it need not wait for room; and a log that refuses it has failed, as its run has.
    const std::span<const std::byte> none = encoder_.finish();
    static_cast<void>(log_.append(model::OperationRecords{
        .stage = stage_, .lost = std::exchange(lost_, 0), .chunk = {none.begin(), none.end()}}));
  }
  known_.clear();
  last_names_ = {};
}

void OpLogWriter::write_chunk() {
  model::OperationRecords block{.stage = stage_, .records = encoder_.size()};
  NameBuffer name;
  Notable notable =
      picker_.finish([&](std::uint32_t index) { return std::string(name.data(), write_name(targets_[index], name)); });
  block.notable = std::move(notable.rows);
  block.notable_left_out = notable.failures_left_out;
  const std::span<const std::byte> chunk = encoder_.finish();
  block.chunk.assign(chunk.begin(), chunk.end());
  targets_.clear();
  chunk_since_.reset();
  if (!wait_for_room()) {
    lost_ += block.records;
    return;
  }
  block.lost = std::exchange(lost_, 0);
  static_cast<void>(log_.append(block));
}

bool OpLogWriter::wait_for_room() {
  const base::Instant patience_ends = base::now() + options_.patience;
  while (!log_.has_room_for_records()) {
    const base::Instant until = std::min(patience_ends, base::Instant{wait_until_ns_.load()});
    if (!is_waited_for_ || base::now() >= until) return is_waited_for_ = false;
    std::this_thread::sleep_for(kAskEvery);  // tidy-allow: sleep because this thread has nothing else to do
  }
  return is_waited_for_ = true;
}

}  // namespace sluice::journal
