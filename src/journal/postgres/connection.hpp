#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "journal/postgres/binding.hpp"
#include "journal/postgres/lookups.hpp"
#include "journal/postgres/server_address.hpp"
#include "journal/tiers/backend.hpp"

struct pg_conn;  // libpq's PGconn

namespace sluice::journal::postgres {

/// What is being done, for errors ("append blocks"), and how long it may last.
struct Call {
  const CallBounds& bounds;
  std::string_view what;
};

/// A statement that is prepared once a connection.
struct Statement {
  const char* name;
  const char* text;
};

/// What connections of one kind have in common.
struct ConnectionOptions {
  base::Nanos connect_timeout = base::Nanos{5'000'000'000};
  std::string application_name = "sluice";
  LookupsPtr lookups = std::make_shared<Lookups>();
};

/// One connection to a server. Its socket never blocks: each call waits by poll() for the server, the deadline and the
/// cancellation together. A call that ended with the server in the middle of something leaves the connection unusable:
/// its owner drops it, and the server notices the closed socket (client_connection_check_interval) and ends what it was
/// doing. That stands in for PQcancel, which waits for a server without a bound: for ever where that one is stopped.
/// One thread at a time.
class Connection {
 public:
  /// Errors: Unavailable, Unauthenticated, NotFound (the database), PermissionDenied, DeadlineExceeded, Cancelled.
  static base::Result<std::unique_ptr<Connection>> connect(const ServerAddress& address,
                                                           const ConnectionOptions& options, const Call& call);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// One or more fixed statements; the rows of the last one that has some, in text format.
  base::Result<Rows> run(const std::string& statements, const Call& call);
  /// One statement with bound values.
  base::Result<Rows> query(const std::string& text, const Params& params, const Call& call);
  base::Result<Rows> query(const Statement& statement, const Params& params, const Call& call);

  /// COPY ... FROM STDIN: begin, any number of pieces, end. What a server has against a row is told by the end.
  base::Result<void> begin_copy(const std::string& statement, const Call& call);
  base::Result<void> put_copy(std::string_view piece, const Call& call);
  base::Result<void> end_copy(const Call& call);

  /// False once a call was left in the middle, or the server has gone.
  bool is_usable() const;
  /// Also looks whether the server has closed it while it was idle.
  bool is_alive();
  bool is_in_transaction() const;
  const ServerAddress& address() const { return address_; }
  /// The process that serves it, on the server's host.
  int server_pid() const;

 private:
  class CancelWatch;
  explicit Connection(const ServerAddress& address) : address_(address) {}

  base::Result<void> open(const ConnectionOptions& options, const Call& call);
  base::Result<void> start(const ConnectionOptions& options, const Call& call);
  base::Result<void> finish_connecting(const Call& call);
  base::Result<void> set_session(const Call& call);
  base::Result<void> prepare(const Statement& statement, const Params& params, const Call& call);
  base::Result<void> send(bool was_queued, const Call& call);
  base::Result<Rows> collect(const Call& call);
  base::Result<void> flush(const Call& call);
  base::Result<void> wait(short events, const Call& call);
  base::Result<void> check(const Call& call) const;
  base::Error failed_to_connect(const Call& call) const;
  base::Error lost(const Call& call);
  base::Error error_of(const pg_result* result, const Call& call) const;

  ServerAddress address_;
  pg_conn* connection_ = nullptr;
  int wake_ = -1;  ///< an eventfd: a cancellation ends the poll
  bool is_broken_ = false;
  std::set<std::string, std::less<>> prepared_;
};

}  // namespace sluice::journal::postgres
