#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"
#include "base/time.hpp"
#include "journal/sqlite/connection.hpp"
#include "journal/tiers/backend.hpp"

namespace sluice::journal {

// All of it inside of a transaction.

/// All heads, by key: the rows, and what the blocks behind the last of them add. Errors: the connection's, Corrupt.
base::Result<std::vector<PartyHead>> all_heads(Connection& connection);

/// The heads of parties, as the one writer of a file keeps them. With a row for each block that comes, a thousand
/// parties would rewrite all pages of their table every second: a row is put when something happened (a block that is
/// no interval and no records), after ten seconds, or after 4,096 blocks, and then all that have changed. Until then
/// the blocks themselves say it. One thread at a time.
class PartyHeads {
 public:
  /// One more block of a party, which has this number in the database. Errors: the connection's; InvalidArgument where
  /// the party has used the block's number before.
  base::Result<void> use(Connection& connection, std::int64_t party, const BlockHeader& header);
  /// After a commit's blocks: what it says of its parties. Numbers have been checked.
  base::Result<void> put(Connection& connection, std::span<const PartyHead> heads);
  /// Brings the rows up to date, before they are changed by hand.
  base::Result<void> settle(Connection& connection);
  /// Nothing of it is known any more: rows were changed by hand, or a transaction was rolled back.
  void forget();

 private:
  struct Known {
    PartyHead head;  ///< as of the last block
    bool is_changed = false;
  };
  base::Result<Known*> known(Connection& connection, std::int64_t party, std::uint64_t seq);
  base::Result<void> put_changed(Connection& connection);

  std::unordered_map<std::int64_t, Known> known_;  ///< those that were asked for
  std::vector<std::int64_t> changed_;              ///< since their rows were put
  std::uint64_t blocks_ = 0;                       ///< since then
  bool has_event_ = false;                         ///< since then
  base::Instant put_at_;
  bool is_settled_ = false;  ///< rows and known_ are all there is
};

/// Replaces the rows of these parties. Numbers have been checked.
base::Result<void> put_heads(Connection& connection, std::span<const PartyHead> heads);
/// A party's head and gaps go.
base::Result<void> remove_head(Connection& connection, std::int64_t party);

}  // namespace sluice::journal
