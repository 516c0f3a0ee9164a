#include "journal/records/columns.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.hpp"

namespace sluice::journal {

namespace {

constexpr std::size_t kFirstAt = 4, kBaseAt = 12;

/// How many bits all values would take, each by itself, above the least of them.
std::uint64_t bits_of(std::span<const std::uint64_t> values) {
  const std::uint64_t least = values.empty() ? 0 : std::ranges::min(values);
  std::uint64_t bits = 0;
  for (const std::uint64_t value : values) bits += static_cast<std::uint64_t>(std::bit_width(value - least));
  return bits;
}

std::uint64_t residual(std::uint64_t value, std::uint64_t guess) {
  return zigzag(static_cast<std::int64_t>(value - guess));
}

std::uint64_t with_residual(std::uint64_t guess, std::uint64_t residual) {
  return guess + static_cast<std::uint64_t>(unzigzag(residual));
}

}  // namespace

void LastOfWorker::begin(std::uint64_t first) {
  std::ranges::fill(last_, Entry{});
  before_ = first;
}

void ColumnWriter::plain(std::span<const std::uint64_t> values) { write(Guess::None, 0, values); }

void ColumnWriter::guessed(std::span<const std::uint64_t> values, std::span<const std::uint64_t> workers) {
  if (values.empty()) return plain(values);
  const std::uint64_t first = values.front();
  before_.resize(values.size());
  of_worker_.resize(values.size());
  std::uint64_t before = first;
  last_.begin(first);
  for (std::size_t i = 0; i < values.size(); ++i) {
    before_[i] = residual(values[i], before);
    before = values[i];
    of_worker_[i] = residual(values[i], last_.guess(workers[i]));
    last_.note(workers[i], values[i]);
  }
  const std::uint64_t none_bits = bits_of(values), before_bits = bits_of(before_), worker_bits = bits_of(of_worker_);
  if (none_bits <= before_bits && none_bits <= worker_bits) return plain(values);
  if (before_bits <= worker_bits) return write(Guess::Before, first, before_);
  write(Guess::SameWorker, first, of_worker_);
}

void ColumnWriter::with_guesses(std::span<const std::uint64_t> values, std::span<const std::uint64_t> guesses) {
  before_.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) before_[i] = residual(guesses[i], values[i]);
  if (bits_of(values) <= bits_of(before_)) return plain(values);
  write(Guess::Given, 0, before_);
}

void ColumnWriter::write(Guess guess, std::uint64_t first, std::span<const std::uint64_t> residuals) {
  const std::uint64_t base = residuals.empty() ? 0 : std::ranges::min(residuals);
  std::uint64_t all = 0;
  for (const std::uint64_t value : residuals) all |= value - base;
  const unsigned shift = all == 0 ? 0 : static_cast<unsigned>(std::countr_zero(all));
  const std::size_t width = (static_cast<std::size_t>(std::bit_width(all >> shift)) + 7) / 8;
  const std::size_t count = residuals.size(), at = content_.size();
  content_.resize(at + kColumnHeaderBytes + width * count);
  std::byte* out = content_.data() + at;
  out[0] = static_cast<std::byte>(guess);
  out[1] = static_cast<std::byte>(width);
  out[2] = static_cast<std::byte>(shift);
  std::memcpy(out + kFirstAt, &first, sizeof first);
  std::memcpy(out + kBaseAt, &base, sizeof base);
  out += kColumnHeaderBytes;
  for (std::size_t plane = 0; plane < width; ++plane, out += count) {
    const auto plane_at = static_cast<std::size_t>(out - content_.data());
    cuts_.push_back(plane_at);
    for (const std::size_t section : sections_) cuts_.push_back(plane_at + section);
    const std::size_t down = shift + 8 * plane;
    for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::byte>((residuals[i] - base) >> down);
  }
  cuts_.push_back(content_.size());
}

void ColumnWriter::text(std::string_view bytes) {
  const auto raw = std::as_bytes(std::span(bytes));
  content_.insert(content_.end(), raw.begin(), raw.end());
  cuts_.push_back(content_.size());
}

std::span<const std::byte> ColumnReader::take(std::uint64_t bytes) {
  if (bytes > rest_.size()) {
    problem_.set("a column is cut off");
    rest_ = {};
    return {};
  }
  const auto taken = rest_.first(static_cast<std::size_t>(bytes));
  rest_ = rest_.subspan(taken.size());
  return taken;
}

void ColumnReader::add_guesses(Guess guess, std::uint64_t first, std::span<std::uint64_t> values, Known known) {
  switch (guess) {
    case Guess::None: return;
    case Guess::Before:
      for (std::uint64_t& value : values) value = first = with_residual(first, value);
      return;
    case Guess::SameWorker:
      last_.begin(first);
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = with_residual(last_.guess(known.workers[i]), values[i]);
        last_.note(known.workers[i], values[i]);
      }
      return;
    case Guess::Given:
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = known.guesses[i] - static_cast<std::uint64_t>(unzigzag(values[i]));
      }
      return;
  }
}

void ColumnReader::column(std::span<std::uint64_t> values, Known known) {
  std::ranges::fill(values, 0);
  const auto header = take(kColumnHeaderBytes);
  if (problem_.found()) return;
  const auto guess = static_cast<Guess>(header[0]);
  const auto width = std::to_integer<unsigned>(header[1]), shift = std::to_integer<unsigned>(header[2]);
  std::uint64_t first = 0, base = 0;
  std::memcpy(&first, header.data() + kFirstAt, sizeof first);
  std::memcpy(&base, header.data() + kBaseAt, sizeof base);
  const bool is_known = guess == Guess::None || guess == Guess::Before ||
                        (guess == Guess::SameWorker && known.workers.size() == values.size()) ||
                        (guess == Guess::Given && known.guesses.size() == values.size());
  if (!is_known || header[3] != std::byte{0} || shift > 63 || (width > 0 && 8 * (width - 1) + shift > 63)) {
    return problem_.set("a column is of an unknown kind");
  }
  for (unsigned plane = 0; plane < width; ++plane) {
    const auto bytes = take(values.size());
    if (problem_.found()) return;
    const unsigned up = shift + 8 * plane;
    for (std::size_t i = 0; i < values.size(); ++i) values[i] |= std::to_integer<std::uint64_t>(bytes[i]) << up;
  }
  for (std::uint64_t& value : values) value += base;
  add_guesses(guess, first, values, known);
}

std::string_view ColumnReader::text(std::uint64_t bytes) {
  const auto taken = take(bytes);
  return {reinterpret_cast<const char*>(taken.data()), taken.size()};
}

}  // namespace sluice::journal
