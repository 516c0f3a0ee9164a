#include "journal/sqlite/connection_pool.hpp"

#include <algorithm>
#include <utility>

namespace sluice::journal {

namespace {
constexpr base::Nanos kLookEvery{10'000'000};  ///< a cancelled token wakes nobody here
}  // namespace

base::Result<ConnectionPool::Lease> ConnectionPool::lease(const CallBounds& bounds, std::string_view what) {
  SLUICE_CHECK(bounds.check(what));
  std::unique_lock lock(mutex_);
  while (idle_.empty() && connections_ >= connections_max_) {
    returned_.wait_until(lock, base::to_chrono(std::min(bounds.deadline.when(), base::now() + kLookEvery)));
    SLUICE_CHECK(bounds.check(what));
  }
  if (!idle_.empty()) {
    Lease lease(*this, std::move(idle_.back()));
    idle_.pop_back();
    return lease;
  }
  ++connections_;
  lock.unlock();
  auto made = make_();
  if (made) return Lease(*this, std::move(*made));
  lock.lock();
  --connections_;
  returned_.notify_one();
  return base::fail(std::move(made).error());
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection) {
  {
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

void ConnectionPool::adopt(std::unique_ptr<Connection> connection) {
  const std::scoped_lock lock(mutex_);
  ++connections_;
  idle_.push_back(std::move(connection));
}

}  // namespace sluice::journal
