#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "journal/postgres/connection.hpp"

namespace sluice::journal::postgres {

class ConnectionPool;

/// A connection that is in use, given back at its end: to be used again, or dropped where it is not usable any more or
/// stands in a transaction.
class Lease {
 public:
  Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection)
      : pool_(&pool), connection_(std::move(connection)) {}
  Lease(Lease&& other) noexcept = default;
  Lease& operator=(Lease&&) = delete;
  ~Lease();

  /// False once it was moved from.
  bool is_held() const { return connection_ != nullptr; }
  Connection& operator*() const { return *connection_; }
  Connection* operator->() const { return connection_.get(); }

 private:
  ConnectionPool* pool_;
  std::unique_ptr<Connection> connection_;
};

/// At most `connections_max` connections, made when they are wanted and kept. What broke, or was closed by the server
/// meanwhile, is replaced by the next take(). Any thread; outlives its leases.
class ConnectionPool {
 public:
  ConnectionPool(ServerAddress address, ConnectionOptions options, std::size_t connections_max);

  /// Waits while all are in use. Errors: those of Connection::connect().
  base::Result<Lease> take(const Call& call);
  const ServerAddress& address() const { return address_; }

 private:
  friend class Lease;
  base::Result<std::unique_ptr<Connection>> take_turn(const Call& call);
  void give_back(std::unique_ptr<Connection> connection);

  const ServerAddress address_;
  const ConnectionOptions options_;
  const std::size_t connections_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t in_use_ = 0;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace sluice::journal::postgres
