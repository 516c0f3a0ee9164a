#include "journal/postgres/connection_pool.hpp"

#include <fmt/format.h>

namespace sluice::journal::postgres {

Lease::~Lease() {
  if (connection_) pool_->give_back(std::move(connection_));
}

ConnectionPool::ConnectionPool(ServerAddress address, ConnectionOptions options, std::size_t connections_max)
    : address_(std::move(address)), options_(std::move(options)), connections_max_(connections_max) {}

base::Result<Lease> ConnectionPool::take(const Call& call) {
  SLUICE_CHECK(call.bounds.check(call.what));
  SLUICE_TRY(std::unique_ptr<Connection> connection, take_turn(call));
  while (connection && !connection->is_alive()) {
    const std::lock_guard lock(mutex_);
    connection.reset();
    if (idle_.empty()) break;
    connection = std::move(idle_.back());
    idle_.pop_back();
  }
  if (!connection) {
    auto made = Connection::connect(address_, options_, call);
    if (!made) {
      give_back(nullptr);
      return base::fail(std::move(made).error());
    }
    connection = std::move(*made);
  }
  return Lease(*this, std::move(connection));
}

/// An idle connection, or none: then the caller may make one.
base::Result<std::unique_ptr<Connection>> ConnectionPool::take_turn(const Call& call) {
  // Under the mutex, so that it cannot come between the look at the token and the wait.
  const async::OnCancel on_cancel(call.bounds.cancel, [this] {
    {
      const std::lock_guard lock(mutex_);
    }
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  const auto may_go_on = [&] { return in_use_ < connections_max_ || call.bounds.cancel.is_cancelled(); };
  changed_.wait_until(lock, base::to_chrono(call.bounds.deadline.when()), may_go_on);
  if (auto ok = call.bounds.check(call.what); !ok || in_use_ >= connections_max_) {
    base::Error error = ok ? base::Error{.code = base::Code::DeadlineExceeded} : std::move(ok).error();
    if (error.code == base::Code::DeadlineExceeded) {
      error.what =
          fmt::format("cannot {}: all {} connections are in use until the deadline", call.what, connections_max_);
      error.where = address_.where();
    }
    return base::fail(std::move(error));
  }
  ++in_use_;
  if (idle_.empty()) return nullptr;
  std::unique_ptr<Connection> connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection) {
  const bool is_kept = connection && connection->is_usable() && !connection->is_in_transaction();
  {
    const std::lock_guard lock(mutex_);
    --in_use_;
    if (is_kept) idle_.push_back(std::move(connection));
  }
  changed_.notify_one();
}

}  // namespace sluice::journal::postgres
