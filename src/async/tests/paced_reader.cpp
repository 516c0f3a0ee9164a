#include "async/tests/paced_reader.hpp"

#include <algorithm>
#include <string>

#include <poll.h>
#include <unistd.h>

namespace sluice::async {

namespace {
constexpr std::size_t kPieceMax = 65'536;
}

PacedReader::PacedReader(int descriptor, Pace pace, Take take)
    : descriptor_(descriptor),
      pace_(pace),
      take_(std::move(take)),
      random_(pace.seed),
      began_(base::now()),
      thread_([this] { run(); }) {}

PacedReader::~PacedReader() {
  {
    const std::lock_guard lock(mutex_);
    leaves_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void PacedReader::hurry() {
  const std::lock_guard lock(mutex_);
  hurries_ = true;
  changed_.notify_all();
}

bool PacedReader::await_end() {
  Lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(30), [this] { return has_ended_; });
}

std::uint64_t PacedReader::stalls() const {
  const std::lock_guard lock(mutex_);
  return stalls_;
}

void PacedReader::stall_if_due(Lock& lock) {
  if (pace_.stall_max <= base::Nanos{0} || base::now() < next_stall_) return;
  const auto draw = [this](base::Nanos most) {
    return base::Nanos{random_.below(static_cast<std::uint64_t>(most.count()))};
  };
  const base::Instant until = base::now() + draw(pace_.stall_max);
  changed_.wait_until(lock, base::to_chrono(until), [this] { return hurries_ || leaves_; });
  next_stall_ = base::now() + draw(pace_.read_max);
  ++stalls_;
}

/// What may be read now; waits until that is a hundredth of a second's worth.
std::size_t PacedReader::allowance(Lock& lock) {
  if (pace_.bytes_per_s == 0 || hurries_) return kPieceMax;
  const std::uint64_t piece = std::clamp<std::uint64_t>(pace_.bytes_per_s / 100, 1, kPieceMax);
  const base::Instant due = began_ + base::Nanos{(read_ + piece) * 1'000'000'000 / pace_.bytes_per_s};
  changed_.wait_until(lock, base::to_chrono(due), [this] { return hurries_ || leaves_; });
  // What was not read during a stop is not made up for.
  began_ = std::max(began_, began_ + (base::now() - due) - std::chrono::milliseconds(20));
  return piece;
}

void PacedReader::run() {
  std::string piece(kPieceMax, '\0');
  if (pace_.first_stall > base::Nanos{0}) {
    Lock lock(mutex_);
    const base::Instant until = began_ + pace_.first_stall;
    changed_.wait_until(lock, base::to_chrono(until), [this] { return hurries_ || leaves_; });
    began_ = base::now();
    ++stalls_;
  }
  while (true) {
    std::size_t most = 0;
    {
      Lock lock(mutex_);
      if (!hurries_) stall_if_due(lock);
      most = allowance(lock);
      if (leaves_) break;
    }
    pollfd ready{.fd = descriptor_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 5) == 0) continue;
    const ssize_t got = ::read(descriptor_, piece.data(), most);
    if (got <= 0) break;
    read_ += static_cast<std::uint64_t>(got);
    take_({piece.data(), static_cast<std::size_t>(got)});
  }
  ::close(descriptor_);
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  changed_.notify_all();
}

}  // namespace sluice::async
