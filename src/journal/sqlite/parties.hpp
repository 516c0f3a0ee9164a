#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>

#include "base/error.hpp"
#include "journal/tiers/stored_block.hpp"

namespace sluice::journal {

class Connection;

/// The parties that a connection knows by their numbers in the database, where their names stand once. They are only
/// ever added to, so what was read stays true. Of one thread, inside of a transaction.
class PartyNames {
 public:
  /// Errors: Corrupt for a number that is not there, and the connection's.
  base::Result<const PartyKey*> name(Connection& connection, std::int64_t number);
  /// Nothing where the party has never been heard of.
  base::Result<std::optional<std::int64_t>> number(Connection& connection, const PartyKey& key);
  /// Gives it a number where it has none.
  base::Result<std::int64_t> number_or_new(Connection& connection, const PartyKey& key);
  /// The number of a run, which is given one where it has none.
  static base::Result<std::int64_t> run_or_new(Connection& connection, const std::string& run);
  /// All that there are now.
  base::Result<const std::map<std::int64_t, PartyKey>*> all(Connection& connection);
  /// After a transaction that was rolled back.
  void forget();

 private:
  struct Hash {
    std::size_t operator()(const PartyKey& key) const;
  };
  base::Result<void> read_new(Connection& connection);
  void keep(std::int64_t number, PartyKey key);

  std::map<std::int64_t, PartyKey> names_;
  std::unordered_map<PartyKey, std::int64_t, Hash> numbers_;
};

}  // namespace sluice::journal
