#include "async/permits.hpp"

#include <algorithm>
#include <vector>

#include "async/errors.hpp"
#include "async/held_units.hpp"
#include "async/wait_point.hpp"
#include "base/assert.hpp"
#include "base/units.hpp"

namespace sluice::async {

namespace detail {

/// One who waits; in the pool's queue until it is granted or leaves. What it was granted lies here until its task runs:
/// when that never happens, it goes back with this.
struct PermitWaiter {
  explicit PermitWaiter(std::uint64_t the_count) : count(the_count) {}
  const std::uint64_t count;
  WaitPoint point;
  Permit granted;  ///< written before the wake, under the pool's mutex
};

// shared because permits may be returned after their Permits has gone
class PermitPool : public std::enable_shared_from_this<PermitPool> {
 public:
  PermitPool(std::uint64_t total, std::string what) : what_(std::move(what)) { stats_.total = stats_.free = total; }

  Permit try_acquire(std::uint64_t count) {
    std::lock_guard lock(mutex_);
    return can_take(count) ? take(count) : Permit();
  }
  // shared because permits may be returned after their Permits has gone
  static Task<Permit> acquire(std::shared_ptr<PermitPool> pool, std::uint64_t count, Deadline deadline);
  void give_back(std::uint64_t count, base::Instant since);
  /// Of a permit that was merged into an older one.
  void make_older(std::uint64_t count, base::Instant since, base::Instant older) {
    std::lock_guard lock(mutex_);
    held_.move(since, older, count);
  }
  std::optional<PermitHold> held_longer_than(base::Nanos threshold) const;
  void close();
  PermitStats stats() const;

 private:
  // shared because the queue and the waiting task may each let go first
  using Waiter = std::shared_ptr<PermitWaiter>;

  bool can_take(std::uint64_t count) const { return !is_closed_ && waiters_.empty() && count <= stats_.free; }
  Permit take(std::uint64_t count) {
    const base::Instant now = base::now();
    stats_.free -= count;
    held_.take(now, count);
    // shared because permits may be returned after their Permits has gone
    return Permit(shared_from_this(), count, now);
  }
  void put_back(std::uint64_t count, base::Instant since) {
    held_.give_back(since, count);
    stats_.free += count;
    SLUICE_DEBUG_ASSERT(stats_.free + held_.total() == stats_.total);
  }
  void grant();
  base::Result<void> enter(const Waiter& waiter, Permit& permit);
  void leave(const Waiter& waiter, base::Nanos waited);

