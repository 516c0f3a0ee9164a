#include "journal/postgres/transaction.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace sluice::journal::postgres {

namespace {

/// A rollback that takes longer is left alone, and the connection is dropped: the server rolls back then.
constexpr base::Nanos kRollbackWait{500'000'000};

}  // namespace

std::string statement_timeout(const CallBounds& bounds) {
  if (bounds.deadline.is_never()) return "0";
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(bounds.deadline.left()).count();
  return std::to_string(std::clamp<std::int64_t>(left, 1, std::numeric_limits<std::int32_t>::max()));
}

base::Result<Transaction> Transaction::read(ConnectionPool& pool, const Call& call) {
  return begin(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", "", call);
}

base::Result<Transaction> Transaction::change(ConnectionPool& pool, const Call& call, std::string_view first) {
  // Not REPEATABLE READ: what comes after the wait for the lock has to see what its last holder did.
  return begin(pool, "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE", first, call);
}

base::Result<Transaction> Transaction::begin(ConnectionPool& pool, std::string_view begin, std::string_view first,
                                             const Call& call) {
  SLUICE_TRY(Lease lease, pool.take(call));
  Transaction transaction(std::move(lease));
  const std::string statements =
      fmt::format("{}; SET LOCAL statement_timeout = {}; {}", begin, statement_timeout(call.bounds), first);
  SLUICE_TRY(transaction.first_rows_, transaction.connection().run(statements, call));
  return transaction;
}

Transaction::~Transaction() {
  if (!lease_.is_held() || !lease_->is_usable() || !lease_->is_in_transaction()) return;
  const CallBounds bounds{.deadline = async::Deadline::in(kRollbackWait)};
  // Where it fails, the connection stays in the transaction, and is dropped for that.
  (void)lease_->run("ROLLBACK", {.bounds = bounds, .what = "roll back"});
}

base::Result<void> Transaction::commit(const Call& call) const {
  SLUICE_CHECK(lease_->run("COMMIT", call));
  return {};
}

}  // namespace sluice::journal::postgres
