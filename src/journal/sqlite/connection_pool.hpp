#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/error.hpp"
#include "journal/sqlite/connection.hpp"
#include "journal/tiers/backend.hpp"

namespace sluice::journal {

/// At most `connections_max` connections, made when they are wanted and used again. Any thread. Outlives its leases.
class ConnectionPool {
 public:
  using Make = std::function<base::Result<std::unique_ptr<Connection>>()>;
  ConnectionPool(std::size_t connections_max, Make make) : connections_max_(connections_max), make_(std::move(make)) {}

  /// A connection for one call; goes back at its end.
  class Lease {
   public:
    Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    ~Lease() {
      if (connection_) pool_->give_back(std::move(connection_));
    }
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    Connection& operator*() const { return *connection_; }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  /// Waits for one until the bounds have passed. Errors: those of the bounds, and of making one.
  base::Result<Lease> lease(const CallBounds& bounds, std::string_view what);
  /// Makes one known that is there already, and idle.
  void give_back(std::unique_ptr<Connection> connection);
  /// For one that was made outside and counts.
  void adopt(std::unique_ptr<Connection> connection);

 private:
  const std::size_t connections_max_;
  const Make make_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::size_t connections_ = 0;  ///< leased and idle ones
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace sluice::journal