  mutable std::mutex mutex_;
  const std::string what_;
  std::deque<Waiter> waiters_;  ///< first come, first served
  bool is_closed_ = false;
  HeldUnits held_;
  PermitStats stats_;  ///< but for what follows from the rest
};

/// Grants from the front as long as there is enough. Under the mutex: a wake only posts.
void PermitPool::grant() {
  while (!waiters_.empty() && waiters_.front()->count <= stats_.free) {
    const Waiter waiter = std::move(waiters_.front());
    waiters_.pop_front();
    waiter->granted = take(waiter->count);
    if (waiter->point.waker().wake()) continue;
    // It has just been cancelled or is late: what it would have had is the next one's.
    put_back(std::exchange(waiter->granted.count_, 0), waiter->granted.since_);
  }
}

base::Result<void> PermitPool::enter(const Waiter& waiter, Permit& permit) {
  std::lock_guard lock(mutex_);
  if (is_closed_) return base::fail(terminated(what_));
  if (waiter->count == 0 || waiter->count > stats_.total) {
    return base::fail(base::Code::InvalidArgument, "a permit for " + std::to_string(waiter->count) + " of " + what_,
                      "there are " + std::to_string(stats_.total));
  }
  if (can_take(waiter->count)) {
    permit = take(waiter->count);
    return {};
  }
  waiters_.push_back(waiter);
  ++stats_.waits;
  stats_.waiting_high_water = std::max(stats_.waiting_high_water, waiters_.size());
  return {};
}

void PermitPool::leave(const Waiter& waiter, base::Nanos waited) {
  std::lock_guard lock(mutex_);
  stats_.wait_total += waited;
  stats_.wait_max = std::max(stats_.wait_max, waited);
  if (std::erase(waiters_, waiter) > 0) grant();  // those behind it may have wanted less
}

// shared because permits may be returned after their Permits has gone
Task<Permit> PermitPool::acquire(std::shared_ptr<PermitPool> pool, std::uint64_t count, Deadline deadline) {
  // shared because the queue and the waiting task may each let go first
  const auto waiter = std::make_shared<PermitWaiter>(count);
  Permit permit;
  SLUICE_CO_CHECK(pool->enter(waiter, permit));
  if (permit) co_return permit;
  const base::Instant began = base::now();
  const Wake wake = co_await waiter->point.wait(deadline);
  pool->leave(waiter, base::now() - began);
  if (wake == Wake::Cancelled) co_return base::fail(cancelled("waiting for " + pool->what_));
  if (wake == Wake::Expired) {
    co_return base::fail(deadline_exceeded("waiting for " + pool->what_, base::now() - began));
  }
  if (!waiter->granted) co_return base::fail(terminated(pool->what_));
  co_return std::move(waiter->granted);
}

void PermitPool::give_back(std::uint64_t count, base::Instant since) {
  std::lock_guard lock(mutex_);
  put_back(count, since);
  stats_.held_max = std::max(stats_.held_max, base::now() - since);
  if (!is_closed_) grant();
}

void PermitPool::close() {
  std::deque<Waiter> waiters;
  {
    std::lock_guard lock(mutex_);
    is_closed_ = true;
    waiters.swap(waiters_);
  }
  for (const Waiter& waiter : waiters) waiter->point.waker().wake();  // with nothing granted
}

PermitStats PermitPool::stats() const {
  std::lock_guard lock(mutex_);
  PermitStats stats = stats_;
  stats.held = held_.total();
  stats.waiting = waiters_.size();
  return stats;
}

std::optional<PermitHold> PermitPool::held_longer_than(base::Nanos threshold) const {
  std::lock_guard lock(mutex_);
  const HeldUnits::Late late = held_.longer_than(threshold, base::now());
  if (late.units == 0) return {};
  return PermitHold{.what = what_, .units = late.units, .longest = late.longest, .waiting = waiters_.size()};
}

}  // namespace detail

// shared because permits may be returned after their Permits has gone
Permit::Permit(std::shared_ptr<detail::PermitPool> pool, std::uint64_t count, base::Instant since)
    : pool_(std::move(pool)), count_(count), since_(since) {}

Permit::Permit(Permit&& other) noexcept
    : pool_(std::move(other.pool_)), count_(std::exchange(other.count_, 0)), since_(other.since_) {}

Permit& Permit::operator=(Permit&& other) noexcept {
  if (this == &other) return *this;
  release();
  pool_ = std::move(other.pool_);
  count_ = std::exchange(other.count_, 0);
  since_ = other.since_;
  return *this;
}

Permit Permit::split(std::uint64_t count) {
  SLUICE_ASSERT(count <= count_);
  count_ -= count;
  return {pool_, count, since_};
}

void Permit::merge(Permit other) {
  if (!other) return;
  SLUICE_ASSERT(!*this || pool_ == other.pool_);
  if (!*this) {
    *this = std::move(other);
    return;
  }
  const base::Instant older = std::min(since_, other.since_);
  if (since_ != older) pool_->make_older(count_, since_, older);
  if (other.since_ != older) pool_->make_older(other.count_, other.since_, older);
  count_ += std::exchange(other.count_, 0);
  since_ = older;
}

void Permit::release() {
  if (count_ > 0) pool_->give_back(std::exchange(count_, 0), since_);
  pool_.reset();
}

std::string to_text(const PermitHold& hold) {
  const bool is_one = hold.units == 1;
  std::string text = std::to_string(hold.units) + " of '" + hold.what + "' " + (is_one ? "has" : "have") +
                     " been held for " + base::format_duration(hold.longest);
  if (hold.waiting == 0) return text;
  return text + ", and " + std::to_string(hold.waiting) +
         (hold.waiting == 1 ? " task waits for " : " tasks wait for ") + (is_one ? "it" : "them");
}

std::optional<PermitHold> PermitProbe::held_longer_than(base::Nanos threshold) const {
  const auto pool = pool_.lock();
  return pool ? pool->held_longer_than(threshold) : std::nullopt;
}

Permits::Permits(std::uint64_t total, std::string what)
    // shared because permits may be returned after this has gone
    : pool_(std::make_shared<detail::PermitPool>(total, std::move(what))) {}

Permits::~Permits() { close(); }
Task<Permit> Permits::acquire(std::uint64_t count, Deadline deadline) {
  return detail::PermitPool::acquire(pool_, count, deadline);
}
Permit Permits::try_acquire(std::uint64_t count) { return pool_->try_acquire(count); }
void Permits::close() { pool_->close(); }
PermitStats Permits::stats() const { return pool_->stats(); }

}  // namespace sluice::async
