#include "dataset/offsets.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "base/assert.hpp"

namespace sluice::dataset {

namespace {

base::Error bad_access(std::string what, std::string where) {
  return {.code = base::Code::InvalidArgument, .what = std::move(what), .where = std::move(where)};
}

std::uint64_t times_over(std::uint64_t a, std::uint64_t b, std::uint64_t divisor) {
  return static_cast<std::uint64_t>(static_cast<unsigned __int128>(a) * b / divisor);
}

}  // namespace

base::Result<OffsetSource> OffsetSource::create(const model::Access& access, BlockRange range, Share share,
                                                std::uint64_t seed) {
  SLUICE_ASSERT(share.count > 0 && share.index < share.count);
  if (range.block_size == 0) return fail(bad_access("block_size must be above 0", "block_size"));
  OffsetSource source;
  source.kind_ = access.kind;
  source.range_ = range;
  source.blocks_ = range.blocks();
  if (source.blocks_ == 0) {
    return fail(bad_access(fmt::format("the range from {} to {} holds no whole block of {} bytes", range.begin,
                                       range.end, range.block_size),
                           "block_size")
                    .add_likely("the file is smaller than a block")
                    .add_try("make block_size smaller or the files larger"));
  }
  switch (access.kind) {
    case model::Access::Kind::Sequential: source.set_sequential(share); break;
    case model::Access::Kind::Random: break;
    case model::Access::Kind::Strided:
      if (access.stride < range.block_size) {
        return fail(bad_access(fmt::format("stride {} is smaller than block_size {}", access.stride, range.block_size),
                               "access: strided")
                        .add_try("a stride is the distance between the starts of two blocks"));
      }
      source.set_strided(access.stride, share);
      break;
    case model::Access::Kind::Zipf:
      if (!(access.theta >= 0 && access.theta <= Zipf::kThetaMax)) {
        return fail(bad_access(fmt::format("theta {} is out of range: 0 to {}", access.theta, Zipf::kThetaMax),
                               "access: zipf"));
      }
      source.set_zipf(access.theta, seed);
      break;
  }
  return source;
}

std::uint64_t OffsetSource::next(base::Random& random) {
  switch (kind_) {
    case model::Access::Kind::Sequential: return next_sequential();
    case model::Access::Kind::Random: return range_.begin + random.below(blocks_) * range_.block_size;
    case model::Access::Kind::Strided: return next_strided();
    case model::Access::Kind::Zipf:
      if (!zipf_) break;  // create() has set it
      return range_.begin + scatter(zipf_->sample(random)) * range_.block_size;
  }
  return range_.begin;
}

std::uint64_t OffsetSource::reach() const {
  switch (kind_) {
    case model::Access::Kind::Sequential: return last_ - first_;
    case model::Access::Kind::Random:
    case model::Access::Kind::Zipf: return blocks_;
    case model::Access::Kind::Strided: return positions_ / std::gcd(positions_, step_ == 0 ? positions_ : step_);
  }
  return blocks_;
}

void OffsetSource::set_sequential(Share share) {
  const std::uint64_t shares = std::min<std::uint64_t>(share.count, blocks_);
  const std::uint64_t index = share.index % shares;
  first_ = times_over(blocks_, index, shares);
  last_ = times_over(blocks_, index + 1, shares);
  at_ = first_;
}

std::uint64_t OffsetSource::next_sequential() {
  const std::uint64_t block = at_;
  if (++at_ == last_) at_ = first_;
  return range_.begin + block * range_.block_size;
}

void OffsetSource::set_strided(std::uint64_t stride, Share share) {
  stride_ = stride;
  // A lane is begin + lane * block, then every stride; the last lanes may be one block shorter than the first.
  lanes_ = std::min(stride / range_.block_size, blocks_);
  const std::uint64_t last_start = range_.end - range_.begin - range_.block_size;
  positions_ = lanes_ * (last_start / stride) + std::min(lanes_, last_start % stride / range_.block_size + 1);
  step_ = share.count % positions_;
  at_ = 0;
  lane_ = 0;
  skip(share.index % positions_);
}

std::uint64_t OffsetSource::lane_length(std::uint64_t lane) const {
  const std::uint64_t last_start = range_.end - range_.begin - range_.block_size;
  return (last_start - lane * range_.block_size) / stride_ + 1;
}

/// Moves on by `positions`, which is below positions_.
void OffsetSource::skip(std::uint64_t positions) {
  at_ += positions;
  for (std::uint64_t length = lane_length(lane_); at_ >= length; length = lane_length(lane_)) {
    at_ -= length;
    if (++lane_ == lanes_) lane_ = 0;
  }
}

std::uint64_t OffsetSource::next_strided() {
  const std::uint64_t offset = range_.begin + lane_ * range_.block_size + at_ * stride_;
  skip(step_);
  return offset;
}

void OffsetSource::set_zipf(double theta, std::uint64_t seed) {
  zipf_.emplace(std::min(blocks_, Zipf::kItemsMax), theta);
  // rank -> rank * multiplier + shift (mod blocks) is a permutation where multiplier and blocks have no common factor.
  // A multiplier near blocks / golden ratio puts successive ranks far apart.
  const auto golden = static_cast<std::uint64_t>((static_cast<unsigned __int128>(blocks_) * 0x9e3779b97f4a7c15U) >> 64);
  multiplier_ = std::max<std::uint64_t>(golden, 1);
  while (std::gcd(multiplier_, blocks_) != 1) ++multiplier_;
  shift_ = base::mix64(seed) % blocks_;
}

std::uint64_t OffsetSource::scatter(std::uint64_t rank) const {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(rank) * multiplier_ + shift_) % blocks_);
}

}  // namespace sluice::dataset
