#pragma once

#include "journal/postgres/connection_pool.hpp"

namespace sluice::journal::postgres {

/// What begins with BEGIN and ends with commit(), or is rolled back at its end. The server ends each of its statements
/// at the call's deadline, too.
class Transaction {
 public:
  /// Sees one state of the database, and changes nothing.
  static base::Result<Transaction> read(ConnectionPool& pool, const Call& call);
  /// `first`: fixed statements that go with the BEGIN, to save the server's answer to it.
  static base::Result<Transaction> change(ConnectionPool& pool, const Call& call, std::string_view first = "");
  Transaction(Transaction&& other) noexcept = default;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Connection& connection() const { return *lease_; }
  /// What the last of the first statements gave.
  const Rows& first_rows() const { return first_rows_; }
  /// An error may mean that it was made all the same: the answer did not come.
  base::Result<void> commit(const Call& call) const;

 private:
  static base::Result<Transaction> begin(ConnectionPool& pool, std::string_view begin, std::string_view first,
                                         const Call& call);
  explicit Transaction(Lease lease) : lease_(std::move(lease)) {}

  Lease lease_;
  Rows first_rows_;
};

/// What is left until a deadline, as the server's statement_timeout takes it: "0" is without a bound.
std::string statement_timeout(const CallBounds& bounds);

}  // namespace sluice::journal::postgres
